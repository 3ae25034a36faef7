"""How does a database come to the version of this agent, and when is it refused instead?"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.engine import URL

from agent import __version__
from agent.errors import StorageError
from agent.log import log_of
from agent.store import fitness, state
from agent.store.causes import told_plainly
from agent.store.engines import LONG_ANSWER_S, asides_among, make_engine, name_of
from agent.store.turns import turn
from schema import migrate as schema_migrate

log = log_of(__name__)

KNOWN: Final = schema_migrate.VERSIONS[-1]

BeforeUpgrade = Callable[[str], Path]
"""Makes a copy of a database of this version, before it is changed; where the copy lies."""


def bring_up(
    url: URL,
    *,
    migrate: bool,
    before_upgrade: BeforeUpgrade | None = None,
    agent_id: str = "",
    is_filled: bool = False,
) -> None:
    """Make the tables, or lift them, or refuse with nothing changed; raises StorageError.

    Without `migrate` what is empty or older is refused. With `before_upgrade` an older database
    is copied first, and not changed when that fails. `agent_id` is who asks: an older database is
    not lifted while another agent works on it. What is half moved is refused to all but the one
    who has it filled.
    """
    # SQLite's file itself is begun by the first look at it.
    if migrate and url.get_backend_name() == "sqlite":
        with turn(url):
            _bring_up(url, before_upgrade, agent_id, is_filled=is_filled)
        return
    found = _look(url, migrate=migrate, agent_id=agent_id, is_filled=is_filled)
    if found == KNOWN:
        return
    if not migrate:
        raise StorageError(
            f"database {name_of(url)} has schema version {found or 'none'}, this agent needs "
            f"{KNOWN}; run `smartcron-agent db upgrade` or start the agent once"
        )
    with turn(url):
        _bring_up(url, before_upgrade, agent_id, is_filled=is_filled)


def _bring_up(
    url: URL, before_upgrade: BeforeUpgrade | None, agent_id: str, *, is_filled: bool
) -> None:
    """Make or lift the tables, unless another program has done so by now."""
    found = _look(url, migrate=True, agent_id=agent_id, is_filled=is_filled)
    if found == KNOWN:
        return
    copy = None
    if found is not None and before_upgrade is not None:
        copy = before_upgrade(found)
    try:
        with _reached(url, answer_s=LONG_ANSWER_S) as engine, engine.begin() as connection:
            schema_migrate.bring_up(connection, migrate=True)
            state.put(connection, state.AGENT_VERSION, __version__, now_ms=_now_ms())
    except StorageError as error:
        raise StorageError(f"{error}; {_way_back(copy)}") from error
    if found is not None:
        log.info("database upgraded", before=found, after=KNOWN, copy=str(copy or ""))


def _look(url: URL, *, migrate: bool, agent_id: str, is_filled: bool) -> str | None:
    with _reached(url) as engine, engine.begin() as connection:
        found = _looked_at(connection, url, migrate=migrate, agent_id=agent_id)
        if found is not None and not is_filled:
            _refuse_half_moved(connection, url)
        return found


@contextmanager
def _reached(url: URL, *, answer_s: int | None = None) -> Iterator[Engine]:
    engine = make_engine(url, pool_size=1, writes=True, answer_s=answer_s)
    try:
        with told_plainly(url):
            yield engine
    finally:
        engine.dispose()


def version_of(url: URL) -> str | None:
    """The version of the tables there, None when there are none; raises StorageError."""
    with _reached(url) as engine, engine.connect() as connection:
        return _current(connection, url)


def _looked_at(connection: Connection, url: URL, *, migrate: bool, agent_id: str) -> str | None:
    """The version found; raises StorageError when this agent cannot, or must not, work there."""
    fitness.check_version(connection)
    fitness.check_packets(connection)
    found = _current(connection, url)
    # What is refused for its version is told so, whatever is missing besides.
    if found is not None and found not in schema_migrate.VERSIONS:
        made_by = state.get(connection, state.AGENT_VERSION)
        by = f" (agent {made_by} made it so)" if made_by else ""
        raise StorageError(
            f"database {name_of(url)} has schema version {found}{by}, this agent ({__version__}) "
            f"knows up to {KNOWN}; start the newer agent that made it, or restore a backup from "
            "before"
        )
    will_change = migrate and found != KNOWN
    fitness.check_privileges(connection, will_change=will_change)
    wrong = fitness.clock_sentence(fitness.clock_ahead_ms(connection))
    if wrong is not None:
        log.warning(wrong)
    if will_change and found is not None:
        _refuse_while_served(connection, url, found, agent_id)
    return found


def _current(connection: Connection, url: URL) -> str | None:
    try:
        return schema_migrate.current(connection)
    except schema_migrate.ForeignTables as error:
        if kept := asides_among(inspect(connection).get_table_names()):
            # Others may lie there of earlier restores: this one was set aside last.
            raise StorageError(
                f"database {name_of(url)} has some of our tables only: a restore was cut off; what "
                f"was there is kept aside, and `smartcron-agent db restore {kept[-1]}` puts it back"
            ) from error
        raise StorageError(
            f"database {name_of(url)} belongs to another program (tables {error}); "
            "choose another with database_url in settings.toml"
        ) from error


def _refuse_while_served(connection: Connection, url: URL, found: str, agent_id: str) -> None:
    """An older agent at work would write into tables that are no longer as it knows them."""
    now_ms = _now_ms()
    holder = state.held_by(connection)
    if holder is None or holder.agent_id == agent_id:
        return
    if abs(now_ms - holder.at_ms) >= state.HOLDER_LIVES_MS:
        return
    raise StorageError(
        f"database {name_of(url)} has schema version {found}, and agent {holder.agent_id} on host "
        f"{holder.host!r} works on it ({abs(now_ms - holder.at_ms) // 1000} s ago); stop that one "
        f"before this agent ({__version__}) brings it to version {KNOWN}"
    )


def _refuse_half_moved(connection: Connection, url: URL) -> None:
    """Tasks may be missing yet, or the runs that tell what of them is done."""
    origin = state.get(connection, state.MOVING_FROM)
    if origin is not None:
        raise StorageError(
            f"database {name_of(url)} is half moved from {origin}: name that one with database_url "
            "in settings.toml, and run `smartcron-agent db move` again, which goes on"
        )


def _way_back(copy: Path | None) -> str:
    if copy is None:
        return "run `smartcron-agent db upgrade` again once that is mended"
    return (
        f"run `smartcron-agent db upgrade` again once that is mended, or put back {copy} "
        "with `smartcron-agent db restore`"
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
