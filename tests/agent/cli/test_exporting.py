"""Commands that take runs, statistics and audit rows away as CSV or JSON Lines."""

import csv
import io
import json
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.cli.exporting import _told, write_csv, write_lines
from agent.store.streaming import Cell, Stream
from tests.journeys.household import Household


def a_stream(*rows: dict[str, Cell]) -> Stream:
    return Stream(columns=tuple(rows[0]), rows=iter(rows))


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_a_csv_becomes_a_formula(begin: str) -> None:
    file = io.StringIO()
    text = f"{begin}cmd|' /C calc'!A0"

    write_csv(a_stream({"note": text, "count": -3, "none": None}), file)

    head, row = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert head == ["note", "count", "none"]
    assert row == ["'" + text, "-3", ""]


def test_json_lines_carry_everything_as_it_is() -> None:
    file = io.StringIO()

    assert write_lines(a_stream({"note": "=1\nü", "metrics": {"a": 1}}, {"note": None}), file) == 2

    assert [json.loads(line) for line in file.getvalue().splitlines()] == [
        {"note": "=1\nü", "metrics": {"a": 1}},
        {"note": None},
    ]


def test_of_what_takes_long_is_told_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter(range(100))
    clock: Callable[[], float] = lambda: float(next(times))  # noqa: E731 - a value, not a name
    rows: Iterator[dict[str, Cell]] = ({"n": n} for n in range(5_500))

    assert sum(1 for _ in _told(rows, "runs", clock)) == 5_500

    said = capsys.readouterr()
    assert "runs: 2000 rows" in said.err
    assert said.out == ""


def test_runs_statistics_and_audit_are_exported_from_a_home(
    household: Household, tmp_path: Path
) -> None:
    household.apply('task_name = "a"\nschedule = "0 7 * * *"\ncommand = "true"')
    target = tmp_path / "audit.jsonl"

    said = household.run("export", "audit", "--output", str(target))

    assert said.returncode == 0, said.stderr
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["action"] for row in rows] == ["tasks apply"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "1 rows" in said.stderr
    assert household.cli("export", "runs").startswith("id,task_name,")
    assert household.cli("export", "stats", "--task", "a").startswith("task_name,hour_at,")
    assert household.cli("audit", "export", "--format", "csv").count("\n") == 2


def test_a_file_that_cannot_be_written_leaves_nothing_behind(
    household: Household, tmp_path: Path
) -> None:
    said = household.run("export", "runs", "--output", str(tmp_path / "gone" / "x.csv"))
    assert said.returncode == 1

    assert f"{tmp_path / 'gone' / 'x.csv'} cannot be written: no such file" in said.stderr
    assert ".half" not in said.stderr
    said = household.run("export", "runs", "--from", "2026-01-02", "--to", "2026-01-01")
    assert said.returncode == 2
    assert "earlier than --to" in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_is_told_as_that(household: Household) -> None:
    said = household.run("export", "runs", "--output", "/dev/full")

    assert said.returncode == 1
    assert "--output /dev/full cannot be written: no space left on device" in said.stderr


def test_what_takes_the_rows_is_not_replaced_by_them(household: Household, tmp_path: Path) -> None:
    pipe, link, behind = tmp_path / "pipe", tmp_path / "link", tmp_path / "behind.csv"
    os.mkfifo(pipe)
    link.symlink_to(behind)
    household.cli("tasks", "register")

    with ThreadPoolExecutor(1) as reader:
        piped = reader.submit(pipe.read_text)
        household.cli("export", "audit", "--output", str(pipe))
        head = piped.result(timeout=60).splitlines()[0]
    household.cli("export", "audit", "--output", str(link))

    assert head.startswith("id,")
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert behind.read_text().splitlines()[0] == head
