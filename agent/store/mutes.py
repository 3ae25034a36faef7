"""In which windows are alerts told to nobody?"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from agent.errors import Conflict, WrongUse
from agent.rules.muting import Mute, muted_until_ms
from schema.tables import alert_mutes, tasks

MOST: Final = 500
_AT: Final = {"from_ms": "from_at", "to_ms": "to_at", "made_ms": "made_at"}
_FIELDS: Final = Mute.__struct_fields__
_ALL: Final = select(*(alert_mutes.c[_AT.get(name, name)].label(name) for name in _FIELDS))

# Asked for each alert that is opened, thousands of them in a bad minute, so it is built once.
_NOW: Final = bindparam("now", type_=alert_mutes.c.to_at.type)
_GOING_ON: Final = _ALL.where(alert_mutes.c.to_at > _NOW, alert_mutes.c.from_at <= _NOW)


def add(connection: Connection, mute: Mute) -> None:
    """Let this window be; raises WrongUse when there are too many."""
    count = connection.scalar(select(func.count()).where(alert_mutes.c.to_at > mute.made_ms))
    if (count or 0) >= MOST:
        raise WrongUse(
            f"{MOST} windows that are not over are kept at most; remove one with "
            "`smartcron-agent alerts mute remove`, or let one name more tasks (--task 'shop-*')"
        )
    row = {_AT.get(name, name): getattr(mute, name) for name in _FIELDS}
    connection.execute(alert_mutes.insert(), row)


def find(connection: Connection, text: str) -> Mute:
    """The window of this id, or the only one whose id ends so; raises WrongUse."""
    wanted = text.strip().upper()
    found: list[Mute] = []
    if wanted.isascii() and wanted.isalnum():
        rows = connection.execute(_ALL.where(alert_mutes.c.id.like(f"%{wanted}")).limit(2))
        found = _read(rows)
    if len(found) != 1:
        known = "no window" if not found else "more than one window"
        raise WrongUse(
            f"mute {text!r}: {known} has an id that ends so; "
            "`smartcron-agent alerts mute list --all` shows them"
        )
    return found[0]


def remove(connection: Connection, text: str) -> Mute:
    """Take away the window of this id, or the only one whose id ends so; raises WrongUse."""
    gone = find(connection, text)
    connection.execute(alert_mutes.delete().where(alert_mutes.c.id == gone.id))
    return gone


def change(connection: Connection, mute: Mute, *, base_ms: int) -> Mute:
    """Let this window be as it says, if it is still as it was made at `base_ms`; else Conflict."""
    known = _as_known(connection, mute.id, base_ms)
    # When it was made last is its version, so two changes of one millisecond are not one.
    made = msgspec.structs.replace(mute, made_ms=max(mute.made_ms, known.made_ms + 1))
    row = {_AT.get(name, name): getattr(made, name) for name in _FIELDS}
    these = (alert_mutes.c.id == mute.id, alert_mutes.c.made_at == base_ms)
    if not connection.execute(alert_mutes.update().where(*these).values(row)).rowcount:
        raise _quicker()
    return made


def take_away(connection: Connection, mute_id: str, *, base_ms: int) -> Mute:
    """Take away this window, if it is still as it was made at `base_ms`; else Conflict."""
    known = _as_known(connection, mute_id, base_ms)
    these = (alert_mutes.c.id == mute_id, alert_mutes.c.made_at == base_ms)
    if not connection.execute(alert_mutes.delete().where(*these)).rowcount:
        raise _quicker()
    return known


def _as_known(connection: Connection, mute_id: str, base_ms: int) -> Mute:
    found = _read(connection.execute(_ALL.where(alert_mutes.c.id == mute_id)))
    if not found:
        raise Conflict("somebody took this window away meanwhile; make a new one if it is wanted")
    if found[0].made_ms != base_ms:
        now = found[0]
        what = "all alerts" if now.is_of_all else now.task or f"category {now.category}"
        raise Conflict(
            f"{now.made_by} changed this window meanwhile: it is about {what} now, "
            f"{round((now.to_ms - now.from_ms) / 60_000)} minutes long, for: {now.reason}; "
            "look at it anew"
        )
    return found[0]


def _quicker() -> Conflict:
    return Conflict("somebody changed this window meanwhile; look at it anew")


def not_over(connection: Connection, *, now_ms: int) -> tuple[Mute, ...]:
    """The windows that go on or are to come, the first one first."""
    rows = connection.execute(
        _ALL.where(alert_mutes.c.to_at > now_ms).order_by(alert_mutes.c.from_at).limit(MOST)
    )
    return tuple(_read(rows))


def newest(connection: Connection, *, limit: int = MOST) -> tuple[Mute, ...]:
    """The newest windows, those that are over too."""
    return tuple(_read(connection.execute(_ALL.order_by(alert_mutes.c.id.desc()).limit(limit))))


def until_ms(connection: Connection, task_name: str | None, *, now_ms: int) -> int | None:
    """Until when nobody is told of alerts about this task, or about none; None: they are told."""
    going_on = _going_on(connection, now_ms)
    category = None
    if task_name is not None and any(mute.category is not None for mute in going_on):
        category = connection.scalar(select(tasks.c.category).where(tasks.c.task_name == task_name))
    return muted_until_ms(going_on, task_name=task_name, category=category, now_ms=now_ms)


def ends(connection: Connection, *, now_ms: int) -> Callable[[str | None], int | None]:
    """The same for many tasks, of which each is asked for with its name."""
    going_on = _going_on(connection, now_ms)
    categories: dict[str, str] = {}
    if any(mute.category is not None for mute in going_on):
        found = connection.execute(select(tasks.c.task_name, tasks.c.category))
        categories = dict(found.all())
    return lambda task_name: muted_until_ms(
        going_on, task_name=task_name, category=categories.get(task_name or ""), now_ms=now_ms
    )


def _going_on(connection: Connection, now_ms: int) -> list[Mute]:
    return _read(connection.execute(_GOING_ON, {"now": now_ms}))


def _read(rows: Any) -> list[Mute]:
    return [Mute(**row._mapping) for row in rows]
