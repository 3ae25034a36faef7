"""What became of each due moment and order: the executions table."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, Select, String, bindparam, literal_column, select
from sqlalchemy import Row as ReadRow

from agent.clock import iso
from agent.errors import Conflict, RunNotFound, StorageError
from agent.runs import ENDINGS, FOLLOWERS, LIVE_STATES, Run
from agent.store import history, rollups, state
from agent.store.history import RunFilter as RunFilter
from agent.store.prepared import Among, Prepared, Row
from agent.store.upserts import Upsert
from schema.tables import executions, tasks

MAX_PAGE: Final = 1_000
_CHUNK = 500
_MAX_BUMPS = 1_000

T = TypeVar("T")

# A field of Run lies in the column of its own name, `x_ms` instants in `x_at`, but for these.
_OTHER_NAMES: Final = {
    "trigger": "trigger_type",
    "signal": "signal_number",
    "retry_at_ms": "retry_at",
    "missed_until_ms": "missed_until",
}
_PLAIN_MS: Final = frozenset({"duration_ms", "late_ms", "cpu_ms"})


def _column_of(field: str) -> str:
    if field in _OTHER_NAMES:
        return _OTHER_NAMES[field]
    if field.endswith("_ms") and field not in _PLAIN_MS:
        return f"{field.removesuffix('_ms')}_at"
    return field


COLUMN_OF: Final[dict[str, str]] = {field: _column_of(field) for field in Run.__struct_fields__}
_FIELDS: Final = tuple(COLUMN_OF)
_ALL: Final = tuple(executions.c[name] for name in COLUMN_OF.values())
# What a run wrote and what is made of it: read for one run, and many times the rest of its row.
_WORDS: Final = frozenset({"output_tail", "error_message", "stack_trace", "frames"})
_BRIEF_FIELDS: Final = tuple(field for field in _FIELDS if field not in _WORDS)
# What a run was when it was claimed stays; the rest may change until it ends.
_FIXED: Final = frozenset(
    {"id", "task_name", "category", "def_rev", "scheduled_ms", "attempt", "trigger", "queued_ms"}
    | {"host", "missed_count", "missed_until_ms"}
)
_CHANGING: Final = tuple(name for field, name in COLUMN_OF.items() if field not in _FIXED)

_LONGEST: Final = {"reason": 64, "requested_by": 128, "note": 4_096}
_LONGEST_AT: Final = tuple((_FIELDS.index(field), most) for field, most in _LONGEST.items())
# Insert what is new; what is there already stays as it is.
_INSERT: Final = Prepared(COLUMN_OF.values(), Upsert(executions, key=("id",)))
_RAISE_WATERMARK: Final = Among(
    tasks.c.task_name,
    tasks.update()
    .where(tasks.c.watermark < bindparam("until"))
    .values(watermark=bindparam("until")),
    names=["until"],
)
_GET: Final[Select[Any]] = select(*_ALL).where(executions.c.id == bindparam("run_id"))
_OF_THESE: Final = executions.c.id.in_(bindparam("ids", expanding=True))
_BY_IDS: Final[Select[Any]] = select(*_ALL).where(_OF_THESE)
_BRIEF_BY_IDS: Final[Select[Any]] = select(
    *(executions.c[COLUMN_OF[field]] for field in _BRIEF_FIELDS)
).where(_OF_THESE)
_PRESENT: Final = Among(executions.c.id, select(executions.c.id))
_STATUSES: Final = Among(
    executions.c.id, select(executions.c.id, executions.c.status).with_for_update()
)
_NEW: Final = tuple(f"new_{name}" for name in COLUMN_OF.values())
_RENEW: Final = (
    executions.update()
    .where(executions.c.id == bindparam("new_id"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)
_MOVE: Final = Prepared((*_NEW, "old"), _RENEW.where(executions.c.status == bindparam("old")))


def _moving_to(status: str) -> Prepared:
    """Moves a run that may become so, and no other."""
    from_these = sorted(old for old in LIVE_STATES if _may_follow(old, status))
    marks = [literal_column(f"'{old}'", String) for old in from_these]
    return Prepared(_NEW, _RENEW.where(executions.c.status.in_(marks)))


def _may_follow(old: str, new: str) -> bool:
    return new in FOLLOWERS.get(old, ()) or old == new in LIVE_STATES


_MOVE_TO: Final = {status: _moving_to(status) for status in (*LIVE_STATES, *ENDINGS)}
# A server is asked once for all of them, and not for one after the other.
_MOVE_TOGETHER: Final = Prepared(
    COLUMN_OF.values(),
    Upsert(executions, key=("id",), renews=_CHANGING),
)


_MANY: Final = 16


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a run, as of `now_ms`: it lives, or it ended.

    `retry` is its next attempt, `chained` are runs of the tasks that come after it; both follow
    from an end alone.
    """

    run: Run
    now_ms: int
    retry: Run | None = None
    chained: tuple[Run, ...] = ()


