"""How are mails and reports worded, in English and in German?"""

from typing import Final, Literal

Language = Literal["en", "de"]
LANGUAGES: Final = ("en", "de")

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "ack_hint": "`smartcron-agent alerts ack {alert}` says that you care for it,",
        "alert": "Alert",
        "alerts": "Alerts",
        "alerts_none": "No alert was opened or resolved.",
        "average": "Average",
        "count_first": "{count} alerts, first: {title}",
        "daily_title": "Daily report",
        "disk": "Disk",
        "cpu": "Processors",
        "critical": "critical",
        "ending_aborted": "aborted",
        "ending_error": "failed",
        "ending_killed_memory": "out of memory",
        "ending_lost": "lost",
        "ending_missed": "missed",
        "ending_skipped": "skipped",
        "ending_success": "succeeded",
        "ending_timeout": "timed out",
        "errors_title": "Error report",
        "exit": "Exit",
        "failures": "Failures",
        "failures_none": "Nothing went wrong.",
        "from": "from {start} to {end}",
        "high": "high",
        "host": "The host",
        "host_none": "No readings were kept in this time.",
        "last_runs": "Last runs of {task}",
        "longest": "Longest",
        "neglected": "nobody acknowledged it for {minutes} min",
        "made": "Made by Smart Cron on {agent}, {at}.",
        "medium": "medium",
        "memory": "Memory",
        "mean_and_peak": "{mean} on average, {peak} at most",
        "missed": "Missed",
        "more": "... and {count} more: `{command}`",
        "opened": "Opened",
        "opened_resolved": "{opened} opened, {resolved} resolved",
        "output_end": "The end of its output",
        "over": "over",
        "proof_bad": "Of {expected} due moments {missing} are missing, {doubled} are there twice:"
        " `smartcron-agent ledger check` names them.",
        "proof_good": "Each of {expected} due moments has its row: none is missing, none is there"
        " twice.",
        "proof_none": "No moment of this time has been decided yet.",
        "rate": "Success rate",
        "rate_by_hour": "Success rate by hour",
        "reason": "Reason",
        "resolved": "Resolved",
        "runs": "Runs",
        "runs_by_hour": "Runs by hour",
        "seen": "seen {count} x, alert {alert}",
        "severity": "Severity",
        "show_hint": "`smartcron-agent alerts show {alert}` shows all of it.",
        "since": "since {start}",
        "slowest": "Slowest tasks",
        "slowest_none": "Nothing ran.",
        "still_open": "open",
        "task": "Task",
        "times_usual": "{factor} times the usual",
        "usual": "Usual",
        "what": "What",
        "when": "When",
    },
    "de": {
        "ack_hint": "`smartcron-agent alerts ack {alert}` sagt, dass Sie sich darum kümmern,",
        "alert": "Alarm",
        "alerts": "Alarme",
        "alerts_none": "Kein Alarm kam oder ging.",
        "average": "Im Mittel",
        "count_first": "{count} Alarme, der erste: {title}",
        "daily_title": "Tagesbericht",
        "disk": "Festplatte",
        "cpu": "Prozessoren",
        "critical": "kritisch",
        "ending_aborted": "abgebrochen",
        "ending_error": "gescheitert",
        "ending_killed_memory": "zu wenig Speicher",
        "ending_lost": "verloren",
        "ending_missed": "verpasst",
        "ending_skipped": "ausgelassen",
        "ending_success": "gelungen",
        "ending_timeout": "Zeit überschritten",
        "errors_title": "Fehlerbericht",
        "exit": "Code",
        "failures": "Fehler",
        "failures_none": "Nichts ging schief.",
        "from": "von {start} bis {end}",
        "high": "hoch",
        "host": "Der Server",
        "host_none": "Aus dieser Zeit gibt es keine Messwerte.",
        "last_runs": "Letzte Läufe von {task}",
        "longest": "Längster",
        "neglected": "seit {minutes} min von niemandem bestätigt",
        "made": "Erstellt von Smart Cron auf {agent}, {at}.",
        "medium": "mittel",
        "memory": "Speicher",
        "mean_and_peak": "{mean} im Mittel, höchstens {peak}",
        "missed": "Verpasst",
        "more": "... und {count} weitere: `{command}`",
        "opened": "Seit",
        "opened_resolved": "{opened} neu, {resolved} vorbei",
        "output_end": "Das Ende der Ausgabe",
        "over": "vorbei",
        "proof_bad": "Von {expected} fälligen Zeitpunkten fehlen {missing}, {doubled} sind doppelt:"
        " `smartcron-agent ledger check` nennt sie.",
        "proof_good": "Jeder von {expected} fälligen Zeitpunkten hat seine Zeile: keiner fehlt,"
        " keiner ist doppelt.",
        "proof_none": "Über diese Zeit ist noch nicht entschieden.",
        "rate": "Erfolgsquote",
        "rate_by_hour": "Erfolgsquote je Stunde",
        "reason": "Grund",
        "resolved": "Vorbei",
        "runs": "Läufe",
        "runs_by_hour": "Läufe je Stunde",
        "seen": "{count} x gesehen, Alarm {alert}",
        "severity": "Schwere",
        "show_hint": "`smartcron-agent alerts show {alert}` zeigt alles dazu.",
        "since": "seit {start}",
        "slowest": "Langsamste Aufgaben",
        "slowest_none": "Nichts lief.",
        "still_open": "offen",
        "task": "Aufgabe",
        "times_usual": "das {factor}-Fache des Üblichen",
        "usual": "Üblich",
        "what": "Was",
        "when": "Wann",
    },
}


