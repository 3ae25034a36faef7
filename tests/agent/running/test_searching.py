"""Kept logs are searched to the last line, within a time, and without telling what is masked."""

import asyncio
import os
import re
from pathlib import Path

import msgspec
import pytest

from agent.errors import Refused, WrongUse
from agent.running import searching
from agent.running.keptlogs import compress, rotate
from agent.running.output import output_offset
from agent.running.searcher import BLOCK_BYTES, finder, hits
from agent.running.searching import Found, Hit, Place, Question, Searching
from agent.running.stored import Plain
from agent.runs import Run
from agent.settings import Home
from tests.agent.running.test_output import SECRET, end_of, outputs_of, recorded, run_of, write


@pytest.fixture
def place(home: Path) -> Home:
    place = Home(home / "place")
    place.make()
    return place


def kept(place: Home, run_id: str, text: bytes, *, task: str = "sync", limit: int = 10**9) -> Run:
    outputs = outputs_of(place, limit_bytes=limit)
    write(place, text, run_id)
    run = msgspec.structs.replace(run_of(run_id), task_name=task)
    run = recorded(run, outputs.keep(run, end_of(run_id)))
    outputs.discard(run_id)
    return run


WITHIN_S = 60.0  # what is tested is not how soon a loaded host lets the process begin


async def found_in(place: Home, question: Question) -> list[Hit]:
    """All hits, however many answers they take."""
    question = msgspec.structs.replace(question, within_s=WITHIN_S)
    searching = Searching(outputs_of(place))
    found: list[Hit] = []
    answer = Found(next=Place(""))
    begin: Place | None = None
    while answer.next is not None:
        answer = await searching.search(question, begin)
        found += answer.hits
        begin = answer.next
        assert answer.problem == ""
    return found


async def test_every_line_is_found_with_its_run_also_in_packed_logs(place: Home) -> None:
    old = kept(place, "R1", b"one\nneedle 1 and needle\nthree\n")
    kept(place, "R2", b"nothing\n")
    compress(rotate(place.task_logs / "sync.log"))
    new = kept(place, "R3", b"needle 3")
    other = kept(place, "R4", b"\n\nneedle 4\n", task="other")

    hits = await found_in(place, Question(pattern="needle"))

    assert sorted((hit.task_name, hit.run_id, hit.line, hit.output_at) for hit in hits) == [
        ("other", "R4", "needle 4", other.log_offset),
        ("sync", "R1", "needle 1 and needle", old.log_offset),
        ("sync", "R3", "needle 3", new.log_offset),
    ]
    assert [hit.run_id for hit in hits if hit.task_name == "sync"] == ["R3", "R1"], "newest first"
    for hit in hits:
        run = {"R1": old, "R3": new, "R4": other}[hit.run_id]
        chunk = outputs_of(place).read(run, output_offset(run, hit.at), 6)
        assert chunk.data == b"needle"


async def test_one_task_and_runs_since_a_moment_can_be_asked_for(place: Home) -> None:
    kept(place, "R1", b"needle\n")
    kept(place, "R4", b"needle\n", task="other")

    assert [
        hit.run_id for hit in await found_in(place, Question(pattern="needle", task_name="sync"))
    ] == ["R1"]
    early = Question(pattern="needle", from_ms=1_000)  # runs of `end_of` begin at 1 000
    assert len(await found_in(place, early)) == 2
    assert await found_in(place, msgspec.structs.replace(early, from_ms=1_001)) == []


async def test_an_answer_ends_at_its_limit_and_the_next_goes_on_from_there(place: Home) -> None:
    kept(place, "R1", b"".join(b"needle %d\n" % number for number in range(57)))
    question = Question(pattern="needle", limit=10, within_s=WITHIN_S)

    first = await Searching(outputs_of(place)).search(question, None)

    assert len(first.hits) == 10
    lines = [hit.line for hit in await found_in(place, question)]
    assert lines == [f"needle {number}" for number in range(57)]


async def test_the_place_of_a_match_is_right_where_the_middle_is_left_out(place: Home) -> None:
    text = b"head needle\n" + b"x" * 50_000 + b"\ntail needle\n"
    run = kept(place, "R1", text, limit=1000)

    hits = await found_in(place, Question(pattern="needle"))

    assert [output_offset(run, hit.at) for hit in hits] == [
        text.index(b"needle"),
        text.rindex(b"needle"),
    ]


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        (Question(pattern="a.c", regex=True), ["abc", "xaxcx"]),
        (Question(pattern="a.c"), []),
        (Question(pattern="^x", regex=True), ["xaxcx"]),
        (Question(pattern="c$", regex=True), ["abc"]),
        (Question(pattern="ABC", ignore_case=True), ["abc"]),
        (Question(pattern=r"c\s*x", regex=True), ["xaxcx"]),
        (Question(pattern=r"bc\s*\w*", regex=True), ["abc"]),
        (Question(pattern="z*$", regex=True), ["abc", "xaxcx", "", "ümlaut"]),
        (Question(pattern="ümlaut"), ["ümlaut"]),
    ],
)
async def test_lines_are_looked_at_one_by_one(
    place: Home, question: Question, lines: list[str]
) -> None:
    kept(place, "R1", "abc\nxaxcx\n\nümlaut\n".encode())

    assert [hit.line for hit in await found_in(place, question)] == lines


