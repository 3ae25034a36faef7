"""The last runs, newest first."""

import pytest
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from desktop.models.runs import Column, RunsModel, reason_of
from tests.desktop.rows_at_hand import NOW_MS, run


@pytest.fixture
def model(qapp: QApplication) -> RunsModel:
    made = RunsModel(lambda: NOW_MS, limit=50)
    made.tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        made, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    return made


def test_only_the_newest_fifty_are_kept_newest_first(model: RunsModel) -> None:
    model.show_rows([run(number) for number in range(40)])
    model.show_rows([run(number) for number in range(40, 80)])

    assert [entry.id for entry in model.runs()] == [run(n).id for n in range(79, 29, -1)]


def test_a_run_that_ends_keeps_its_row(model: RunsModel, qtbot: object) -> None:
    model.show_rows([run(1), run(2, state="running", result=None, dur_ms=None), run(3)])

    with qtbot.waitSignal(model.dataChanged):  # type: ignore[attr-defined]
        model.show_rows([run(2, rev=2)])

    assert model.index(1, Column.RESULT).data() == "Success"


def test_an_ended_run_never_comes_alive_again(model: RunsModel) -> None:
    model.show_rows([run(1)])

    model.show_rows([run(1, state="running", result=None, rev=2)])

    assert model.index(0, Column.RESULT).data() == "Success"


def test_an_ended_run_stays_as_history_and_a_vanished_one_goes(model: RunsModel) -> None:
    model.show_rows([run(1), run(2, state="queued", result=None)])

    model.show_rows([], gone=[run(1).id, run(2).id])

    assert [entry.id for entry in model.runs()] == [run(1).id]


def test_one_tasks_model_takes_no_others(model: RunsModel) -> None:
    model.follow("payroll_sync")

    model.show_rows([run(1), run(2, "bank_fetch")])

    assert [entry.task_id for entry in model.runs()] == ["payroll_sync"]


def test_a_retry_that_waits_says_how_long_still(model: RunsModel) -> None:
    model.show_rows(
        [run(1, state="retry_wait", result=None, dur_ms=None, retry_ms=NOW_MS + 25_000)]
    )

    assert model.index(0, Column.REASON).data() == "in 25\N{NO-BREAK SPACE}s"


def test_a_run_in_progress_grows_with_the_clock(model: RunsModel) -> None:
    model.show_rows([run(1, state="running", result=None, dur_ms=None, start_ms=NOW_MS - 65_000)])

    assert model.index(0, Column.DURATION).data().replace("\N{NO-BREAK SPACE}", " ") == "1 m 05 s"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (run(1), ""),
        (
            run(
                1,
                state="running",
                result=None,
                progress=40,
                progress_note="importing",
                metrics=(("errors", 0.5), ("rows", 1200.0)),
            ),
            "40\N{NO-BREAK SPACE}% importing, errors\N{NO-BREAK SPACE}0.5, "
            "rows\N{NO-BREAK SPACE}1\N{NARROW NO-BREAK SPACE}200",
        ),
        (run(1, metrics=(("rows", 7.0),)), "rows\N{NO-BREAK SPACE}7"),
        (
            run(1, metrics=tuple((name, 1.0) for name in "abcde")),
            "a\N{NO-BREAK SPACE}1, b\N{NO-BREAK SPACE}1, c\N{NO-BREAK SPACE}1, "
            "d\N{NO-BREAK SPACE}1, \N{HORIZONTAL ELLIPSIS}",
        ),
        (run(1, result="error", exit=255, note="429"), "exit 255: 429"),
        (run(1, result="skipped", reason="overlap"), "the run before had not ended"),
        (run(1, result="missed", reason="agent_down", missed_count=12), "the agent was down (12)"),
        (run(1, result="aborted", by="Anna"), "by Anna"),
        (
            run(1, state="running", result=None, progress=40, progress_note="prices"),
            "40\N{NO-BREAK SPACE}% prices",
        ),
        (run(1, result="success", progress=100), ""),
    ],
)
def test_a_reason_is_given_where_one_is_needed(row: object, said: str) -> None:
    assert reason_of(row) == said  # type: ignore[arg-type]
