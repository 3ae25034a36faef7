"""What does a report say: its facts put into words, as subject, text and page?"""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest

from agent.reports.facts import Day, Proof
from agent.reports.page import Page, daily, errors, one_line
from agent.words import LANGUAGES, Language
from tests.agent.reports import makings
from tests.agent.reports.makings import DAY_MS, HOUR_MS, a_day, a_failure, an_empty_day, words

VOID = {"meta", "br", "wbr", "img", "hr", "input", "link"}


class Outline(HTMLParser):
    """What a page is made of; fails where tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def drawings(page: Page) -> list[ElementTree.Element]:
    found = re.findall(r"<svg.*?</svg>", page.html, re.DOTALL)
    return [ElementTree.fromstring(text) for text in found]  # noqa: S314 - made a line above


@pytest.mark.parametrize(
    ("language", "subject", "said"),
    [
        (
            "en",
            "[shop] Daily report, Wed 25 Nov: 1 of 1,187 runs failed",
            (
                "Wednesday, 25 November 2026",
                "times of Europe/Berlin",
                "99.9%",
                "The ledger is whole: 1,199 due moments, 1,199 rows, 0 missing.",
                "succeeded: 48, failed: 1",
                "vend_sync: failed, exit status 3",
                "the point of sale does not answer",
                "last line: gave up after 3 tries",
                "12 x reviews: Wed 25 Nov 09:00 to 09:55, no agent ran then",
                "Average 7 min 11 s, Usual 3 min 20 s, Longest 14 min 22 s, 2.2 times the usual",
                "3 opened, 2 resolved, 1 open now",
                "[critical, open] Wed 25 Nov 01:00  vend_sync failed",
                "Processors: 25.0% on average, 50.0% at most",
            ),
        ),
        (
            "de",
            "[shop] Tagesbericht, Mi. 25. Nov.: 1 von 1.187 Läufen gescheitert",
            (
                "Mittwoch, 25. November 2026",
                "Das Laufbuch ist vollständig: 1.199 fällige Zeitpunkte, 1.199 Zeilen, 0 fehlen.",
                "99,9 %",
                "gelungen: 48, gescheitert: 1",
                "letzte Zeile: gave up after 3 tries",
                "Mi. 25. Nov. 09:00 bis 09:55, damals lief kein Agent",
                "das 2,2-Fache",
                "3 gekommen, 2 vorbei, 1 jetzt offen",
                "vend_sync ist gescheitert",
            ),
        ),
    ],
)
def test_a_day_is_told_in_each_language(
    language: Language, subject: str, said: tuple[str, ...]
) -> None:
    page = daily(a_day(), words(language))

    assert page.subject == subject
    for text in said:
        assert text in page.plain
    assert page.html.startswith(f'<!DOCTYPE html>\n<html lang="{language}">')


def test_a_page_needs_no_script_and_nothing_from_elsewhere() -> None:
    for page in (daily(a_day(), words()), errors(makings.errors(), words())):
        outline = Outline(page.html)

        assert not {"script", "link", "img", "iframe", "object", "form"} & set(outline.tags)
        assert not {"src", "href", "onclick", "onload"} & set(outline.attributes)
        assert "url(" not in page.html
        assert set(re.findall(r"https?://[^\"' <]+", page.html)) <= {"http://www.w3.org/2000/svg"}


def test_the_drawings_are_of_the_figures() -> None:
    page = daily(a_day(), words())

    hours, days, *bars, cpu = drawings(page)
    assert [one.get("aria-label") for one in (hours, days, cpu)] == [
        "Runs per hour",
        "Success rate, day by day",
        "Processors",
    ]
    boxes = [one for one in hours if one.tag.endswith("rect")]
    assert len(boxes) == 24 + 2
    tallest = max(float(box.get("height", 0)) for box in boxes)
    assert tallest <= 180
    assert len(bars) == 2
    assert len([one for one in days if one.tag.endswith("circle")]) == 3
    assert "2.2 times the usual" in page.html


def test_a_day_that_goes_on_says_up_to_when() -> None:
    page = daily(a_day(made_ms=DAY_MS + 14 * HOUR_MS), words())

    assert "Wednesday, 25 November 2026, so far, up to 14:00" in page.plain


def test_an_empty_day_says_so() -> None:
    english, german = (daily(an_empty_day(), words(language)) for language in LANGUAGES)

    assert "Nothing was due and nothing ran." in english.plain
    assert "Nichts war fällig, und nichts lief." in german.html
    assert "No alert was opened or resolved, and none is open." in english.plain
    assert drawings(english) == []
    Outline(english.html)


@pytest.mark.parametrize(
    ("proof", "are_kept", "said"),
    [
        (None, True, "decided nothing of this time yet"),
        (None, False, "may have been removed by age"),
        (
            Proof(due=10, rows=8, missing=3, doubled=1, until_ms=DAY_MS),
            True,
            "not whole: 10 due moments, 8 rows, 3 missing, 1 doubled. smartcron-agent ledger check",
        ),
    ],
)
def test_what_is_not_proved_is_not_said_to_be_whole(
    proof: Proof | None, are_kept: bool, said: str
) -> None:
    page = daily(a_day(proof=proof, are_rows_kept=are_kept), words())

    assert said in page.plain
    assert said in page.html
    assert "is whole" not in page.html


def test_what_is_not_shown_is_counted() -> None:
    page = errors(makings.errors(attempts_failed=1_200), words("de"))

    assert page.subject == (
        "[shop] Fehlerbericht, gescheiterte Versuche: 1.200, verpasste Zeitpunkte: 12"
    )
    assert "1.199 weitere gescheiterte Versuche sind nicht gezeigt" in page.plain
    assert "1 x vend_sync: gescheitert, Mi. 25. Nov. 01:00" in page.plain


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert('x')</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7 * 7 }} {% raw %}",
        "😀 größer & 中文",
        "\x1b[31mred\x00\u202egnp.exe\udcff",
        "</svg></table>",
        "x" * 1_000_000,
        "a\r\nBcc: eve@example.org",
    ],
)
def test_what_people_and_programs_wrote_is_shown_and_does_nothing(text: str) -> None:
    tasks = tuple(
        msgspec.structs.replace(one, task_name=text, usual_ms=1) for one in a_day().slowest
    )
    data = a_day(
        agent=text,
        failures=(a_failure(task_name=text, cause=text, last_line=text, status=text),),
        missed=tuple(
            msgspec.structs.replace(one, task_name=text, cause=text) for one in a_day().missed
        ),
        slowest=tasks,
        alerts=msgspec.structs.replace(
            a_day().alerts, shown=(makings.an_alert(title=text, severity=text, status=text),)
        ),
    )
    failing = tuple(msgspec.structs.replace(one, task_name=text) for one in data.failing)

    for page in (
        daily(data, words()),
        errors(makings.errors(agent=text, failing=failing), words()),
    ):
        outline = Outline(page.html)
        assert not {"script", "img"} & set(outline.tags)
        assert "\x00" not in page.html + page.plain
        assert "\x1b" not in page.html + page.plain
        assert len(page.html.encode()) < 200_000
        assert len(page.plain.encode()) < 50_000
        assert "\n" not in page.subject
        assert len(page.subject) <= 150
        drawings(page)
    if text.startswith("😀"):
        assert text in outline.text


def test_a_day_without_runs_among_others_leaves_a_gap() -> None:
    days = (
        Day(from_ms=DAY_MS - 24 * HOUR_MS, runs=0, failures=0),
        Day(from_ms=DAY_MS, runs=2, failures=2),
    )

    page = daily(a_day(days=days), words())

    assert "Tue 24 Nov" in page.plain
    (circle,) = [one for one in drawings(page)[1] if one.tag.endswith("circle")]
    assert circle is not None


def test_long_texts_are_cut_with_a_mark() -> None:
    assert one_line("a  b\nc", 10) == "a b c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"
