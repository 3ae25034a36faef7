"""How is a report worded in each language: its words, numbers, dates and lengths?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from agent.clock import moment
from agent.words import Language

NOTHING: Final = "-"
_MARKS: Final = {"en": (",", "."), "de": (".", ",")}
"""Between thousands, and before the first decimal place."""

# A key of one language is in every other, with the same places for values.
WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "alerts": "Alerts",
        "alerts_count": "{opened} opened, {resolved} resolved, {open_now} open now",
        "alerts_none": "No alert was opened or resolved, and none is open.",
        "alert_acknowledged": "acknowledged",
        "alert_active": "open",
        "alert_resolved": "over",
        "alert_snoozed": "snoozed",
        "attempt": "attempt {number}",
        "average": "Average",
        "attempts_failed": "Failed attempts",
        "before": "{rate} on average on the days before",
        "cause": "Cause",
        "count": "Count",
        "cpu": "Processors",
        "daily_title": "Daily report",
        "date_long": "{weekday}, {day} {month} {year}",
        "date_short": "{weekday} {day} {month}",
        "days": "Success rate, day by day",
        "day_hours": "{days} d {hours} h",
        "disk": "Disk",
        "empty": "Nothing was due and nothing ran.",
        "ending": "Ending",
        "ending_aborted": "aborted",
        "ending_error": "failed",
        "ending_killed_memory": "out of memory",
        "ending_lost": "lost",
        "ending_missed": "missed",
        "ending_skipped": "skipped",
        "ending_success": "succeeded",
        "ending_timeout": "timed out",
        "errors_title": "Error report",
        "exit": "exit status {status}",
        "failed": "Failed",
        "failures": "What failed",
        "failures_none": "Nothing failed.",
        "failing": "Which tasks failed",
        "from_to": "{start} to {end}",
        "host": "The server",
        "host_mean_peak": "{mean} on average, {peak} at most",
        "host_none": "Nothing was measured in this time.",
        "hours": "Runs per hour",
        "hours_minutes": "{hours} h {minutes} min",
        "last": "Last",
        "last_line": "last line",
        "longest": "Longest",
        "made": "Made by Smart Cron on {agent}, {at} ({zone}).",
        "memory": "Memory",
        "minutes_seconds": "{minutes} min {seconds} s",
        "missed": "Missed moments",
        "missed_none": "No due moment was missed.",
        "missed_tile": "Missed",
        "months": "January|February|March|April|May|June|July|August|September|October|November"
        "|December",
        "months_short": "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
        "more": "... and {count} more: {command}",
        "more_failures": "{count} more failed attempts are not shown: {command}",
        "percent": "{number}%",
        "proof_bad": "The ledger is not whole: {due} due moments, {rows} rows, {missing} missing,"
        " {doubled} doubled. {command} names them.",
        "proof_good": "The ledger is whole: {due} due moments, {rows} rows, {missing} missing.",
        "proof_none": "The ledger has decided nothing of this time yet.",
        "proof_old": "Rows of this time may have been removed by age: nothing is proved of it.",
        "rate_tile": "Succeeded",
        "runs": "Runs",
        "seconds": "{seconds} s",
        "severity_critical": "critical",
        "severity_high": "high",
        "severity_medium": "medium",
        "slowest": "Slowest tasks",
        "slowest_none": "Nothing ran long enough to be told.",
        "so_far": "so far, up to {at}",
        "state": "State",
        "subject_daily": "{date}: {failed} of {runs} runs failed",
        "subject_errors": "failed attempts: {failed}, missed moments: {missed}",
        "summary": "Retries: {retries}. Duration: {average} on average, 95% within {p95}.",
        "summed": "Sums are of whole hours of UTC: of hours that begin {minutes} min earlier.",
        "task": "Task",
        "times_usual": "{factor} times the usual",
        "usual": "Usual",
        "weekdays": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
        "weekdays_short": "Mon|Tue|Wed|Thu|Fri|Sat|Sun",
        "what": "What",
        "when": "When",
        "zone": "times of {zone}",
    },
    "de": {
        "alerts": "Alarme",
        "alerts_count": "{opened} gekommen, {resolved} vorbei, {open_now} jetzt offen",
        "alerts_none": "Kein Alarm kam oder ging, und keiner ist offen.",
        "alert_acknowledged": "angenommen",
        "alert_active": "offen",
        "alert_resolved": "vorbei",
        "alert_snoozed": "zurückgestellt",
        "attempt": "Versuch {number}",
        "average": "Im Mittel",
        "attempts_failed": "Gescheiterte Versuche",
        "before": "an den Tagen davor im Mittel {rate}",
        "cause": "Grund",
        "count": "Anzahl",
        "cpu": "Prozessoren",
        "daily_title": "Tagesbericht",
        "date_long": "{weekday}, {day}. {month} {year}",
        "date_short": "{weekday} {day}. {month}",
        "days": "Erfolgsquote, Tag für Tag",
        "day_hours": "{days} T. {hours} Std.",
        "disk": "Festplatte",
        "empty": "Nichts war fällig, und nichts lief.",
        "ending": "Ausgang",
        "ending_aborted": "abgebrochen",
        "ending_error": "gescheitert",
        "ending_killed_memory": "zu viel Speicher",
        "ending_lost": "verloren",
        "ending_missed": "verpasst",
        "ending_skipped": "ausgelassen",
        "ending_success": "gelungen",
        "ending_timeout": "Zeit überschritten",
        "errors_title": "Fehlerbericht",
        "exit": "Exit-Status {status}",
        "failed": "Gescheitert",
        "failures": "Was scheiterte",
        "failures_none": "Nichts scheiterte.",
        "failing": "Welche Aufgaben scheiterten",
        "from_to": "{start} bis {end}",
        "host": "Der Server",
        "host_mean_peak": "im Mittel {mean}, höchstens {peak}",
        "host_none": "In dieser Zeit wurde nichts gemessen.",
        "hours": "Läufe je Stunde",
        "hours_minutes": "{hours} Std. {minutes} min",
        "last": "Zuletzt",
        "last_line": "letzte Zeile",
        "longest": "Längster",
        "made": "Erstellt von Smart Cron auf {agent}, {at} ({zone}).",
        "memory": "Arbeitsspeicher",
        "minutes_seconds": "{minutes} min {seconds} s",
        "missed": "Verpasste Zeitpunkte",
        "missed_none": "Kein fälliger Zeitpunkt wurde verpasst.",
        "missed_tile": "Verpasst",
        "months": "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November"
        "|Dezember",
        "months_short": "Jan.|Feb.|März|Apr.|Mai|Juni|Juli|Aug.|Sept.|Okt.|Nov.|Dez.",
        "more": "... und {count} weitere: {command}",
        "more_failures": "{count} weitere gescheiterte Versuche sind nicht gezeigt: {command}",
        "percent": "{number}\u00a0%",
        "proof_bad": "Das Laufbuch ist nicht vollständig: {due} fällige Zeitpunkte, {rows} Zeilen,"
        " {missing} fehlen, {doubled} sind doppelt. {command} nennt sie.",
        "proof_good": "Das Laufbuch ist vollständig: {due} fällige Zeitpunkte, {rows} Zeilen,"
        " {missing} fehlen.",
        "proof_none": "Über diese Zeit hat das Laufbuch noch nichts entschieden.",
        "proof_old": "Zeilen dieser Zeit können dem Alter nach entfernt sein: bewiesen ist nichts.",
        "rate_tile": "Gelungen",
        "runs": "Läufe",
        "seconds": "{seconds} s",
        "severity_critical": "kritisch",
        "severity_high": "hoch",
        "severity_medium": "mittel",
        "slowest": "Langsamste Aufgaben",
        "slowest_none": "Nichts lief so lange, dass davon zu reden wäre.",
        "so_far": "bisher, bis {at}",
        "state": "Stand",
        "subject_daily": "{date}: {failed} von {runs} Läufen gescheitert",
        "subject_errors": "gescheiterte Versuche: {failed}, verpasste Zeitpunkte: {missed}",
        "summary": "Wiederholungen: {retries}. Dauer: im Mittel {average}, 95 % innerhalb von"
        " {p95}.",
        "summed": "Summen gehen nach vollen Stunden von UTC, also nach solchen, die {minutes} min"
        " früher beginnen.",
        "task": "Aufgabe",
        "times_usual": "das {factor}-Fache",
        "usual": "Üblich",
        "weekdays": "Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag",
        "weekdays_short": "Mo.|Di.|Mi.|Do.|Fr.|Sa.|So.",
        "what": "Was",
        "when": "Wann",
        "zone": "Zeiten in {zone}",
    },
}
REASONS_DE: Final[dict[str, str]] = {
    "agent_down": "damals lief kein Agent",
    "row_lost": "die Zeile ging mit der Datenbank verloren",
    "blackout": "dann darf nichts beginnen",
    "by_request": "auf Wunsch",
    "catchup_limit": "es wurden mehr verpasst, als nachgeholt werden",
    "clock_jump": "die Uhr wurde darüber hinweg gestellt",
    "cpu_limit": "die Rechenzeit war verbraucht",
    "disabled": "abgeschaltet",
    "file_size_limit": "eine Datei wurde größer als erlaubt",
    "never_started": "ließ sich nicht starten",
    "no_ping": "es kam rechtzeitig kein Ping",
    "no_trace": "es fand sich keine Spur davon",
    "overlap": "der Lauf davor war nicht zu Ende",
    "paused": "angehalten",
    "queue_full": "es warteten schon genug",
    "reboot": "der Server wurde neu gestartet",
    "replaced": "ein neuerer Lauf trat an seine Stelle",
    "skip_next": "jemand ließ ihn aus",
    "storage": "die Platte war voll",
    "superseded": "der nächste planmäßige Lauf kam zuvor",
    "suspended": "der Server schlief damals",
    "too_late": "zu spät zum Beginnen",
    "unconfirmed": "die Datenbank fiel beim Auftrag aus",
    "withdrawn": "zurückgenommen",
}
"""Why a run was not started or was ended, by the codes of the ledger; those of English stand where
the command line says things."""


class Words:
    """The words of one language, and times as the clocks of one zone show them."""

    def __init__(self, language: Language, zone: ZoneInfo, reasons: Mapping[str, str]) -> None:
        self.language: Language = language
        self._words = WORDS[language]
        self._reasons = reasons
        self._zone = zone

    def __call__(self, key: str, **values: object) -> str:
        """The words of this key, with values in their places."""
        return self._words[key].format(**values)

    def known(self, kind: str, code: str) -> str:
        """The word for a code of this kind; one without a word stays as it is."""
        return self._words.get(f"{kind}_{code}", code)

    def cause(self, code: str) -> str:
        """What the code of a reason means; other words stay as they are."""
        return self._reasons.get(code, code)

    def number(self, value: float, *, places: int = 0) -> str:
        """`1,234.5`, `1.234,5`."""
        thousands, decimal = _MARKS[self.language]
        whole, _, rest = f"{value:,.{places}f}".partition(".")
        return whole.replace(",", thousands) + (decimal + rest if rest else "")

    def percent(self, share: float | None, *, places: int = 1) -> str:
        """A share; all or nothing is said only when it is."""
        if share is None:
            return NOTHING
        least = 10**-places
        hundredths = 100 * share
        if 0 < share < 1:
            hundredths = min(max(hundredths, least), 100 - least)
        is_whole = hundredths in (0, 100)
        number = self.number(hundredths, places=0 if is_whole else places)
        return self("percent", number=number)

    def length(self, length_ms: int | None) -> str:
        """`0.6 s`, `4 min 31 s`, `1 h 55 min`, `3 d 4 h`."""
        if length_ms is None:
            return NOTHING
        if length_ms < 60_000:
            places = 2 if length_ms < 1_000 else 1
            return self("seconds", seconds=self.number(length_ms / 1000, places=places))
        minutes, seconds = divmod(round(length_ms / 1000), 60)
        if minutes < 60:
            return self("minutes_seconds", minutes=minutes, seconds=f"{seconds:02d}")
        hours, minutes = divmod(minutes, 60)
        if hours < 24:
            return self("hours_minutes", hours=hours, minutes=f"{minutes:02d}")
        days, hours = divmod(hours, 24)
        return self("day_hours", days=self.number(days), hours=hours)

    def clock(self, at_ms: int) -> str:
        """`07:05`."""
        return self._local(at_ms).strftime("%H:%M")

    def date(self, at_ms: int) -> str:
        """`Wednesday, 25 November 2026`."""
        at = self._local(at_ms)
        return self(
            "date_long",
            weekday=self._one_of("weekdays", at.weekday()),
            day=at.day,
            month=self._one_of("months", at.month - 1),
            year=at.year,
        )

    def day(self, at_ms: int) -> str:
        """`Wed 25 Nov`."""
        at = self._local(at_ms)
        return self(
            "date_short",
            weekday=self._one_of("weekdays_short", at.weekday()),
            day=at.day,
            month=self._one_of("months_short", at.month - 1),
        )

    def at(self, at_ms: int) -> str:
        """`Wed 25 Nov 07:05`."""
        return f"{self.day(at_ms)} {self.clock(at_ms)}"

    def weekday(self, at_ms: int) -> str:
        """`Wed`."""
        return self._one_of("weekdays_short", self._local(at_ms).weekday())

    def _local(self, at_ms: int) -> datetime:
        return moment(at_ms).astimezone(self._zone)

    def _one_of(self, key: str, place: int) -> str:
        return self._words[key].split("|")[place]
