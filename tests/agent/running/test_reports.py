"""What a run says of its progress is heard however it arrives, and nothing else is."""

import os
import pwd
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.running.reports import Listener, Told, make_report, report_path, report_paths
from agent.settings import Home
from agent.ulid import new_ulid


def heard(*pieces: bytes, is_report: bool = False) -> Told:
    listener = Listener(mask=str) if is_report else Listener()
    for piece in pieces:
        listener.hear(piece)
    return listener.finish()


def test_a_report_makes_its_folder_again_that_somebody_removed(tmp_path: Path) -> None:
    make_report(str(tmp_path / "spool" / "R.report"), None)

    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("::progress 40 importing products::", Told(progress=40, note="importing products")),
        ("::progress 40%::", Told(progress=40)),
        ("  ::progress 99.9 nearly::\r", Told(progress=99, note="nearly")),
        ("::progress 0::", Told(progress=0)),
        ("::progress 100 a \x1b[31mred\x07 word::", Told(progress=100, note="a [31mred word")),
        ("::metric rows=1200::", Told(metrics={"rows": 1200})),
        ("::metric rows=1.5e3 errors=-2 bad=x::", Told(metrics={"rows": 1500, "errors": -2})),
        ("::progress 101::", Told()),
        ("::progress -1::", Told()),
        ("::progress::", Told()),
        ("::metric Rows=1::", Told()),
        ("::metric rows=inf::", Told()),
        ("::metric rows=nan::", Told()),
        (f"::metric {'x' * 65}=1::", Told()),
        ("say ::progress 40::", Told()),
        ("::progress 40:: and on", Told()),
        ("progress 40", Told()),
        (f"::progress 40 {'x' * 5000}::", Told()),
    ],
)
def test_a_line_of_output_is_a_word_for_us_or_none(line: str, told: Told) -> None:
    assert heard(b"before\n" + line.encode() + b"\nafter\n") == told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"progress": 40, "note": "half"}', Told(progress=40, note="half")),
        (
            '{"metrics": {"rows": 3, "x": true, "y": "4", "Z": 1}}',
            Told(metrics={"rows": 3, "y": 4}),
        ),
        ('{"note": "only\\nwords"}', Told(note="only words")),
        ('{"progress": 1e999, "metrics": [1]}', Told()),
        ('{"progress": true}', Told()),
        ("[" * 4000, Told()),
        ("not json", Told()),
        ("40", Told()),
    ],
)
def test_a_line_of_a_report_says_something_or_nothing(line: str, told: Told) -> None:
    assert heard(line.encode() + b"\n", is_report=True) == told


def test_the_last_word_counts_and_a_new_step_forgets_the_old_note() -> None:
    told = heard(b"::progress 10 first::\n::metric a=1 b=1::\n::metric a=2::\n::progress 20::\n")

    assert told == Told(progress=20, note=None, metrics={"a": 2, "b": 1})


def test_the_65th_metric_is_not_taken_and_the_first_ones_go_on() -> None:
    lines = [f"::metric m{number}={number}::\n".encode() for number in range(70)]

    told = heard(*lines, b"::metric m3=33 m69=1::\n")

    assert len(told.metrics) == 64
    assert told.metrics["m3"] == 33
    assert "m69" not in told.metrics


@given(cuts=st.lists(st.integers(0, 400), max_size=12))
def test_it_is_the_same_however_the_output_arrives(cuts: list[int]) -> None:
    text = b"x" * 90 + b"\n::progress 5 go::\nnoise\n::metric rows=7::\n" + b"::progress 6 on::\n"
    places = sorted({min(cut, len(text)) for cut in (0, *cuts, len(text))})
    pieces = [text[begin:end] for begin, end in pairwise(places)]

    assert heard(*pieces) == heard(text) == Told(progress=6, note="on", metrics={"rows": 7})


def test_the_end_of_an_endless_line_is_no_line() -> None:
    pieces = [b"x" * 3000, b"x" * 3000, b"::progress 50::\n", b"::progress 60::\n"]

    assert heard(*pieces).progress == 60
    assert heard(*pieces[:3]).progress is None


def test_what_follows_something_left_out_is_no_beginning_of_a_line() -> None:
    listener = Listener()
    listener.hear(b"::progress 1")
    listener.skip()
    listener.hear(b"::progress 2::\n::progress 3::")

    assert listener.finish().progress == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_the_report_of_a_run_of_another_user_is_that_users_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    path = Path(report_path(home, new_ulid(1_000), user="nobody"))
    make_report(str(path), "nobody")
    try:
        status = path.lstat()

        assert path.parent != home.spool, "another user cannot reach into our home"
        assert status.st_uid == pwd.getpwnam("nobody").pw_uid
        assert status.st_mode & 0o777 == 0o600
        with pytest.raises(FileExistsError):
            make_report(str(path), "nobody")
    finally:
        path.unlink()


def test_a_report_is_found_again_where_it_was_made(tmp_path: Path) -> None:
    home = Home(tmp_path)

    for user in (None, "nobody"):
        assert report_path(home, "R1", user=user) in report_paths(home, "R1")