class Written(msgspec.Struct, frozen=True):
    """The rows that are new by a step; not fresh: it changes nothing that stands."""

    new: tuple[Run, ...]
    is_fresh: bool


class Page(msgspec.Struct, frozen=True):
    """Some runs, newest first; `next` is what to ask the following page with, None at the end.

    `searched_ms` says of a page that is not full how far back it was looked for.
    """

    runs: tuple[Run, ...]
    next: str | None
    searched_ms: int | None = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One first-attempt row as the ledger check sees it."""

    task_name: str
    scheduled_ms: int
    trigger: str
    status: str
    missed_count: int
    missed_until_ms: int | None


def claim(
    connection: Connection,
    runs: Sequence[Run],
    *,
    watermarks: Mapping[str, int] | None = None,
    decided_until_ms: int | None = None,
    now_ms: int,
) -> frozenset[str]:
    """Take these moments, and say whose ids hold them: a moment taken by another id is not ours.

    Claiming the same id again changes nothing and answers the same. Watermarks only rise, and so
    does the moment up to which all is decided.
    """
    new = sum(
        _INSERT.execute(connection, [_as_row(run) for run in chunk]) for chunk in _chunks(runs)
    )
    if watermarks:
        _raise_watermarks(connection, watermarks)
    # A clock that was set back a little does not undo what was decided: no agent tells it again.
    if decided_until_ms is not None and decided_until_ms > (state.decided_until(connection) or 0):
        state.set_decided_until(connection, decided_until_ms, now_ms=now_ms)
    ids = [run.id for run in runs]
    # MariaDB counts a row that stands already as one, too.
    is_certain = connection.dialect.name == "sqlite" and new == len(runs)
    return frozenset(ids) if is_certain else _present(connection, ids)


def order(connection: Connection, run: Run) -> Run:
    """Take a moment for a run that no schedule asked for: its own, or the next free millisecond."""
    # Schedules name whole seconds: a run that none asked for must not take the place of one.
    first_ms = run.scheduled_ms + (run.scheduled_ms % 1000 == 0)
    for bump in range(_MAX_BUMPS):
        wanted = msgspec.structs.replace(run, scheduled_ms=first_ms + bump)
        _INSERT.execute(connection, [_as_row(wanted)])
        found = find(connection, run.id)
        if found is not None:
            return found
    raise Conflict(
        f"task {run.task_name!r} was ordered {_MAX_BUMPS} times within a second; wait a moment"
    )


def move(connection: Connection, runs: Sequence[Run]) -> tuple[bool, ...]:
    """Write what became of live runs, in order; False for each that has ended already.

    What may follow what stands in `agent.runs.FOLLOWERS`; anything else raises Conflict, an
    unknown id RunNotFound.
    """
    if len(runs) >= _MANY and connection.dialect.name == "sqlite" and _all_moved(connection, runs):
        return (True,) * len(runs)
    stands = _statuses(connection, {run.id for run in runs})
    moved: list[bool] = []
    moves: list[Row] = []
    for run in runs:
        old = stands.get(run.id)
        if old is None:
            raise RunNotFound(run.id)
        may_follow = _may_follow(old, run.status)
        if not may_follow and old not in ENDINGS:
            raise Conflict(f"run {run.id} is {old} and cannot become {run.status}")
        moved.append(may_follow)
        if may_follow:
            moves.append((*_as_row(run), old))
            stands[run.id] = run.status
    if connection.dialect.name != "sqlite":
        # The rows are locked since their statuses were read.
        _MOVE_TOGETHER.execute(connection, moves)
    elif _MOVE.execute(connection, moves) != len(moves):
        raise StorageError("runs changed while they were written; another program writes to them")
    return tuple(moved)


def _all_moved(connection: Connection, runs: Sequence[Run]) -> bool:
    """Move all of them without asking how each stands; where one may not, none has moved.

    That is how it nearly always is, and of many runs the asking is a good part of the work.
    """
    if len({run.id for run in runs}) != len(runs):
        return False
    by_status: dict[str, list[Row]] = {}
    for run in runs:
        by_status.setdefault(run.status, []).append(_as_row(run))
    connection.exec_driver_sql("SAVEPOINT together")
    changed = sum(_MOVE_TO[status].execute(connection, rows) for status, rows in by_status.items())
    if changed != len(runs):
        connection.exec_driver_sql("ROLLBACK TO together")
    connection.exec_driver_sql("RELEASE together")
    return changed == len(runs)


def backfill(connection: Connection, runs: Sequence[Run]) -> tuple[Run, ...]:
    """Take past moments once more, each as the attempt after the last one at that moment.

    Raises Conflict when a run at one of the moments has not ended; then none is taken.
    """
    taken = []
    for run in runs:
        at_moment = (
            executions.c.task_name == run.task_name,
            executions.c.scheduled_at == run.scheduled_ms,
        )
        rows = connection.execute(
            select(executions.c.attempt, executions.c.status).where(*at_moment)
        ).all()
        if any(status in LIVE_STATES for _, status in rows):
            raise Conflict(
                f"the run of {run.task_name} at {iso(run.scheduled_ms)} has not ended yet; "
                "stop it first or wait for its end"
            )
        # The first attempt belongs to the moment itself, also where only a sum has a row.
        attempt = max((attempt for attempt, _ in rows), default=1) + 1
        wanted = msgspec.structs.replace(run, attempt=attempt)
        _INSERT.execute(connection, [_as_row(wanted)])
        taken.append(wanted)
    return tuple(taken)


def record(connection: Connection, steps: Sequence[Step]) -> list[Written]:
    """Write what became of runs, with the rows that follow from it.

    A run that has ended already keeps its ending: nothing is written. When it has ended by this
    very step, whose answer was lost, the answer is the same once more; else nothing comes back.
    Raises as `move` does.
    """
    moved = move(connection, [step.run for step in steps])
    told = list(zip(steps, moved, strict=True))
    rollups.add(
        connection,
        [(step.run, step.retry is not None) for step, is_fresh in told if is_fresh],
    )
    return [
        Written((step.run, *_follow(connection, step)), is_fresh=True)
        if is_fresh
        else Written(_told_again(connection, step), is_fresh=False)
        for step, is_fresh in told
    ]


def _follow(connection: Connection, step: Step) -> Iterable[Run]:
    if step.retry is not None:
        _INSERT.execute(connection, [_as_row(step.retry)])
        waiting = find(connection, step.retry.id)
        if waiting is not None:
            yield waiting
    for follower in step.chained:
        yield order(connection, follower)


def _told_again(connection: Connection, step: Step) -> tuple[Run, ...]:
    stands = find(connection, step.run.id) if step.run.has_ended else None
    # Where its output lies may have been noted meanwhile, and words too many were cut off.
    if stands is None or _end_of(stands) != _end_of(step.run):
        return ()
    following = [*([] if step.retry is None else [step.retry]), *step.chained]
    written = [find(connection, row.id) for row in following]
    return (step.run, *(row for row in written if row is not None))


def _end_of(run: Run) -> tuple[object, ...]:
    return run.status, run.ended_ms, run.exit_status, run.signal


def find(connection: Connection, run_id: str) -> Run | None:
    """The run with this id, if there is one."""
    row = connection.execute(_GET, {"run_id": run_id}).first()
    return None if row is None else as_run(row)


def get(connection: Connection, run_id: str) -> Run:
    """The run with this id; raises RunNotFound."""
    run = find(connection, run_id)
    if run is None:
        raise RunNotFound(run_id)
    return run


def some(connection: Connection, run_ids: Iterable[str]) -> dict[str, Run]:
    """The runs with these ids, as far as there are any."""
    found: dict[str, Run] = {}
    for chunk in _chunks(sorted(run_ids)):
        rows = connection.execute(_BY_IDS, {"ids": chunk})
        found.update((run.id, run) for run in map(as_run, rows))
    return found


def attempts(connection: Connection, run: Run) -> tuple[Run, ...]:
    """Every attempt at the same moment of the same task, first one first."""
    rows = connection.execute(
        select(*_ALL)
        .where(
            executions.c.task_name == run.task_name,
            executions.c.scheduled_at == run.scheduled_ms,
        )
        .order_by(executions.c.attempt)
    )
    return tuple(as_run(row) for row in rows)


def unfinished(connection: Connection) -> tuple[Run, ...]:
    """Every run that has not ended, oldest first."""
    rows = connection.execute(
        select(*_ALL).where(executions.c.status.in_(LIVE_STATES)).order_by(executions.c.id)
    )
    return tuple(as_run(row) for row in rows)


def page(
    connection: Connection,
    wanted: RunFilter | None = None,
    *,
    before: str | None = None,
    limit: int = 50,
    budget_ms: int | None = None,
    with_words: bool = True,
) -> Page:
    """The newest runs older than the run id `before`; rows that come meanwhile move nothing.

    With a budget a page may hold fewer runs than there are, see `agent.store.history`. Without
    words the runs lack their outputs' ends, error messages and traces, which lists do not show.
    """
    limit = max(1, min(limit, MAX_PAGE))
    found = history.find(
        connection, wanted or RunFilter(), before=before, limit=limit, budget_ms=budget_ms
    )
    statement, fields = (_BY_IDS, _FIELDS) if with_words else (_BRIEF_BY_IDS, _BRIEF_FIELDS)
    rows = connection.execute(statement, {"ids": found.ids}) if found.ids else ()
    runs = {run.id: run for run in (as_run(row, fields) for row in rows)}
    return Page(
        tuple(runs[run_id] for run_id in found.ids if run_id in runs),
        found.next,
        history.searched_ms(found, limit),
    )


def recorded(connection: Connection, from_ms: int, to_ms: int) -> tuple[Recorded, ...]:
    """First-attempt rows of due moments within [from, to], and sums that reach into it.

    Manual and chained runs answer to no due moment and are left out.
    """
    column = executions.c
    wanted = select(
        column.task_name,
        column.scheduled_at.label("scheduled_ms"),
        column.trigger_type.label("trigger"),
        column.status,
        column.missed_count,
        column.missed_until.label("missed_until_ms"),
        column.attempt,
    )
    # Each by the one index that leads to few rows: with more to choose from all rows are walked.
    due = connection.execute(wanted.where(column.scheduled_at.between(from_ms, to_ms)))
    reaching = connection.execute(wanted.where(column.missed_until >= from_ms))
    found = [*due, *(row for row in reaching if row.scheduled_ms < from_ms)]
    return tuple(
        Recorded(
            task_name=row.task_name,
            scheduled_ms=row.scheduled_ms,
            trigger=row.trigger,
            status=row.status,
            missed_count=row.missed_count,
            missed_until_ms=row.missed_until_ms,
        )
        for row in sorted(found, key=lambda row: (row.task_name, row.scheduled_ms))
        if row.attempt == 1 and row.trigger in ("schedule", "catchup")
    )


def moments_of(
    connection: Connection,
    task_name: str,
    from_ms: int,
    to_ms: int,
    *,
    statuses: Iterable[str],
) -> tuple[int, ...]:
    """The due moments within [from, to] whose last attempt ended like this, oldest first.

    A row that sums up several counts with its first moment alone; see `summed_up`.
    """
    column = executions.c
    rows = connection.execute(
        select(column.scheduled_at, column.attempt, column.status)
        .where(
            column.task_name == task_name,
            column.scheduled_at.between(from_ms, to_ms),
        )
        .order_by(column.scheduled_at, column.attempt)
    )
    last = {at_ms: status for at_ms, _, status in rows}
    wanted = frozenset(statuses)
    return tuple(at_ms for at_ms, status in last.items() if status in wanted)


def summed_up(
    connection: Connection,
    task_name: str,
    from_ms: int,
    to_ms: int,
    *,
    statuses: Iterable[str],
) -> int:
    """How many more than `moments_of` finds are within [from, to]: they have no row of their own.

    Of a sum that reaches beyond the span all are counted that may lie in it.
    """
    column = executions.c
    sums = connection.execute(
        select(column.scheduled_at, column.missed_count).where(
            column.task_name == task_name,
            column.missed_count > 1,
            column.scheduled_at <= to_ms,
            column.missed_until >= from_ms,
            column.status.in_(tuple(statuses)),
        )
    )
    return sum(count - (from_ms <= first_ms) for first_ms, count in sums)


def note_log(connection: Connection, run: Run) -> tuple[Run, ...]:
    """Write down where the output of a run lies that has ended; its row, if there is one."""
    connection.execute(
        executions.update()
        .where(
            executions.c.id == run.id,
            executions.c.status.in_(ENDINGS),
            executions.c.log_file.is_(None),
        )
        .values(log_file=run.log_file, log_offset=run.log_offset, log_bytes=run.log_bytes)
    )
    found = find(connection, run.id)
    return () if found is None or found.log_file is None else (found,)


def rename_log(connection: Connection, old: str, new: str) -> None:
    """A kept log was set aside under another name; its runs point there from now on."""
    connection.execute(executions.update().where(executions.c.log_file == old).values(log_file=new))


def as_run(row: ReadRow[*tuple[Any, ...]], fields: Sequence[str] = _FIELDS) -> Run:
    """A row of `select(*columns of these fields)` as a Run; what was not read is as if unknown."""
    return Run(**dict(zip(fields, row, strict=True)))


def _as_row(run: Run) -> Row:
    row = msgspec.structs.astuple(run)
    if not (run.reason or run.requested_by or run.note):
        return row
    # A word too many must not cost a run its row: MariaDB refuses what SQLite takes.
    for place, longest in _LONGEST_AT:
        words = row[place]
        if words is not None and len(words) > longest:
            row = (*row[:place], words[:longest], *row[place + 1 :])
    return row


def _raise_watermarks(connection: Connection, watermarks: Mapping[str, int]) -> None:
    names_of: dict[int, list[str]] = {}
    for name, until_ms in watermarks.items():
        names_of.setdefault(until_ms, []).append(name)
    for until_ms, names in names_of.items():
        for chunk in _chunks(names):
            _RAISE_WATERMARK.execute(connection, chunk, until_ms)


def _statuses(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for chunk in _chunks(sorted(ids)):
        rows = _STATUSES.execute(connection, chunk)
        found.update((run_id, status) for run_id, status in rows)
    return found


def _present(connection: Connection, ids: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for chunk in _chunks(ids):
        found.update(_PRESENT.execute(connection, chunk).scalars())
    return frozenset(found)


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
