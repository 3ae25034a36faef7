"""Where the agent's own log lines go: the terminal, master.log, and errors.log for the bad ones."""

import os
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import structlog

from agent.settings import Home

BAD = frozenset({"error", "critical", "exception"})
ROTATE_BYTES = 10_000_000
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class _Book:
    """Writes each rendered line to all its places; a full disk must not stop the agent."""

    def __init__(self, home: Home, terminal: TextIO | None) -> None:
        self._master = _Page(home.logs / "master.log")
        self._errors = _Page(home.logs / "errors.log")
        self._terminal = terminal

    def msg(self, line: str) -> None:
        self._write(line, is_bad=False)

    log = debug = info = msg
    warning = warn = msg

    def error(self, line: str) -> None:
        self._write(line, is_bad=True)

    critical = fatal = exception = error

    def _write(self, line: str, *, is_bad: bool) -> None:
        self._master.write(line)
        if is_bad:
            self._errors.write(line)
        if self._terminal is not None:
            # A trace is for the files; whoever looks at the terminal gets the sentence.
            _say(line.partition("\n")[0], self._terminal)


class _Page:
    """One log file, set aside once when it has grown."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, line: str) -> None:
        """Opened for each line: a few a second, and a folder or file may go at any time."""
        try:
            # Without the layers of a text file: in a burst these lines are a tenth of the work.
            handle = os.open(self._path, _APPENDING, 0o600)
            try:
                status = os.fstat(handle)
                if status.st_mode & 0o777 != 0o600:
                    os.fchmod(handle, 0o600)
                data = f"{line}\n".encode(errors="backslashreplace")
                has_grown = status.st_size + os.write(handle, data) > ROTATE_BYTES
            finally:
                os.close(handle)
            if has_grown:
                self._path.replace(self._path.with_suffix(".log.1"))
        except OSError as error:
            _say(f"{self._path}: {error}: {line}", sys.stderr)


def _say(line: str, terminal: TextIO) -> None:
    # It may be a file on the same full disk, or a terminal that was closed: nobody is left to tell.
    with suppress(OSError, ValueError):
        print(line, file=terminal, flush=True)


def open_logbook(home: Home, *, to_terminal: bool) -> None:
    """From here on, log lines of every part go to the home's log files (and the terminal)."""
    book = _Book(home, sys.stderr if to_terminal else None)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _one_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=lambda *_: book,
        cache_logger_on_first_use=False,
    )


def _one_line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """`time level event key=value …`, a trace indented beneath."""
    trace = event.pop("exception", None)
    head = f"{event.pop('timestamp')} {event.pop('level'):<8} {event.pop('event')}"
    facts = " ".join(f"{key}={_shown(value)}" for key, value in event.items())
    line = f"{head} {facts}".rstrip()
    return line if trace is None else line + "\n    " + str(trace).replace("\n", "\n    ")


def _shown(value: Any) -> str:
    text = str(value)
    is_plain = text.isprintable() and " " not in text
    return text if text and is_plain else repr(text)
