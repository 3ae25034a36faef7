"""What is written of a run that is over?"""

import msgspec
import pytest

from agent import endings
from agent.running.inheritance import REBOOTED
from tests.agent.store.makings import NOW_MS, a_run, a_task
from tests.agent.workshop import end_of

TASK = a_task(timeout_seconds=30, memory_limit_mb=64, start_deadline_s=60)


@pytest.mark.parametrize(
    ("cause", "exit_status", "status", "said"),
    [
        ("", 0, "success", None),
        ("", 1, "error", None),
        ("", None, "error", None),
        ("timeout", None, "timeout", "30 s"),
        ("killed_memory", None, "killed_memory", "64 MB"),
        ("aborted", None, "aborted", None),
        ("lost", None, "lost", "could not be learned"),
    ],
)
def test_each_cause_has_its_ending(
    cause: str, exit_status: int | None, status: str, said: str | None
) -> None:
    run = a_run()

    ended = endings.ended(
        run, TASK, end_of(run.id, exit_status=exit_status, cause=cause), stop_reason=None
    )

    assert ended.status == status
    assert ended.has_ended
    assert (said or "") in (ended.error_message or "")
    assert ended.late_ms == 0


@pytest.mark.parametrize(
    ("told", "status", "reason", "said"),
    [
        ({"signal": 24, "cpu_ms": 5_001}, "timeout", "cpu_limit", "SIGXCPU) at its limit: 5.0 s"),
        ({"signal": 9, "cpu_ms": 9_990}, "timeout", "cpu_limit", "10.0 s of processor time used"),
        ({"exit_status": 152, "cpu_ms": 5_020}, "timeout", "cpu_limit", "5 s allowed"),
        ({"cause": "cpu_limit", "detail": "7.2 s used"}, "timeout", "cpu_limit", "7.2 s used"),
        ({"signal": 24, "cpu_ms": 4_700}, "timeout", "cpu_limit", "4.7 s of processor time"),
        ({"signal": 9, "cpu_ms": 4_700}, "error", None, ""),
        ({"signal": 15, "cpu_ms": 9_000}, "error", None, ""),
        ({"exit_status": 152, "cpu_ms": 100}, "error", None, ""),
        ({"signal": 25, "cpu_ms": 1}, "error", "file_size_limit", "SIGXFSZ"),
        ({"exit_status": 153, "cpu_ms": 1}, "error", "file_size_limit", "2 MB"),
        ({"cause": "killed_memory", "detail": "70 MB in use"}, "killed_memory", None, "70 MB in"),
        ({"cause": "timeout", "duration_ms": 31_500}, "timeout", None, "31.5 s after its start"),
        ({"exit_status": 0, "cpu_ms": 6_000}, "success", None, ""),
    ],
)
def test_a_limit_that_ended_a_run_is_told_with_the_figure_reached(
    told: dict[str, object], status: str, reason: str | None, said: str
) -> None:
    run = a_run()
    task = a_task(timeout_seconds=30, cpu_limit_s=5, file_size_limit_mb=2, memory_limit_mb=64)
    end = msgspec.structs.replace(end_of(run.id, exit_status=None), **told)

    ended = endings.ended(run, task, end, stop_reason=None)

    assert (ended.status, ended.reason) == (status, reason)
    assert said in (ended.error_message or "")


@pytest.mark.parametrize(
    ("detail", "reason"), [(REBOOTED, "reboot"), ("nobody saw it", "no_trace"), ("", "no_trace")]
)
def test_a_lost_run_has_a_short_reason_and_says_more_in_words(detail: str, reason: str) -> None:
    run = a_run()
    end = msgspec.structs.replace(end_of(run.id, exit_status=None, cause="lost"), detail=detail)

    ended = endings.ended(run, TASK, end, stop_reason=None)

    assert (ended.status, ended.reason) == ("lost", reason)
    assert detail in (ended.error_message or "")


@pytest.mark.parametrize(("leftovers", "said"), [("kill", "were ended"), ("keep", "left alone")])
def test_what_a_run_left_behind_is_in_its_note(leftovers: str, said: str) -> None:
    run = a_run(note="by hand")
    end = msgspec.structs.replace(end_of(run.id), leftovers=2)

    ended = endings.ended(run, a_task(leftovers=leftovers), end, stop_reason=None)

    assert (ended.note or "").startswith("by hand; 2 processes")
    assert said in (ended.note or "")


def test_what_a_run_used_is_written_with_its_end() -> None:
    run = a_run()
    used = {"read_bytes": 1, "written_bytes": 2, "minor_faults": 3, "major_faults": 4}

    ended = endings.ended(
        run, TASK, msgspec.structs.replace(end_of(run.id), **used), stop_reason=None
    )

    assert {name: getattr(ended, name) for name in used} == used


