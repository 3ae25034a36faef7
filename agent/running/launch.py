"""How does an order become a process in a session of its own?

Standard library only: the keeper imports this file.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False  # typing itself would cost the keeper half a megabyte
if TYPE_CHECKING:
    from typing import Any

SPOOL_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ALL_SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class NotLaunched(Exception):
    """No process was started; the message says why, in words."""


def launch(order: dict[str, Any]) -> int:
    """Start the process of an order and return its pid; raises NotLaunched.

    Its input is empty, both its outputs go into the spool file, in order.
    """
    folder = order["working_directory"]
    argv = order["argv"]
    environment = order["environment"]
    home = os.open(".", os.O_PATH | os.O_CLOEXEC)
    try:
        # The keeper has one thread, so its own folder can be lent to the child for a moment.
        _enter(folder)
        program = find_program(argv[0], environment.get("PATH", os.defpath))
        spool = _open_spool(order["output_file"])
        try:
            if _is_another_user(order):
                return _spawn_as(order, program, spool)
            return _spawn(program, argv, environment, spool)
        except OSError as error:
            raise NotLaunched(_why_not(error, program)) from error
        finally:
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
    is_there = False
    for candidate in candidates:
        if os.path.isdir(candidate):  # noqa: PTH112 - pathlib would cost the keeper its memory
            continue
        if os.access(candidate, os.X_OK):
            return candidate
        is_there = is_there or os.path.exists(candidate)  # noqa: PTH110 - as above
    if is_there:
        raise NotLaunched(f"{name} is not executable; allow it with `chmod +x {name}`")
    if "/" in name:
        raise NotLaunched(f"there is no program {name}; correct the task's command")
    raise NotLaunched(f"there is no program {name!r} in PATH {path}; correct the task's command")


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise NotLaunched(
            f"the working directory {folder} cannot be entered: {_words(error)}"
        ) from error


def _open_spool(path: str) -> int:
    try:
        return os.open(path, SPOOL_FLAGS, 0o600)
    except OSError as error:
        raise NotLaunched(f"the output file {path} cannot be made: {_words(error)}") from error


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


def _spawn_as(order: dict[str, Any], program: str, spool: int) -> int:
    """Start as another user; the heavier way, loaded only when a task asks for it."""
    import pwd
    import subprocess

    try:
        account = pwd.getpwnam(order["user"]) if order.get("user") else pwd.getpwuid(os.geteuid())
        theirs = {
            "HOME": account.pw_dir,
            "USER": account.pw_name,
            "LOGNAME": account.pw_name,
            "SHELL": account.pw_shell,
        }
        child = subprocess.Popen(  # noqa: S603 - running what tasks say is what a keeper is for
            order["argv"],
            executable=program,
            env=theirs | order["environment"],
            stdin=subprocess.DEVNULL,
            stdout=spool,
            stderr=spool,
            start_new_session=True,
            user=account.pw_uid,
            group=order.get("group") or account.pw_gid,
            extra_groups=[],
        )
    except (ValueError, KeyError) as error:
        raise NotLaunched(f"run_as {order.get('user')!r}: {error.args[0]}") from error
    child.returncode = 0  # the keeper waits for it by itself; Popen need not warn
    return child.pid


def _is_another_user(order: dict[str, Any]) -> bool:
    user = order.get("user")
    if not user and not order.get("group"):
        return False
    import pwd

    try:
        own = pwd.getpwuid(os.geteuid())
    except KeyError:
        return True
    return bool(order.get("group")) or user not in {own.pw_name, str(own.pw_uid)}


def _why_not(error: OSError, program: str) -> str:
    reasons = {
        "ENOENT": f"the interpreter in the first line of {program} is not there",
        "ENOEXEC": f"{program} is not a program; does its first line name an interpreter (#!)?",
        "EACCES": f"{program} may not be executed by this user",
        "EAGAIN": "the system starts no more processes now (limit reached)",
        "ENOMEM": "there is no memory for another process",
        "EMFILE": "the keeper has no file descriptor left",
        "E2BIG": "the command and its environment are too long",
        "EPERM": "only root may start tasks as another user; remove run_as",
    }
    import errno

    name = errno.errorcode.get(error.errno or 0, "")
    return reasons.get(name, f"{program} cannot be started: {_words(error)}")


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
