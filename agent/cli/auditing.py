"""Which commands change something here, and what is written down about each?"""

import functools
import getpass
import os
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any, Final

import click
import msgspec

from agent.cli.session import Session
from agent.errors import AgentError
from agent.running.redaction import Redactor
from agent.running.secrets import load_secrets
from agent.store import anchor, audit
from agent.store.audit import AuditRow
from agent.store.database import Database

# What asks a living agent is written down by that one as well, with the key of this host.
CHANGES: Final = frozenset(
    {
        "alerts ack",
        "alerts mute add",
        "alerts mute edit",
        "alerts mute remove",
        "alerts resolve",
        "alerts rules add",
        "alerts rules disable",
        "alerts rules enable",
        "alerts rules remove",
        "alerts snooze",
        "alerts test",
        "calendars apply",
        "calendars close",
        "calendars import-ical",
        "calendars open",
        "calendars remove",
        "checks add",
        "checks remove",
        "checks run",
        "cleanup",
        "db backup",
        "db maintain",
        "db move",
        "db recover",
        "db restore",
        "db upgrade",
        "hold",
        "import cron.d",
        "import crontab",
        "import systemd-timers",
        "invite",
        "keys revoke",
        "logs rotate",
        "release",
        "runs abort",
        "runs retry",
        "start",
        "stop",
        "tasks apply",
        "tasks backfill",
        "tasks disable",
        "tasks enable",
        "tasks pause",
        "tasks prune",
        "tasks register",
        "tasks remove",
        "tasks resume",
        "tasks revert",
        "tasks run",
        "tasks skip",
    }
)
_WATCHED: Final[set[str]] = set()
_TARGETS: Final = (
    "task_names",
    "task_name",
    "task",
    "alert_id",
    "mute_id",
    "run_id",
    "key_id",
    "name",
    "label",
    "file",
)
_LEFT_OUT: Final = frozenset({"as_json", "yes", *_TARGETS})
_TARGET_CHARS: Final = 200
_ARGS_CHARS: Final = 200


def watched(command: click.Command, name: str) -> click.Command:
    """The same command; it, or what of it changes something, is written down when it has ended."""
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            watched(inner, f"{name} {word}")
    elif name in CHANGES and command.callback is not None and name not in _WATCHED:
        command.callback = _writing_down(name, command.callback)
        _WATCHED.add(name)
    return command


def _writing_down(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(act)
    def acting(*args: Any, **chosen: Any) -> Any:
        began_ms = time.time_ns() // 1_000_000
        code = "internal"
        try:
            result = act(*args, **chosen)
            code = "ok"
        except AgentError as error:
            code = error.code
            raise
        except (SystemExit, click.exceptions.Exit) as end:
            code = "ok" if getattr(end, "code", getattr(end, "exit_code", 1)) in (0, None) else "no"
            raise
        except (KeyboardInterrupt, click.Abort):
            code = "stopped"
            raise
        finally:
            session = click.get_current_context().find_object(Session)
            if session is not None and not _is_question(chosen):
                _write(session, name, chosen, code=code, began_ms=began_ms)
        return result

    return acting


def _is_question(chosen: dict[str, Any]) -> bool:
    """It was only asked what would be done."""
    only_lists = "reason" in chosen and chosen.get("task_name", "") is None
    return bool(chosen.get("dry_run")) or chosen.get("is_wanted") is False or only_lists


def _write(
    session: Session, name: str, chosen: dict[str, Any], *, code: str, began_ms: int
) -> None:
    try:
        redactor = Redactor(load_secrets(session.home.secrets_file).values())
        now_ms = time.time_ns() // 1_000_000
        rows = [
            AuditRow(
                at_ms=now_ms,
                key_id=f"uid:{os.getuid()}",
                label=getpass.getuser(),
                role="command line",
                address=_address(),
                type=name,
                target=redactor.mask_text(target)[:_TARGET_CHARS],
                args=redactor.mask_text(_arguments(chosen))[:_ARGS_CHARS],
                code=code,
                dur_ms=max(0, now_ms - began_ms),
            )
            for target in session.touched or _targets(chosen)
        ]
        with session.database() as database:
            link = database.write_now(partial(audit.append_all, rows=rows))
        if session.moved_to is not None:
            # The copy is to hold all that the anchor tells of.
            with closing(Database.open(session.moved_to, migrate=False)) as copy:
                copy.write_now(partial(audit.append_all, rows=rows))
        anchor.raise_to(session.home.root, link)
    except (AgentError, OSError) as error:
        if code != "ok":
            return  # it failed for a cause of its own, which is what has to be said
        click.echo(f"smartcron-agent: {name} was not written into the audit: {error}", err=True)


def _address() -> str:
    """From where this terminal was opened, as far as is known."""
    return os.environ.get("SSH_CONNECTION", "").partition(" ")[0][:64] or "local"


def _targets(chosen: dict[str, Any]) -> tuple[str, ...]:
    """What it was about: a row for each."""
    for name in _TARGETS:
        value = chosen.get(name)
        if isinstance(value, tuple) and value:
            return tuple(dict.fromkeys(map(str, value)))
        if value is not None and not isinstance(value, tuple):
            return (str(value),)
    return ("",)


def _arguments(chosen: dict[str, Any]) -> str:
    said = {
        name: value
        for name, value in chosen.items()
        if name not in _LEFT_OUT and value not in (None, False, ())
    }
    return msgspec.json.encode(said, enc_hook=str).decode() if said else ""
