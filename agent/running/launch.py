"""How does an order become a process in a session of its own?

Standard library only: the keeper imports this file.
"""

from __future__ import annotations

import errno
import os
import signal
import stat

from agent.running import confine, marks
from agent.running.journal import FULL

TYPE_CHECKING = False  # typing itself would cost the keeper half a megabyte
if TYPE_CHECKING:
    from typing import Any

SPOOL_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ALL_SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_REASONS = {
    "ENOEXEC": "{} is not a program; does its first line name an interpreter (#!)?",
    "EACCES": "{} may not be executed by this user",
    "EAGAIN": "the system starts no more processes now (limit reached)",
    "ENOMEM": "there is no memory for another process",
    "EMFILE": "the keeper has no file descriptor left",
    "E2BIG": "the command and its environment are too long",
}


class NotLaunched(Exception):
    """No process was started; the message says why, in words; `is_full` when the disk is.

    `has_begun` when its output is there already: whoever wrote that may live.
    """

    is_full = False
    has_begun = False


def launch(order: dict[str, Any]) -> int:
    """Start the process of an order and return its pid; raises NotLaunched.

    Its input is empty, both its outputs go into the spool file, in order.
    """
    folder = order["working_directory"]
    environment = order["environment"]
    try:
        home = os.open(".", os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise NotLaunched(_why_not(error, order["argv"][0])) from error
    try:
        # The keeper has one thread, so its own folder can be lent to the child for a moment.
        _enter(folder)
        program = find_program(order["argv"][0], environment.get("PATH", os.defpath))
        file, argv, environment = _confined(order, program, folder)
        spool = _open_spool(order["output_file"], order.get("spare", ""))
        own_umask = os.umask(order.get("umask", 0o077))  # lent in the same way
        is_marked = marks.put_on(marks.mark_of(order["run"]))  # as above
        try:
            return _spawn(file, argv, environment, spool)
        except OSError as error:
            raise NotLaunched(_why_not(error, program)) from error
        except ValueError as error:  # NUL, or what is no text
            raise NotLaunched(
                f"the command or its environment cannot be handed over: {error}"
            ) from error
        finally:
            if is_marked:
                marks.take_off()
            os.umask(own_umask)
            os.close(spool)
    finally:
        os.fchdir(home)
        os.close(home)


def find_program(name: str, path: str) -> str:
    """The file that a command's first word means; raises NotLaunched naming what is wrong."""
    if "/" in name:
        candidates = [name]
    else:
        candidates = [f"{folder or '.'}/{name}" for folder in path.split(":")]
    reason = f"there is no program {name!r} in PATH {path}; correct the task's command"
    if "/" in name:
        reason = f"there is no program {name}; correct the task's command"
    for candidate in candidates:
        # Asked first: it says no without an exception, which would cost several times as much.
        if not os.access(candidate, os.X_OK):
            continue
        mode = _mode_of(candidate)
        if isinstance(mode, int) and stat.S_ISREG(mode):
            return candidate
    for candidate in candidates:
        mode = _mode_of(candidate)
        if isinstance(mode, OSError):
            if mode.errno != errno.ENOENT and "/" in name:
                reason = f"{name} cannot be reached: {_words(mode)}; correct the task's command"
        elif not stat.S_ISREG(mode):  # a pipe may be executable, and waits when it is opened
            reason = f"{candidate} is no file that can be executed; correct the task's command"
        else:
            reason = f"{candidate} is not executable; allow it with `chmod +x {candidate}`"
    raise NotLaunched(reason)


def _mode_of(path: str) -> int | OSError:
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - pathlib would cost the keeper its memory
    except OSError as error:
        return error


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise NotLaunched(
            f"the working directory {folder} cannot be entered: {_words(error)}"
        ) from error


def _open_spool(path: str, spare: str) -> int:
    """The file for an output, new or made of one that is spare; one that is there is refused."""
    try:
        if spare and _is_made_of(spare, path):
            return os.open(path, SPOOL_FLAGS & ~(os.O_CREAT | os.O_EXCL))
        try:
            return os.open(path, SPOOL_FLAGS, 0o600)
        except FileNotFoundError:
            # Somebody has removed the folder under us: that need not keep every task from starting.
            os.mkdir(os.path.dirname(path), 0o700)  # noqa: PTH102, PTH120 - pathlib is too large
            return os.open(path, SPOOL_FLAGS, 0o600)
    except OSError as error:
        problem = NotLaunched(f"the output file {path} cannot be made: {_words(error)}")
        problem.is_full = error.errno in FULL
        problem.has_begun = isinstance(error, FileExistsError)
        raise problem from error


def _is_made_of(spare: str, path: str) -> bool:
    """Give a spare file this name, where neither is taken; raises OSError when the name is."""
    try:
        os.link(spare, path)
    except FileExistsError:
        raise
    except OSError:  # it is gone, or this disk knows no second names
        _let_go(spare)
        return False
    try:
        os.unlink(spare)  # noqa: PTH108 - pathlib would cost the keeper its memory
    except FileNotFoundError:
        # Whoever removed its name has it: it is no more ours.
        os.unlink(path)  # noqa: PTH108 - as above
        return False
    return True


def _let_go(spare: str) -> None:
    try:
        os.unlink(spare)  # noqa: PTH108 - pathlib would cost the keeper its memory
    except OSError:
        return  # as it is then, nobody will use it


def _spawn(program: str, argv: list[str], environment: dict[str, str], spool: int) -> int:
    return os.posix_spawn(
        program,
        argv,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, spool, 1),
            (os.POSIX_SPAWN_DUP2, spool, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=_ALL_SIGNALS,
    )


def _confined(
    order: dict[str, Any], program: str, folder: str
) -> tuple[str, list[str], dict[str, str]]:
    """What to execute, the command with what holds it, its environment; raises NotLaunched."""
    argv, environment = order["argv"], order["environment"]
    try:
        words = confine.words_before(order)
        other = confine.identity_of(order)
        if other is not None and order.get("user"):
            environment = confine.home_of(other[0]) | environment
        if other is not None:
            environment = dict(environment)
            words += confine.words_after_change(environment)
    except confine.CannotConfine as problem:
        raise NotLaunched(str(problem)) from problem
    if not words:
        return program, argv, environment
    # What the kernel would say of the program, only those before it would hear.
    _check_first_line(program)
    if not program.startswith("/"):
        program = f"{folder}/{program}"
    if "=" in program and words[-1] != "--":
        raise NotLaunched(f"{program} cannot be told from a variable; give it a path without =")
    return words[0], [*words, program, *argv[1:]], environment


def _check_first_line(program: str) -> None:
    try:
        with open(program, "rb") as file:  # noqa: PTH123 - pathlib would cost the keeper its memory
            line = file.readline(256)
    except OSError:
        return  # it may be executable without being readable
    if line.startswith(b"#!"):
        words = line[2:].strip(b" \t\n").replace(b"\t", b" ").split(b" ")
        if words[0] and not os.path.exists(words[0]):  # noqa: PTH110 - as above
            raise NotLaunched(_no_interpreter(program, words[0]))
    elif line.decode("ascii", "replace").strip().isprintable() and b"ELF" not in line[:4]:
        # Others would hand it to a shell, which guesses; alone it is refused by the kernel.
        raise NotLaunched(_REASONS["ENOEXEC"].format(program))


def _no_interpreter(program: str, interpreter: bytes) -> str:
    if interpreter.endswith(b"\r"):
        return (
            f"the first line of {program} ends as on Windows; "
            f"mend it with `sed -i 's/\\r$//' {program}`"
        )
    shown = interpreter.decode("utf-8", "replace")
    return f"the interpreter {shown} in the first line of {program} is not there"


def _why_not(error: OSError, program: str) -> str:
    if error.errno == errno.ENOENT:
        try:
            _check_first_line(program)
        except NotLaunched as told:
            return str(told)
    name = errno.errorcode.get(error.errno or 0, "")
    if name in _REASONS:
        return _REASONS[name].format(program)
    return f"{program} cannot be started: {_words(error)}"


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
