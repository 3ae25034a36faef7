"""How is a database told what was kept for it: once, in order, and many at a time?"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from agent.errors import AgentError, NotStorable, StorageError
from agent.store import ledger, state, streaks
from agent.store.journal import Entry
from agent.store.streaks import Consequence
from agent.store.writes import Claim, Take, Write


class Replayed(NamedTuple):
    """What became of some writes: tasks disabled by them, and which were refused for good."""

    consequences: tuple[Consequence, ...]
    refused: tuple[tuple[Entry, str], ...]


_REFUSED: Final = (AgentError, IntegrityError, DataError, ValueError, TypeError, OverflowError)
"""Also what no database can hold (a moment after the year 9999): it is as wrong the next time."""


class _Odd(Exception):
    """Something among these is not as it is where nothing went wrong."""


def replay(connection: Connection, *, journal_id: str, entries: Sequence[Entry]) -> Replayed:
    """Do what was not done yet, and remember how far that is, in one transaction."""
    mark = f"journal_{journal_id}"
    done_seq = state.number(connection, mark) or 0
    # Of what is left out it was committed, and only the answer was lost.
    new = [entry for entry in entries if entry.seq > done_seq]
    told = _together(connection, new)
    if told is None:
        told = _one_by_one(connection, new)
    newest = max(done_seq, entries[-1].seq)
    state.put(connection, mark, str(newest), now_ms=newest)
    return told


def _together(connection: Connection, entries: Sequence[Entry]) -> Replayed | None:
    """The quick way, where all is as expected; None, and nothing done, where something is odd."""
    writes = [entry.write for entry in entries if entry.write is not None]
    if len(writes) < len(entries):
        return None
    savepoint = connection.begin_nested()
    try:
        consequences = _do_together(connection, writes)
    except (_Odd, StatementError, *_REFUSED) as error:
        _raise_of_database(error)
        savepoint.rollback()
        return None
    savepoint.commit()
    return Replayed(tuple(consequences), ())


def _do_together(connection: Connection, writes: Sequence[Write]) -> list[Consequence]:
    # A claim depends on nothing that comes between it and the claims before it.
    _claim(connection, [write for write in writes if isinstance(write, Claim)])
    others = [write for write in writes if not isinstance(write, Claim)]
    consequences: list[Consequence] = []
    for _, neighbours in groupby(others, lambda write: isinstance(write, Take)):
        these = list(neighbours)
        takes = [write for write in these if isinstance(write, Take)]
        if takes:
            told = streaks.record(connection, [write.step for write in takes])
            consequences += [found for _, found in told if found is not None]
            _expect_following(connection, takes)
            continue
        for write in these:
            write.replay(connection)
    return consequences


def _claim(connection: Connection, claims: Sequence[Claim]) -> None:
    if not claims:
        return
    runs = [run for claim in claims for run in claim.runs]
    watermarks: dict[str, int] = {}
    for claim in claims:
        for name, at_ms in (claim.watermarks or {}).items():
            watermarks[name] = max(at_ms, watermarks.get(name, 0))
    decided = [each.decided_until_ms for each in claims if each.decided_until_ms is not None]
    whole = msgspec.structs.replace(
        claims[-1],
        runs=tuple(runs),
        watermarks=watermarks,
        decided_until_ms=max(decided, default=None),
    )
    ours = whole.apply(connection)
    if any(run.id not in ours and not run.has_ended for run in runs):
        raise _Odd


def _expect_following(connection: Connection, takes: Sequence[Take]) -> None:
    following = {run.id for take in takes for run in take.following}
    if following and following - ledger.some(connection, following).keys():
        raise _Odd


def _one_by_one(connection: Connection, entries: Sequence[Entry]) -> Replayed:
    """Each by itself: what is refused for good holds up no other."""
    consequences: list[Consequence] = []
    refused: list[tuple[Entry, str]] = []
    for entry in entries:
        if entry.write is None:
            refused.append((entry, "it cannot be read by this version"))
            continue
        savepoint = connection.begin_nested()
        try:
            if isinstance(entry.write, Take):
                _, found = entry.write.replay(connection)
                consequences += [] if found is None else [found]
            else:
                entry.write.replay(connection)
            savepoint.commit()
        except (StatementError, *_REFUSED) as error:
            _raise_of_database(error)
            savepoint.rollback()
            if isinstance(error, StorageError) and not isinstance(error, NotStorable):
                raise
            cause = error.orig if isinstance(error, StatementError) else error
            refused.append((entry, str(cause)))
    return Replayed(tuple(consequences), tuple(refused))


def _raise_of_database(error: Exception) -> None:
    """What the database itself says, other than of a value, is no fault of the write."""
    if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError | DataError):
        raise error