class Words:
    """The words of one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._words = WORDS[language]

    def __call__(self, key: str, **values: object) -> str:
        """The words of this key, with its values in their places."""
        return self._words[key].format(**values)

    def ending(self, status: str) -> str:
        """How a run ended; what has no words stays as it is."""
        return self._words.get(f"ending_{status}", status)

    def severity(self, severity: str) -> str:
        """How bad an alert is."""
        return self._words.get(severity, severity)

    def number(self, value: float, *, places: int = 0) -> str:
        """A number as this language writes it."""
        text = f"{value:,.{places}f}"
        return text.translate(_GERMAN) if self.language == "de" else text

    def percent(self, share: float | None, *, places: int = 1) -> str:
        """A share; never 100 % where something failed."""
        if share is None:
            return "-"
        most = 100 - 10**-places
        shown = 100.0 if share >= 1 else min(100 * share, most)
        return f"{self.number(shown, places=places)} %"

    def length(self, length_ms: int | None) -> str:
        """How long something took."""
        if length_ms is None:
            return "-"
        if length_ms < 60_000:
            return f"{self.number(length_ms / 1000, places=1)} s"
        minutes, seconds = divmod(round(length_ms / 1000), 60)
        if minutes < 60:
            return f"{minutes} min {seconds:02d} s"
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes:02d} min"


_GERMAN: Final = str.maketrans(",.", ".,")

REASONS_DE: Final = {
    "agent_down": "damals lief kein Agent",
    "blackout": "dann darf nichts beginnen",
    "by_request": "auf Wunsch",
    "catchup_limit": "es wurden mehr verpasst, als nachgeholt werden",
    "clock_jump": "die Uhr wurde darüber hinweg gestellt",
    "cpu_limit": "die Rechenzeit war verbraucht",
    "disabled": "abgeschaltet",
    "file_size_limit": "eine Datei wurde zu groß",
    "never_started": "ließ sich nicht starten",
    "no_ping": "es kam rechtzeitig kein Ping",
    "no_trace": "es war keine Spur davon zu finden",
    "overlap": "der Lauf davor war nicht zu Ende",
    "paused": "angehalten",
    "queue_full": "es warteten schon genug",
    "reboot": "der Server wurde neu gestartet",
    "replaced": "ein neuerer Lauf trat an seine Stelle",
    "skip_next": "jemand ließ ihn aus",
    "superseded": "der nächste planmäßige Lauf kam zuvor",
    "suspended": "der Server schlief damals",
    "too_late": "zum Beginnen zu spät",
    "unconfirmed": "die Datenbank fiel beim Auftrag aus",
    "withdrawn": "zurückgenommen",
}
"""What the codes of reasons mean; those of English stand beside the command line."""
