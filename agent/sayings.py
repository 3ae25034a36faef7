"""What do our own alerts say in the language of whoever reads them?"""

import re
from functools import cache
from typing import Final

from agent.words import Language

OWN_RULE: Final = "own_rule"
"""The kind of alerts whose titles are somebody's own words."""

# What may stand at a place of this name, where it is not the name of a task or of another thing.
_PLACES: Final = {
    "attempt": r"\d+",
    "cause": r".*",
    "count": r"[\d ,]+",
    "minutes": r"\d+",
    "names": r".*",
    "part": r"[a-z0-9 ]+",
    "reason": r".*",
    "run": r"\w+",
    "seconds": r"[\d.]+",
    "since": r"\S+",
    "status": r"-?\d+",
    "usually": r"[\d.]+",
    "within": r"[\d.]+",
}
_NAME: Final = r"[^\s;]+"

# As they are written where each is found, and in German.
TITLES: Final = (
    ("{task} failed", "{task} ist gescheitert"),
    ("{task} failed, {count} times in a row", "{task} ist {count}-mal in Folge gescheitert"),
    (
        "{task} took longer than its time and was ended",
        "{task} überschritt seine Zeit und wurde beendet",
    ),
    (
        "{task} took longer than its time and was ended, {count} times in a row",
        "{task} überschritt {count}-mal in Folge seine Zeit und wurde beendet",
    ),
    ("{task} was ended for the memory it used", "{task} wurde beendet: zu viel Speicher"),
    (
        "{task} was ended for the memory it used, {count} times in a row",
        "{task} wurde {count}-mal in Folge beendet: zu viel Speicher",
    ),
    (
        "{task} was lost: nobody saw how it ended",
        "{task} ging verloren: niemand sah, wie es endete",
    ),
    (
        "{task} was lost: nobody saw how it ended, {count} times in a row",
        "{task} ging {count}-mal in Folge verloren: niemand sah, wie es endete",
    ),
    ("{task} was disabled", "{task} wurde abgeschaltet"),
    ("The database file is damaged", "Die Datei der Datenbank ist beschädigt"),
    (
        "The database was damaged and is made whole",
        "Die Datenbank war beschädigt und ist wiederhergestellt",
    ),
    (
        "The database was set back to an older copy",
        "Die Datenbank wurde auf eine ältere Kopie zurückgesetzt",
    ),
    ("The local journal was damaged", "Das lokale Journal war beschädigt"),
    ("{task} missed its due moment", "{task} hat seinen Zeitpunkt verpasst"),
    ("{count} tasks missed due moments", "{count} Aufgaben haben Zeitpunkte verpasst"),
    ("{task} started late", "{task} begann zu spät"),
    ("{task} takes long", "{task} dauert lange"),
    ("{task} is slower than usual", "{task} ist langsamer als üblich"),
    (
        "{task} succeeded in far less time than usual",
        "{task} gelang in viel kürzerer Zeit als üblich",
    ),
    (
        "{task} has not run for longer than expected",
        "{task} lief länger nicht als erwartet",
    ),
    ("{task} cannot be scheduled", "{task} lässt sich nicht planen"),
    ("No ping from {task}", "Kein Ping von {task}"),
    (
        "A change of {task} in the database is refused",
        "Eine Änderung von {task} in der Datenbank wird abgelehnt",
    ),
    ("Many runs are tried again", "Viele Läufe werden wiederholt"),
    ("Runs pile up", "Läufe stauen sich"),
    ("Less than 10 % of the disk is free", "Weniger als 10 % der Festplatte sind frei"),
    ("The disk fills up", "Die Festplatte füllt sich"),
    ("The disk will soon be full", "Die Festplatte wird bald voll sein"),
    ("The disk is full", "Die Festplatte ist voll"),
    ("The processors are busy", "Die Prozessoren sind ausgelastet"),
    ("Memory runs short", "Der Arbeitsspeicher wird knapp"),
    (
        "Hardly any file can be made: the inodes run out",
        "Es lassen sich kaum noch Dateien anlegen: die Inodes gehen aus",
    ),
    ("The scheduler wakes late", "Der Planer wacht zu spät auf"),
    ("The log folder takes no files", "Der Ordner der Protokolle nimmt keine Dateien an"),
    ("The database answers slowly", "Die Datenbank antwortet langsam"),
    ("Readers of the database wait", "Wer aus der Datenbank liest, wartet"),
    ("Writes to the database wait", "Was in die Datenbank soll, wartet"),
    ("The copy of the database is behind", "Die Kopie der Datenbank hinkt hinterher"),
    ("Database unreachable", "Datenbank nicht erreichbar"),
    ("Health check {name} is critical", "Prüfung {name} ist kritisch"),
    ("Check {name} warns", "Prüfung {name} warnt"),
    ("Check {name} is critical", "Prüfung {name} ist kritisch"),
    ("Check {name} could not be done", "Prüfung {name} war nicht möglich"),
    ("The agent is dead or frozen", "Der Agent ist tot oder steht still"),
    ("The clock was put right by hours", "Die Uhr wurde um Stunden gestellt"),
    (
        "The watch service is not told that the agent lives",
        "Der Wachdienst erfährt nicht, dass der Agent lebt",
    ),
    ("A template of messages is broken", "Eine Vorlage für Nachrichten ist fehlerhaft"),
    ("Alerts do not arrive by {name}", "Alarme kommen über {name} nicht an"),
    (
        "Secrets that the settings name are missing",
        "Geheimnisse fehlen, die in den Einstellungen genannt sind",
    ),
    ("The agent's {part} cannot work", "Ein Teil des Agenten kann nicht arbeiten: {part}"),
    (
        "The database is reached without encryption",
        "Die Datenbank wird ohne Verschlüsselung erreicht",
    ),
    ("A test by hand", "Ein Versuch von Hand"),
)
MESSAGES: Final = (
    (
        "It failed {count} times in a row and begins anew each time: {cause}. "
        "All else goes on; see the agent's log.",
        "Er scheiterte {count}-mal in Folge und beginnt jedes Mal von Neuem: {cause}. "
        "Alles andere geht weiter; siehe das Protokoll des Agenten.",
    ),
    (
        "database {name} is on another host, and nothing makes the way there encrypted: "
        "who can listen on it reads all rows, and may change them. Add ?ssl_ca=/path/ca.pem to "
        "database_url, or ?ssl_required=true where a known authority signed the server's "
        "certificate; ?ssl_required=false says that the way is safe without",
        "Die Datenbank {name} liegt auf einem anderen Host, und nichts verschlüsselt den Weg "
        "dorthin: wer mithören kann, liest alle Zeilen und kann sie ändern. Hängen Sie "
        "?ssl_ca=/pfad/ca.pem an database_url, oder ?ssl_required=true, wenn eine bekannte Stelle "
        "das Zertifikat des Servers unterschrieben hat; ?ssl_required=false sagt, dass der Weg "
        "auch so sicher ist",
    ),
    (
        "run {run}, attempt {attempt}: exit status {status}. {cause}",
        "Lauf {run}, Versuch {attempt}: Exit-Status {status}. {cause}",
    ),
    ("run {run}, attempt {attempt}: {cause}", "Lauf {run}, Versuch {attempt}: {cause}"),
    (
        "It failed {count} times in a row, the last time in run {run}; "
        "`smartcron-agent tasks enable {task}` puts it back on the schedule.",
        "Sie scheiterte {count}-mal in Folge, zuletzt im Lauf {run}; "
        "`smartcron-agent tasks enable {task}` nimmt sie wieder in den Plan auf.",
    ),
    (
        "not run: {reason}; its next good run ends this alert",
        "nicht gelaufen: {reason}; ihr nächster guter Lauf beendet diesen Alarm",
    ),
    (
        "the clock was set past them: {names}",
        "die Uhr wurde darüber hinweg gestellt: {names}",
    ),
    (
        "run {run} started {seconds} s after it was due",
        "Lauf {run} begann {seconds} s nach seinem Zeitpunkt",
    ),
    (
        "run {run} goes on after {seconds} s (warn_after_seconds); it is ended after {within} s",
        "Lauf {run} läuft nach {seconds} s noch (warn_after_seconds); nach {within} s wird er"
        " beendet",
    ),
    *(
        (
            f"run {{run}} took {{seconds}} s, usual{hour} are {{usually}} s{english}",
            f"Lauf {{run}} dauerte {{seconds}} s, üblich sind{stunde} {{usually}} s{other}",
        )
        for hour, stunde in (
            ("", ""),
            (" at this hour of the week", " zu dieser Stunde der Woche"),
        )
        for english, other in (
            (
                "; a run within {within} s ends this alert",
                "; ein Lauf innerhalb von {within} s beendet diesen Alarm",
            ),
            (
                ": did it do its work? A run of {within} s or more ends this alert",
                ": hat er seine Arbeit getan? Ein Lauf von {within} s oder mehr beendet diesen"
                " Alarm",
            ),
        )
    ),
    (
        "{count} retries of {attempt} tasks within {minutes} min: they may fail for something "
        "that they share; `smartcron-agent runs list --trigger retry` shows them",
        "{count} Wiederholungen von {attempt} Aufgaben innerhalb von {minutes} min: vielleicht"
        " fehlt etwas, das sie teilen; `smartcron-agent runs list --trigger retry` zeigt sie",
    ),
    (
        "The reserve {name} was given up so that what runs do can be recorded for a while; "
        "free some space.",
        "Die Reserve {name} wurde aufgegeben, damit sich eine Weile aufzeichnen lässt, was Läufe"
        " tun; schaffen Sie Platz.",
    ),
    (
        "{cause}; it does not run until its row is corrected",
        "{cause}; sie läuft nicht, bis ihre Zeile berichtigt ist",
    ),
    (
        "its last good run ended {minutes} min ago, {usually} min was the longest of the last "
        "{count} times; its moments pass unused ({reason}), its next good run ends this alert",
        "ihr letzter guter Lauf endete vor {minutes} min, {usually} min war das Längste der"
        " letzten {count} Male; ihre Zeitpunkte verstreichen ungenutzt ({reason}), ihr nächster"
        " guter Lauf beendet diesen Alarm",
    ),
    (
        "It was due and did not ping within {seconds} s (run {run}); "
        "see whether whatever starts it still does. The next good ping ends this alert.",
        "Sie war fällig und meldete sich nicht innerhalb von {seconds} s (Lauf {run}); "
        "sehen Sie nach, ob sie noch gestartet wird. Der nächste gute Ping beendet diesen Alarm.",
    ),
    (
        "{count} runs wait, the first for {seconds} s; "
        "more slots (max_running) or fewer tasks at the same minute help",
        "{count} Läufe warten, der erste seit {seconds} s; mehr Plätze (max_running) oder"
        " weniger Aufgaben zur selben Minute helfen",
    ),
    (
        "Since {since} the database takes nothing: {cause}. Runs go on "
        "and are kept in the local journal until it is back; changes are refused.",
        "Seit {since} nimmt die Datenbank nichts an: {cause}. Läufe gehen weiter und werden im"
        " örtlichen Journal gehalten, bis sie zurück ist; Änderungen werden abgelehnt.",
    ),
    (
        "Master runner: {cause}; nothing starts until it goes on",
        "Hauptprozess: {cause}; nichts beginnt, bis er weiterläuft",
    ),
    (
        "{cause}; it does not run until its definition is mended",
        "{cause}; sie läuft nicht, bis ihre Definition berichtigt ist",
    ),
    (
        "{cause}; version {count}, the last good definition, stays in force",
        "{cause}; Fassung {count}, die letzte gute Definition, bleibt in Kraft",
    ),
    (
        "{cause}; messages have the usual words until it is mended",
        "{cause}; bis sie berichtigt ist, haben Nachrichten die üblichen Worte",
    ),
    (
        "{cause} asked whether alerts arrive; nothing is wrong",
        "{cause} fragte, ob Alarme ankommen; es ist alles in Ordnung",
    ),
    ("{count} pings in a row failed: {cause}", "{count} Pings in Folge scheiterten: {cause}"),
    (
        "{cause}; `smartcron-agent alerts test --channel {name}` tries it",
        "{cause}; `smartcron-agent alerts test --channel {name}` versucht es",
    ),
)
_EFFECTS: Final = re.compile(r"(.*)\nThis caused (\d+) more: (.*?)( and (\d+) more)?\.", re.DOTALL)


