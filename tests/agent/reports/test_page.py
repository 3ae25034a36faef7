"""How does a report read: as text for a terminal and a mail, as a page for people and printers?"""

import re
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from agent.cli import say
from agent.reports.facts import Curve, Failure, Hour, Kind, Proof, Report, TaskFigures
from agent.reports.page import make
from agent.store.reporting import Trouble
from agent.words import REASONS_DE, Language, Words
from tests.agent.store.makings import HOUR_MS, NOW_MS

FROM_MS = NOW_MS - NOW_MS % HOUR_MS - 23 * HOUR_MS


def a_report(kind: Kind = "daily", **fields: Any) -> Report:
    chosen: dict[str, Any] = {
        "kind": kind,
        "agent": "<shop>",
        "timezone": "Pacific/Auckland",
        "from_ms": FROM_MS,
        "to_ms": NOW_MS,
        "made_ms": NOW_MS,
        "endings": {"success": 70, "error": 2, "missed": 7},
        "runs": 72,
        "failed": 2,
        "success_rate": 70 / 72,
        "avg_ms": 1_500,
        "p95_ms": 2_000,
        "hours": tuple(
            Hour(at_ms=FROM_MS + n * HOUR_MS, endings={"success": 3}, runs=3) for n in range(24)
        ),
        "tasks": (
            TaskFigures(
                task_name="sync", runs=9, failures=0, avg_ms=9_000, peak_ms=9_500, usual_ms=3_000
            ),
        ),
        "failures": (
            Failure(
                at_ms=NOW_MS,
                task_name="backup",
                status="error",
                exit_status=3,
                reason='no <b>space</b> & "quotes"',
            ),
            Failure(
                at_ms=NOW_MS,
                task_name="sync",
                status="missed",
                exit_status=None,
                reason="agent_down",
                count=7,
            ),
        ),
        "alerts_opened": 1,
        "alerts_resolved": 0,
        "alerts": (
            Trouble(
                id="A", severity="critical", title="<i>full</i>", opened_ms=NOW_MS, resolved_ms=None
            ),
        ),
        "curves": (Curve(name="disk", points=((FROM_MS, 0.7, 0.75), (NOW_MS, 0.72, 0.8))),),
        "proof": Proof(expected=79, missing=0, doubled=0),
    }
    return Report(**(chosen | fields))


def page(report: Report, language: Language = "en") -> tuple[str, str, str]:
    reasons = say.REASONS if language == "en" else REASONS_DE
    made = make(report, Words(language), reasons=reasons)
    return made.subject, made.plain, made.html


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Daily report", "97.2 %", "failed (Exit 3)", "no agent ran then", "3.0 times")),
        ("de", ("Tagesbericht", "97,2 %", "gescheitert (Code 3)", "damals lief kein", "3,0-Fache")),
    ],
)
def test_the_text_says_the_same_in_each_language(language: Language, words: list[str]) -> None:
    subject, plain, html = page(a_report(), language)

    assert [word for word in words if word not in plain] == []
    assert words[0] in subject
    assert [word for word in words[:4] if word not in html] == []
    assert "79" in plain


def test_what_others_wrote_steers_no_page() -> None:
    html = page(a_report())[2]

    assert "<b>space" not in html
    assert "no &lt;b&gt;space&lt;/b&gt; &amp; &#34;quotes&#34;" in html
    assert "<i>full" not in html
    assert "<shop>" not in html


@pytest.mark.parametrize("kind", ["daily", "errors"])
def test_the_page_loads_nothing_runs_nothing_and_its_drawings_are_sound(kind: Kind) -> None:
    html = page(a_report(kind))[2]

    drawings = re.findall(r"<svg.*?</svg>", html)
    assert drawings
    for drawing in drawings:
        ElementTree.fromstring(drawing)  # noqa: S314 - of our own making
    assert not re.search(r"<script|<img|<link|\bon\w+=|src=|url\(|@import", html)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)


def test_what_is_missing_is_said_in_red() -> None:
    html = page(a_report(proof=Proof(expected=80, missing=2, doubled=1)))[2]

    assert "Of 80 due moments 2 are missing, 1 are there twice" in html
    assert "#fdecec" in html


def test_the_rest_of_many_failures_is_counted_and_a_command_shows_it() -> None:
    plain = page(a_report(endings={"error": 500, "missed": 7}))[1]

    assert "... and 499 more: `smartcron-agent runs list" in plain


@pytest.mark.parametrize("language", ["en", "de"])
def test_an_empty_day_reads_well(language: Language) -> None:
    empty = msgspec.structs.replace(
        a_report(),
        endings={},
        runs=0,
        failed=0,
        success_rate=None,
        hours=(),
        tasks=(),
        failures=(),
        alerts_opened=0,
        alerts=(),
        curves=(),
        proof=None,
    )

    plain, html = page(empty, language)[1:]

    words = Words(language)
    for key in ("failures_none", "alerts_none", "slowest_none", "host_none", "proof_none"):
        assert words(key) in plain
        assert words(key) in html
    assert "<svg" not in html
