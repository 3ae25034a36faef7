"""How are mails about alerts worded, in English and in German?"""

from typing import Final, Literal

Language = Literal["en", "de"]
LANGUAGES: Final = ("en", "de")

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "ack_hint": "`smartcron-agent alerts ack {alert}` says that you care for it,",
        "alert": "Alert",
        "alerts": "Alerts",
        "cut": "... ({count} letters more)",
        "decimal": ".",
        "count_first": "{count} alerts, first: {title}",
        "critical": "critical",
        "ending_aborted": "aborted",
        "ending_error": "failed",
        "ending_killed_memory": "out of memory",
        "ending_lost": "lost",
        "ending_missed": "missed",
        "ending_queued": "waits",
        "ending_retry_wait": "waits to be tried again",
        "ending_running": "running",
        "ending_skipped": "skipped",
        "ending_starting": "starts",
        "ending_stopping": "is being stopped",
        "ending_success": "succeeded",
        "ending_timeout": "timed out",
        "from": "from {start} to {end}",
        "high": "high",
        "last_runs": "Last runs of {task}",
        "neglected": "nobody acknowledged it for {minutes} min",
        "medium": "medium",
        "more": "... and {count} more: `{command}`",
        "output_end": "The end of its output",
        "over": "over",
        "resolved": "Resolved",
        "seen": "seen {count} x, alert {alert}",
        "severity": "Severity",
        "show_hint": "`smartcron-agent alerts show {alert}` shows all of it.",
        "since": "since {start}",
        "task": "Task",
        "what": "What",
        "when": "When",
    },
    "de": {
        "ack_hint": "`smartcron-agent alerts ack {alert}` sagt, dass Sie sich darum kümmern,",
        "alert": "Alarm",
        "alerts": "Alarme",
        "cut": "... ({count} weitere Zeichen)",
        "decimal": ",",
        "count_first": "{count} Alarme, der erste: {title}",
        "critical": "kritisch",
        "ending_aborted": "abgebrochen",
        "ending_error": "gescheitert",
        "ending_killed_memory": "zu wenig Speicher",
        "ending_lost": "verloren",
        "ending_missed": "verpasst",
        "ending_queued": "wartet",
        "ending_retry_wait": "wartet auf den nächsten Versuch",
        "ending_running": "läuft",
        "ending_skipped": "ausgelassen",
        "ending_starting": "beginnt",
        "ending_stopping": "wird angehalten",
        "ending_success": "gelungen",
        "ending_timeout": "Zeit überschritten",
        "from": "von {start} bis {end}",
        "high": "hoch",
        "last_runs": "Letzte Läufe von {task}",
        "neglected": "seit {minutes} min von niemandem bestätigt",
        "medium": "mittel",
        "more": "... und {count} weitere: `{command}`",
        "output_end": "Das Ende der Ausgabe",
        "over": "vorbei",
        "resolved": "Vorbei",
        "seen": "{count} x gesehen, Alarm {alert}",
        "severity": "Schwere",
        "show_hint": "`smartcron-agent alerts show {alert}` zeigt alles dazu.",
        "since": "seit {start}",
        "task": "Aufgabe",
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
