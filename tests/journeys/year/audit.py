"""Does the ledger of a year say what it should, and nothing without a reason?"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice

from sqlalchemy import BigInteger, and_, func, or_, select, type_coerce

from agent.clock import iso
from agent.definitions import Definition
from agent.proof import prove
from agent.rules.admission import ON_TIME_MS
from agent.rules.chains import follows
from agent.runs import Run
from agent.store import events, ledger, state
from agent.store.ledger import as_run
from schema.tables import executions
from tests.agent.store.makings import HOUR_MS
from tests.journeys.year.facts import TaskFacts, is_closed
from tests.journeys.year.judge import came_to_those_after
from tests.journeys.year.life import Year

_COLUMN = executions.c
_RUN = tuple(_COLUMN[name] for name in ledger.COLUMN_OF.values())
# These say of themselves who they are, which is another in each year.
_OWN = frozenset({"id", "caused_by"})
_FEW = 5


def audit(year: Year) -> int:
    """Raise for the first promise that was broken; how many moments were due."""
    expected = _each_moment_has_one_row(year)
    assert len(year.host.ordered) == len(set(year.host.ordered)), "a run was started twice"
    wrong = [*_without_reason(year), *_missed_in_time(year), *_chained(year)]
    assert not wrong, "\n".join(wrong[:_FEW])
    return expected


def digest(year: Year) -> str:
    """The same for two years whose rows are the same."""
    names = [column for column in executions.c if column.name not in _OWN]
    wanted = select(*names).order_by(_COLUMN.task_name, _COLUMN.scheduled_at, _COLUMN.attempt)
    told = hashlib.sha256()
    for row in year.shop.database.read_now(lambda connection: connection.execute(wanted).all()):
        told.update(repr(tuple(row)).encode())
    return told.hexdigest()


def _each_moment_has_one_row(year: Year) -> int:
    database, expected, wrong = year.shop.database, 0, _wrong_spans(year)
    until_ms = database.read_now(state.decided_until) or 0
    for name, found in prove(database, year.begins_ms, until_ms).items():
        told = f"{name}: missing {found.missing[:3]}, doubled {found.doubled[:3]}"
        assert found.is_clean, told
        # What ran by a wrong clock stays, also where a change has since taken its moment away.
        for at_ms in found.unexpected:
            is_by_wrong_clock = any(begins < at_ms <= ends for begins, ends in wrong)
            assert is_by_wrong_clock, f"{name} was not due at {iso(at_ms)}"
        expected += found.expected
    return expected


def _wrong_spans(year: Year) -> list[tuple[int, int]]:
    """The moments that a clock told too early, before it was put right by hours.

    It may have been set back by less than three hours before, which is waited for.
    """
    found = year.shop.database.read_now(partial(events.page, limit=1000, kinds=["clock_corrected"]))
    return [(event.at_ms, event.at_ms + (event.size_ms or 0) + 3 * HOUR_MS) for event in found]


def _runs(year: Year, *conditions: object) -> list[Run]:
    wanted = select(*_RUN).where(*conditions).order_by(_COLUMN.id)  # type: ignore[arg-type] # conditions of any kind
    rows = year.shop.database.read_now(lambda connection: connection.execute(wanted).all())
    return [as_run(row) for row in rows]


def _say(run: Run, what: str) -> str:
    return (
        f"{run.task_name} {iso(run.scheduled_ms)} attempt {run.attempt} by {run.trigger}, "
        f"{run.status}/{run.reason} at {iso(run.queued_ms)}: {what}"
    )


def _without_reason(year: Year) -> Iterator[str]:
    """What was not run says why, and it was so."""
    nameless = select(func.count()).where(
        _COLUMN.status.in_(("missed", "skipped")), _COLUMN.reason.is_(None)
    )
    if year.shop.database.read_now(lambda connection: connection.scalar(nameless)):
        yield "there are rows without a reason"
    wrong = _wrong_spans(year)
    for run in _runs(year, _COLUMN.status == "skipped", _COLUMN.missed_count == 1):
        task = year.facts[run.task_name]
        if not _is_by_wrong_clock(run, wrong) and not _is_so(run, task, task.versions[run.def_rev]):
            yield _say(run, "it was not so")


def _is_by_wrong_clock(run: Run, wrong: list[tuple[int, int]]) -> bool:
    """What held then came to hold from another moment on when the clock was put right."""
    return any(begins <= run.queued_ms <= ends for begins, ends in wrong)


def _is_so(run: Run, task: TaskFacts, definition: Definition) -> bool:
    match run.reason:
        case "paused" | "skip_next":
            return run.trigger == "chain" or task.is_held(run.scheduled_ms, run.reason)
        case "blackout":
            moments = (run.scheduled_ms, run.queued_ms, run.ended_ms or 0)
            return definition.in_blackout == "skip" and any(
                is_closed(definition.calendars, at_ms) for at_ms in moments
            )
        case "overlap":
            return definition.overlap in ("forbid", "allow")
        case "queue_full":
            return definition.overlap == "queue"
        case "replaced":
            return definition.overlap == "replace"
        case "superseded":
            return run.trigger == "retry" and definition.overlap != "allow"
        case "disabled":
            return True  # whether a task was just then is not kept
    return False


def _missed_in_time(year: Year) -> Iterator[str]:
    """No moment was given up that the policy of its task would still have made up for."""
    queued = type_coerce(_COLUMN.queued_at, BigInteger)
    last = type_coerce(func.coalesce(_COLUMN.missed_until, _COLUMN.scheduled_at), BigInteger)
    found = _runs(
        year,
        _COLUMN.status == "missed",
        _COLUMN.ended_at == _COLUMN.queued_at,
        queued - last <= 2 * HOUR_MS,
    )
    wrong = _wrong_spans(year)
    for run in found:
        if _is_by_wrong_clock(run, wrong):
            continue
        task = year.facts[run.task_name]
        definition = task.versions[run.def_rev]
        last_ms = run.missed_until_ms or run.scheduled_ms
        window_ms = definition.start_deadline_s * 1000
        if definition.missed == "skip":
            window_ms = min(window_ms, ON_TIME_MS)
        if run.queued_ms - last_ms > window_ms:
            continue
        if any(last_ms <= at_ms <= run.queued_ms for at_ms in task.changes_ms):
            continue  # it was due by what the task had been
        most = definition.catchup_limit if definition.missed == "all" else 1
        newer = islice(task.newer_dues(run.def_rev, last_ms, run.queued_ms), most)
        if sum(1 for _ in newer) < most:
            yield _say(run, "it was among those to be made up for")


def _chained(year: Year) -> Iterator[str]:
    """Each last attempt that ended is followed once by each task that comes after it."""
    caused = Counter(
        (run.caused_by, run.task_name)
        for run in _runs(year, _COLUMN.trigger_type == "chain", _COLUMN.attempt == 1)
    )
    followers = {
        name: task.definition for name, task in year.facts.items() if task.definition.after
    }
    before = {name for definition in followers.values() for name in definition.after}
    further = {
        (run.task_name, run.scheduled_ms, run.attempt)
        for run in _runs(year, _COLUMN.trigger_type == "retry", _COLUMN.task_name.in_(before))
    }
    is_over = or_(
        _COLUMN.status.in_(("success", "aborted", "lost", "error", "timeout", "killed_memory")),
        and_(_COLUMN.trigger_type == "retry", _COLUMN.status.in_(("skipped", "missed"))),
    )
    for run in _runs(year, and_(_COLUMN.task_name.in_(before), is_over)):
        is_last = (run.task_name, run.scheduled_ms, run.attempt + 1) not in further
        for name, definition in followers.items():
            if run.task_name not in definition.after:
                continue
            wanted = int(is_last and follows(definition, came_to_those_after(run)))
            if (found := caused.pop((run.id, name), 0)) != wanted:
                yield _say(run, f"{name} followed {found} times, not {wanted}")
    for cause, name in caused:
        yield f"{name} follows {cause}, which did not end"
