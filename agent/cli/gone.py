"""Who says that the agent and its database are both gone, and how is that said once?"""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from agent.cli.session import Session
from agent.clock import SystemClock
from agent.rules import alerting
from agent.rules.muting import muted_until_ms
from agent.running.redaction import Redactor
from agent.running.secrets import load_secrets
from agent.settings import Home
from agent.store import alerts
from agent.store.alerts import Alert
from agent.store.database import Database, database_url
from agent.store.engines import name_of, read_url
from agent.store.outbox import Told
from agent.store.standby import Copy
from agent.ulid import first_ulid

MARK: Final = "told-gone"


def tell(session: Session, message: str) -> str:
    """Mail it by the way that needs no database, once; what was done, if anything was."""
    mark = _mark(session.home)
    now_ms = SystemClock().now_ms()
    if _since_ms(mark) is not None or _is_muted(session, now_ms):
        return ""
    if not _leaves(session, _alert(message, now_ms)):
        return ""
    try:
        _make(mark, now_ms)
    except OSError as error:
        return f"told, and told again with the next look, as {mark} cannot be made: {error}"
    return "told, without the database"


def tell_over(session: Session) -> str:
    """Tell those who heard of it that the agent lives, though its database is away still."""
    mark = _mark(session.home)
    since_ms = _since_ms(mark)
    if since_ms is None:
        return ""
    now_ms = SystemClock().now_ms()
    over = msgspec.structs.replace(
        _alert("the agent lives", since_ms), status="resolved", resolved_ms=now_ms
    )
    if not _leaves(session, over):
        return ""
    mark.unlink(missing_ok=True)
    return "told that it is over, without the database"


def put_down(home: Home, database: Database) -> None:
    """Let the database have what was told without it, so that it ends there; StorageError."""
    mark = _mark(home)
    since_ms = _since_ms(mark)
    if since_ms is None:
        return
    trouble = alerting.stopped("was gone together with its database")

    told = partial(alerts.told_already, dedupe_key=trouble.dedupe_key, since_ms=since_ms)
    database.write_now(partial(alerts.raise_alert, trouble=trouble, now_ms=since_ms))
    database.write_now(told)
    mark.unlink(missing_ok=True)


def _mark(home: Home) -> Path:
    return home.runtime / MARK


def _since_ms(mark: Path) -> int | None:
    try:
        return mark.stat().st_mtime_ns // 1_000_000
    except OSError:
        return None


def _make(mark: Path, now_ms: int) -> None:
    # An empty file can be made on a full disk; when it was made is all that it has to say.
    os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    os.utime(mark, ns=(now_ms * 1_000_000, now_ms * 1_000_000))


def _alert(message: str, since_ms: int) -> Alert:
    return Alert(
        # The mail that it is over has to be of the same thread.
        id=first_ulid(since_ms),
        **msgspec.structs.asdict(alerting.stopped(message)),
        status="active",
        occurrences=1,
        opened_ms=since_ms,
        last_seen_ms=since_ms,
    )


def _is_muted(session: Session, now_ms: int) -> bool:
    """A window mutes it that was known when the database could be asked last."""
    name = name_of(read_url(database_url(session.settings, session.home)))
    known = Copy(session.home.journal_file.parent).read(name)
    mutes = () if known is None else known.mutes
    return muted_until_ms(mutes, task_name=None, category=None, now_ms=now_ms) is not None


def _leaves(session: Session, alert: Alert) -> bool:
    settings = session.settings
    if not settings.mail.is_on and not settings.channels:
        return False
    # Only here: a look at a healthy agent needs no mail.
    from agent.addressing import Addressing
    from agent.bypass import Bypass
    from agent.handing import Hands
    from agent.lettering import Lettering
    from agent.words import Words

    known = load_secrets(session.home.secrets_file)
    redactor = Redactor(known.values())
    clock = SystemClock()
    bypass = Bypass(
        clock=clock,
        addressing=Addressing(
            clock=clock,
            mail=settings.mail,
            channels=settings.channels,
            timezone=settings.timezone,
            lettering=Lettering(
                agent=settings.agent_name,
                mask=redactor.mask_text,
                words=Words(settings.mail.language),
                templates=session.home.templates,
                timezone=settings.timezone,
            ),
        ),
        hands=Hands(
            mail=settings.mail,
            password=known.get(settings.mail.password_secret),
            channels=settings.channels,
            secrets=known,
        ),
        is_away=lambda: True,
        is_muted=lambda _alert: False,
    )
    return asyncio.run(bypass.leaves([Told(alert=alert)]))