def test_who_stopped_a_run_is_written_only_when_the_stop_ended_it() -> None:
    run = a_run(reason="first look", note="as tried before")

    why = {"stop_reason": "by_request", "stopped_by": "Anna"}
    stopped = endings.ended(run, TASK, end_of(run.id, cause="aborted"), **why)
    by_itself = endings.ended(run, TASK, end_of(run.id), **why)

    assert (stopped.reason, stopped.note) == ("by_request", "stopped by Anna; as tried before")
    assert (by_itself.reason, by_itself.note) == ("first look", "as tried before")


@pytest.mark.parametrize(
    ("fields", "enabled", "expected"),
    [
        ({"status": "running"}, True, ("lost", "no_trace")),
        ({"status": "stopping"}, True, ("lost", "no_trace")),
        ({"status": "queued"}, False, ("skipped", "disabled")),
        ({"scheduled_ms": NOW_MS - 60_001}, True, ("missed", "agent_down")),
        ({"scheduled_ms": NOW_MS - 60_000}, True, None),
        ({"scheduled_ms": NOW_MS - 60_001, "trigger": "manual"}, True, None),
    ],
)
def test_a_run_that_no_keeper_knows_ends_by_what_it_was(
    fields: dict[str, object], *, enabled: bool, expected: tuple[str, str] | None
) -> None:
    run = msgspec.structs.replace(a_run(), **fields)
    task = msgspec.structs.replace(TASK, enabled=enabled)

    ended = endings.unseen(run, task, now_ms=NOW_MS)

    assert (None if ended is None else (ended.status, ended.reason)) == expected


@pytest.mark.parametrize(
    ("end", "status", "error_class"),
    [
        ({"exit_status": 0}, "success", None),
        ({"exit_status": 3}, "success", None),
        ({"exit_status": 1}, "error", "recoverable"),
        ({"exit_status": 75}, "error", "fatal"),
        ({"exit_status": 77}, "error", "fatal"),
        ({"exit_status": 137}, "error", "recoverable"),
        ({"exit_status": None, "signal": 9}, "error", "recoverable"),
        ({"exit_status": None, "signal": 31}, "error", "fatal"),
        ({"exit_status": 3, "cause": "timeout"}, "timeout", "recoverable"),
        ({"exit_status": None, "cause": "killed_memory"}, "killed_memory", "recoverable"),
        ({"exit_status": None, "cause": "aborted"}, "aborted", None),
        ({"exit_status": None, "cause": "lost"}, "lost", None),
        ({"exit_status": None, "cause": "never_started"}, "error", "recoverable"),
        ({"exit_status": None, "cause": "storage"}, "missed", "recoverable"),
    ],
)
def test_an_end_has_its_class_by_the_table_of_the_task_and_the_common_ones(
    end: dict[str, object], status: str, error_class: str | None
) -> None:
    task = msgspec.structs.replace(TASK, exit_statuses={"3": "success", "75": "fatal"})
    run = a_run()

    over = endings.ended(
        run, task, msgspec.structs.replace(end_of(run.id), **end), stop_reason=None
    )

    assert (over.status, over.error_class) == (status, error_class)
    assert (over.exit_status, over.signal) == (end["exit_status"], end.get("signal"))


@pytest.mark.parametrize(
    ("told", "said", "words"),
    [
        ({"exit_status": 255}, None, "ended with exit status 255, and wrote nothing"),
        ({"exit_status": 255}, "no such host", "no such host"),
        ({"exit_status": 137}, None, "exit status 137, as a shell has it when SIGKILL ended"),
        ({"exit_status": 127}, None, "exit status 127: a command is not there"),
        ({"signal": 9}, None, "ended by SIGKILL (signal 9), not by this agent: somebody did, or"),
        ({"signal": 9}, "row 7", "want of memory (`journalctl -k` tells); its output ends: row 7"),
        ({"exit_status": 137}, None, "ended its command, not by this agent: somebody did, or the"),
        ({"signal": 34}, None, "ended by SIGRTMIN (signal 34)"),
        ({"signal": 32}, None, "ended by SIG32 (signal 32)"),
        ({"signal": 40}, None, "ended by SIGRTMIN+6 (signal 40)"),
        ({"signal": 11}, "row 7", "ended by SIGSEGV (signal 11); its output ends: row 7"),
    ],
)
def test_an_end_is_told_in_words_also_when_the_run_wrote_none(
    told: dict[str, int], said: str | None, words: str
) -> None:
    end = msgspec.structs.replace(end_of("R", exit_status=None), **told)

    assert words in (endings.in_words(end, said) or "")


@pytest.mark.parametrize("cause", ["timeout", "killed_memory", "aborted", "lost"])
def test_what_we_ended_is_not_told_as_an_end_of_its_own(cause: str) -> None:
    end = msgspec.structs.replace(end_of("R", exit_status=None, cause=cause), signal=9)

    assert endings.in_words(end, "row 7") == "row 7"
