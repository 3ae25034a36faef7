"""Where the agent's own log lines go: the terminal, master.log, and errors.log for the bad ones."""

import asyncio
import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from agent.log import ROOT
from agent.settings import Home

ROTATE_BYTES = 10_000_000
GATHER_S: Final = 0.05
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_TRACES: Final = logging.Formatter()


class _Book(logging.Handler):
    """Writes each line to all its places; a full disk must not stop the agent.

    What is said in a loop and is not bad waits a moment for what is said after it.
    """

    def __init__(self, home: Home, terminal: TextIO | None) -> None:
        super().__init__()
        self._master = _Page(home.logs / "master.log")
        self._errors = _Page(home.logs / "errors.log")
        self._terminal = terminal
        self._lines: list[tuple[str, str]] = []  # each with what follows it, not written yet
        self._written_by: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        line, more = _line(record), _more(record)
        self._lines.append((line, more))
        if record.levelno >= logging.WARNING or not self._is_written_soon():
            self.flush()
        if record.levelno >= logging.ERROR:
            self._errors.write([line + more])

    def flush(self) -> None:
        self.acquire()  # lines come from any thread
        try:
            lines, self._lines, self._written_by = self._lines, [], None
            if lines:
                self._master.write([line + more for line, more in lines])
            if lines and self._terminal is not None:
                # A trace is for the files; whoever looks at the terminal gets the sentence.
                _say("\n".join(line for line, _ in lines), self._terminal)
        finally:
            self.release()

    def _is_written_soon(self) -> bool:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._written_by is not loop:
            loop.call_later(GATHER_S, self.flush)
            self._written_by = loop
        return True


class _Terminal(logging.Handler):
    """Writes each line to stderr, whatever that is when it comes."""

    def emit(self, record: logging.LogRecord) -> None:
        _say(_line(record) + _more(record), sys.stderr)


class _Page:
    """One log file, set aside once when it has grown."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, lines: list[str]) -> None:
        """Opened each time: a few times a second, and a folder or file may go at any time."""
        text = "\n".join(lines)
        try:
            # Without the layers of a text file: in a burst these lines are a tenth of the work.
            handle = os.open(self._path, _APPENDING, 0o600)
            try:
                status = os.fstat(handle)
                if status.st_mode & 0o777 != 0o600:
                    os.fchmod(handle, 0o600)
                data = f"{text}\n".encode(errors="backslashreplace")
                has_grown = status.st_size + len(data) > ROTATE_BYTES
                while data:  # a disk that is nearly full takes a part, and refuses the rest
                    data = data[os.write(handle, data) :]
            finally:
                os.close(handle)
            if has_grown:
                self._path.replace(self._path.with_suffix(".log.1"))
        except OSError as error:
            _say(f"{self._path}: {error}: {text}", sys.stderr)


def _say(line: str, terminal: TextIO) -> None:
    # It may be a file on the same full disk, or a terminal that was closed: nobody is left to tell.
    with suppress(OSError, ValueError):
        print(line, file=terminal, flush=True)


def open_logbook(home: Home, *, to_terminal: bool) -> None:
    """From here on, log lines of every part go to the home's log files (and the terminal)."""
    _send_to(_Book(home, sys.stderr if to_terminal else None), logging.INFO)


def only_bad_to_stderr() -> None:
    """From here on, what is bad goes to stderr and the rest nowhere: nobody serves a home."""
    _send_to(_Terminal(), logging.WARNING)


def _send_to(handler: logging.Handler, level: int) -> None:
    # At the root of all logs, so that what the loop itself complains of stands there as well.
    root = logging.getLogger()
    for before in [one for one in root.handlers if isinstance(one, _Book | _Terminal)]:
        root.removeHandler(before)
        before.flush()
    root.addHandler(handler)
    logging.getLogger(ROOT).setLevel(level)


def _line(record: logging.LogRecord) -> str:
    """`time level event key=value …`."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
    event = record.getMessage().partition("\n")[0]
    head = f"{at.removesuffix('+00:00')}Z {record.levelname.lower():<8} {event}"
    facts: dict[str, object] = getattr(record, "facts", {})
    return " ".join([head, *(f"{key}={_shown(value)}" for key, value in facts.items())])


def _more(record: logging.LogRecord) -> str:
    """The other lines of what was said, then what led to it, indented; mostly nothing."""
    lines = record.getMessage().splitlines()[1:]
    if record.exc_info:
        lines += _TRACES.formatException(record.exc_info).splitlines()
    return "".join(f"\n    {line}" for line in lines)


def _shown(value: Any) -> str:
    text = str(value)
    is_plain = text.isprintable() and " " not in text
    return text if text and is_plain else repr(text)