async def test_our_own_lines_about_runs_are_no_output(place: Home) -> None:
    kept(place, "R1", b"exit status 3 it said\n")

    assert [hit.line for hit in await found_in(place, Question(pattern="exit status 3"))] == [
        "exit status 3 it said"
    ]


async def test_a_pattern_that_never_ends_is_ended(place: Home) -> None:
    kept(place, "R1", b"needle\n" + b"a" * 50_000 + b"b\n")
    question = Question(pattern="(a+)+$", regex=True, within_s=0.3)

    answer = await Searching(outputs_of(place)).search(question, None)

    assert answer.next is None
    assert "longer than 0.3 s" in answer.problem
    assert "sync.log" in answer.problem


async def test_a_search_whose_asker_is_gone_ends_and_leaves_no_process(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(place, "R1", b"a" * 50_000 + b"b\n")
    begun: list[asyncio.subprocess.Process] = []
    create = asyncio.create_subprocess_exec

    async def noted(*words: str, **options: object) -> asyncio.subprocess.Process:
        begun.append(await create(*words, **options))  # type: ignore[arg-type]  # passed on as is
        return begun[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    room = Searching(outputs_of(place))
    question = Question(pattern="(a+)+$", regex=True, within_s=WITHIN_S)
    work = asyncio.create_task(room.search(question, None))
    async with asyncio.timeout(40):
        while not begun:  # noqa: ASYNC110 - the process is begun by another task
            await asyncio.sleep(0)

    work.cancel()
    await asyncio.wait([work])

    assert begun[0].returncode == -9
    again = await room.search(Question(pattern="ab", within_s=WITHIN_S), None)
    assert again.hits, "its room is free again"


async def test_only_few_search_at_once(place: Home) -> None:
    kept(place, "R1", b"needle\n")
    room = Searching(outputs_of(place))
    question = Question(pattern="needle", within_s=WITHIN_S)

    answers = await asyncio.gather(
        *(room.search(question, None) for _ in range(4)), return_exceptions=True
    )

    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert len(refused) == 4 - searching.MOST_AT_ONCE
    assert refused[0].code == "busy"


async def test_a_secret_that_became_known_later_is_neither_shown_nor_confirmed(
    place: Home,
) -> None:
    log = place.task_logs / "sync.log"
    log.write_bytes(
        b"=== 2026-11-24T00:00:00.000Z run R1 attempt 1 begins ===\n"
        b"key is " + SECRET.encode() + b" today\n"
    )

    assert await found_in(place, Question(pattern=SECRET[:10])) == []
    assert await found_in(place, Question(pattern="is corr", regex=True)) == []
    (hit,) = await found_in(place, Question(pattern="today"))
    assert hit.line == f"key is {'*' * len(SECRET)} today"


async def test_a_forged_header_does_not_change_where_output_begins(place: Home) -> None:
    forged = b"=== 2026-11-24T00:00:00.000Z run R9 attempt 1 begins ===\n"
    run = kept(place, "R1", b"a\n" + forged + b"needle\n")

    (hit,) = await found_in(place, Question(pattern="needle"))

    assert hit.run_id == "R9"
    assert hit.output_at != run.log_offset, "so that a row can tell"


async def test_a_damaged_log_is_named_and_the_others_are_searched(place: Home) -> None:
    kept(place, "R1", b"needle\n")
    (place.task_logs / "sync.log.20260101T000000.000000Z.gz").write_bytes(b"x" * 100)

    question = Question(pattern="needle", within_s=WITHIN_S)
    answer = await Searching(outputs_of(place)).search(question, None)

    assert len(answer.hits) == 1
    assert answer.problem == "sync.log.20260101T000000.000000Z.gz: the compressed log is damaged"


@pytest.mark.parametrize("pattern", ["", "a\nb", "x" * 201])
async def test_what_cannot_be_looked_for_is_refused(place: Home, pattern: str) -> None:
    with pytest.raises(WrongUse, match="pattern"):
        await Searching(outputs_of(place)).search(Question(pattern=pattern), None)


async def test_a_bad_expression_is_refused_with_its_cause(place: Home) -> None:
    with pytest.raises(WrongUse, match=re.escape("'(' is no regular expression")):
        await Searching(outputs_of(place)).search(Question(pattern="(", regex=True), None)


@pytest.mark.parametrize("newlines", [True, False])
def test_no_match_is_lost_or_doubled_where_blocks_meet(tmp_path: Path, newlines: bool) -> None:
    filling = b"x" * 99 + (b"\n" if newlines else b"x")
    path = tmp_path / "log"
    places = []
    with path.open("wb") as log:
        for number in range(6):
            log.write(filling * ((BLOCK_BYTES * 3 // 5) // 100 + number))
            places.append(log.tell())
            log.write(b"needle\n" if newlines else b"needle")
    stored = Plain(os.open(path, os.O_RDONLY), path.stat())
    find = finder("needle", is_regex=False, ignore_case=False)

    said = list(hits(stored, find, at=0, header_at=-1))

    found = [one["begin"] for one in said if "begin" in one]
    if newlines:
        assert found == places
    else:
        assert set(found) <= set(places), "one hit for each piece of a line that does not end"
        assert len(found) == len(set(found)) >= 3
    assert sum(one["bytes"] for one in said if "at" in one) == path.stat().st_size