def title_in(language: Language, title: str, *, kind: str) -> str:
    """The title of an alert of this kind; one that is somebody's own stays as it is."""
    if language == "en" or kind == OWN_RULE:
        return title
    return _said(title, TITLES)


def message_in(language: Language, message: str) -> str:
    """What an alert tells; what has no words in that language stays as it is."""
    if language == "en":
        return message
    found = _EFFECTS.fullmatch(message)
    if found is None:
        return _said(message, MESSAGES)
    effects = "; ".join(_said(one, TITLES) for one in found[3].split("; "))
    more = f" und {found[5]} weitere" if found[4] else ""
    return f"{_said(found[1], MESSAGES)}\nDas hatte {found[2]} weitere zur Folge: {effects}{more}."


def _said(text: str, sentences: tuple[tuple[str, str], ...]) -> str:
    for english, other in sentences:
        if found := _pattern(english).fullmatch(text):
            return other.format(**found.groupdict())
    return text


@cache
def _pattern(english: str) -> re.Pattern[str]:
    """Finds what stands at the places of a sentence; no place that is wide follows another one."""
    pieces = re.split(r"\{(\w+)\}", english)
    places = (f"(?P<{name}>{_PLACES.get(name, _NAME)})" for name in pieces[1::2])
    texts = [re.escape(piece) for piece in pieces[::2]]
    return re.compile(texts[0] + "".join(map("".join, zip(places, texts[1:], strict=True))), re.S)
