"""In which windows are alerts told to nobody?"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from agent.errors import WrongUse
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


def remove(connection: Connection, text: str) -> Mute:
    """Take away the window of this id, or the only one whose id ends so; raises WrongUse."""
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
    connection.execute(alert_mutes.delete().where(alert_mutes.c.id == found[0].id))
    return found[0]


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
        categories = dict(found.tuples().all())
    return lambda task_name: muted_until_ms(
        going_on, task_name=task_name, category=categories.get(task_name or ""), now_ms=now_ms
    )


def _going_on(connection: Connection, now_ms: int) -> list[Mute]:
    return _read(connection.execute(_GOING_ON, {"now": now_ms}))


def _read(rows: Any) -> list[Mute]:
    return [Mute(**row._mapping) for row in rows]
