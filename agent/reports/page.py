"""What does a report say: its facts put into words, as subject, text and page?"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from markupsafe import Markup

from agent.reports import charts
from agent.reports.charts import Column
from agent.reports.facts import ENDINGS, FAILED, Daily, Errors, Failure, Span, TaskTimes
from agent.reports.templates import TEMPLATES
from agent.reports.words import Words
from agent.sayings import title_in

_FOOT_FIRST: Final = (*FAILED, "missed", "success", "aborted", "skipped")
_SEVERITY_COLOURS: Final = {"critical": "#b71c1c", "high": "#c2410c", "medium": "#8d6e00"}
_CURVE_COLOURS: Final = {"cpu": "#2f6fd0", "memory": "#7a4fb5", "disk": "#0f8a8a"}
_CLOCK_LABELS: Final = 8
_MUCH_SLOWER: Final = 1.5
_NAME_CHARS: Final = 80
_CODE_CHARS: Final = 24
_LINE_CHARS: Final = 300
_SUBJECT_CHARS: Final = 150


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it is read."""

    subject: str
    plain: str
    html: str


def daily(data: Daily, words: Words) -> Page:
    """The report of a day."""
    date = words.date(data.from_ms)
    subject = words(
        "subject_daily",
        date=words.day(data.from_ms),
        runs=words.number(data.runs),
        failed=words.number(data.failed),
    )
    said = _common(data, words) | _of_a_day(data, words)
    so_far = words("so_far", at=words.clock(data.made_ms))
    said["title"] = words("daily_title")
    said["span"] = f"{date}, {so_far}" if data.made_ms < data.to_ms else date
    return _page(data, words, said, subject)


def errors(data: Errors, words: Words) -> Page:
    """The report of what went wrong in a span."""
    counts = {
        "failed": words.number(data.attempts_failed),
        "missed": words.number(data.moments_missed),
    }
    said = _common(data, words) | {
        "title": words("errors_title"),
        "span": words("from_to", start=words.at(data.from_ms), end=words.at(data.to_ms)),
        "tiles": [
            (words("attempts_failed"), counts["failed"], _bad_if(data.attempts_failed), ""),
            (words("missed"), counts["missed"], _missed_if(data.moments_missed), ""),
        ],
        "summary": "",
        "summed": "",
        "proof": "",
        "is_empty": False,
        "legend": (),
        "hours": (),
        "days": (),
        "days_chart": "",
        "slowest": (),
        "alerts_said": "",
        "host": None,
    }
    return _page(data, words, said, words("subject_errors", **counts))


def one_line(text: str, most: int = _LINE_CHARS) -> str:
    """A text in one line of at most so many letters, without what steers a reader's screen."""
    # What lies beyond is not even looked at: it may be a megabyte.
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * most])
    short = " ".join(plain.split())
    return short if len(short) <= most else short[: most - 1] + "…"


def _page(data: Span, words: Words, said: dict[str, Any], subject: str) -> Page:
    said["subject"] = one_line(f"[{data.agent}] {said['title']}, {subject}", _SUBJECT_CHARS)
    return Page(
        subject=said["subject"],
        # A space that may not break is for pages; terminals show it as a sign of its own.
        plain=TEMPLATES.get_template("report.txt").render(said).replace("\u00a0", " "),
        html=TEMPLATES.get_template("report.html").render(said),
    )


def _common(data: Span, words: Words) -> dict[str, Any]:
    unshown = data.attempts_failed - len(data.failures)
    command = "smartcron-agent runs list --status error"
    agent = one_line(data.agent, _NAME_CHARS)
    return {
        "r": msgspec.structs.replace(data, agent=agent),
        "w": words,
        "ink": charts.INK,
        "faint": charts.FAINT,
        "line": charts.LINE,
        "zone": words("zone", zone=data.timezone),
        "failing": [
            {
                "task_name": one_line(one.task_name, _NAME_CHARS),
                "count": words.number(one.count),
                "ending": _known(words, "ending", one.status),
                "last": words.at(one.last_ms),
                "colour": charts.COLOURS.get(one.status, charts.FAINT),
            }
            for one in data.failing
        ],
        "failures": [_failure(one, words) for one in data.failures],
        "more_failures": words("more_failures", count=words.number(unshown), command=command)
        if unshown > 0
        else "",
        "missed": [
            {
                "task_name": one_line(one.task_name, _NAME_CHARS),
                "count": words.number(one.count),
                "when": _from_to(one.first_ms, one.last_ms, words),
                "cause": words.cause(one_line(one.cause)),
            }
            for one in data.missed
        ],
        "made": words(
            "made", agent=agent, at=f"{words.date(data.made_ms)}, {words.clock(data.made_ms)}",
            zone=data.timezone,
        ),
    }  # fmt: skip


def _failure(one: Failure, words: Words) -> dict[str, str]:
    ending = _known(words, "ending", one.status)
    attempt = words("attempt", number=one.attempt) if one.attempt > 1 else ""
    status = "" if one.exit_status is None else words("exit", status=one.exit_status)
    return {
        "at": words.at(one.at_ms),
        "task_name": one_line(one.task_name, _NAME_CHARS),
        "ending": ending,
        "attempt": attempt,
        "exit": status,
        "said": ", ".join(part for part in (ending, status, attempt) if part),
        "cause": words.cause(one_line(one.cause)),
        "last_line": one_line(one.last_line),
        "colour": charts.COLOURS.get(one.status, charts.FAINT),
    }


def _known(words: Words, kind: str, code: str) -> str:
    """The word for a code; one that nobody knows was written by hand and may be anything."""
    return words.known(kind, one_line(code, _CODE_CHARS))


def _from_to(first_ms: int, last_ms: int, words: Words) -> str:
    first, last = words.at(first_ms), words.at(last_ms)
    if first == last:
        return first
    if words.day(first_ms) == words.day(last_ms):
        last = words.clock(last_ms)
    return words("from_to", start=first, end=last)


def _of_a_day(data: Daily, words: Words) -> dict[str, Any]:
    endings = data.endings
    legend = [
        (_known(words, "ending", status), words.number(count), charts.COLOURS[status])
        for status, count in endings.items()
    ]
    days = [
        (
            words.day(day.from_ms),
            words.percent(day.success_rate),
            words.number(day.runs),
            words.number(day.failures),
        )
        for day in data.days
    ]
    return {
        "tiles": _tiles(data, words),
        "summary": words(
            "summary",
            retries=words.number(data.retries),
            average=words.length(data.avg_ms),
            p95=words.length(data.p95_ms),
        )
        if data.runs
        else "",
        **_proof(data, words),
        "summed": words("summed", minutes=data.sums_early_ms // 60_000)
        if data.sums_early_ms
        else "",
        "is_empty": data.is_empty,
        # Of what a day was like its failures say enough.
        "failing": (),
        "legend": legend,
        "hours": [
            (words.clock(hour.at_ms), _endings(hour.endings, words))
            for hour in data.hours
            if hour.endings
        ],
        "hours_chart": _hours_chart(data, words) if legend else "",
        "days": days if any(day.runs for day in data.days) else (),
        "days_chart": charts.dots(
            [day.success_rate for day in data.days],
            [words.day(day.from_ms) for day in data.days],
            said=words("days"),
            percent=words.percent,
        )
        if any(day.runs for day in data.days)
        else "",
        "slowest": _slowest(data.slowest, words),
        **_alerts(data, words),
        "host": _host(data, words),
    }


def _tiles(data: Daily, words: Words) -> list[tuple[str, str, str, str]]:
    rate = data.days[-1].success_rate if data.days else None
    runs = sum(day.runs for day in data.days[:-1])
    failures = sum(day.failures for day in data.days[:-1])
    before = words("before", rate=words.percent(1 - failures / runs)) if runs else ""
    colour = charts.COLOURS["success"] if rate in (None, 1) else charts.COLOURS["error"]
    return [
        (words("runs"), words.number(data.runs), "#2f6fd0", ""),
        (words("rate_tile"), words.percent(rate), colour, before),
        (words("failed"), words.number(data.failed), _bad_if(data.failed), ""),
        (
            words("missed_tile"),
            words.number(data.moments_missed),
            _missed_if(data.moments_missed),
            "",
        ),
    ]


def _bad_if(count: int) -> str:
    return charts.COLOURS["error" if count else "success"]


def _missed_if(count: int) -> str:
    return charts.COLOURS["missed" if count else "success"]


def _endings(endings: dict[str, int], words: Words) -> str:
    return ", ".join(
        f"{words.known('ending', status)}: {words.number(endings[status])}"
        for status in ENDINGS
        if status in endings
    )


def _hours_chart(data: Daily, words: Words) -> Markup:
    places = [
        Column(
            words.clock(hour.at_ms),
            tuple(
                (status, hour.endings[status]) for status in _FOOT_FIRST if status in hour.endings
            ),
        )
        for hour in data.hours
    ]
    return charts.columns(places, said=words("hours"), number=words.number)


def _proof(data: Daily, words: Words) -> dict[str, Any]:
    proof = data.proof
    if proof is None:
        said = words("proof_none" if data.are_rows_kept else "proof_old")
        return {"proof": said, "proof_colours": ("#f3f5f8", charts.FAINT), "proof_is_good": False}
    values: dict[str, object] = {
        "due": words.number(proof.due),
        "rows": words.number(proof.rows),
        "missing": words.number(proof.missing),
    }
    if proof.is_clean:
        colours, said = ("#e8f5ee", "#1e6342"), words("proof_good", **values)
    else:
        values["command"] = "smartcron-agent ledger check"
        colours = ("#fdecec", "#9b1c1c")
        said = words("proof_bad", doubled=words.number(proof.doubled), **values)
    return {"proof": said, "proof_colours": colours, "proof_is_good": proof.is_clean}


def _slowest(tasks: Sequence[TaskTimes], words: Words) -> list[dict[str, Any]]:
    longest = max((max(one.avg_ms, one.usual_ms or 0) for one in tasks), default=0) or 1
    return [
        {
            "task_name": one_line(one.task_name, _NAME_CHARS),
            "average": words.length(one.avg_ms),
            "usual": words.length(one.usual_ms),
            "peak": words.length(one.peak_ms),
            "is_slower": (is_slower := one.factor is not None and one.factor >= _MUCH_SLOWER),
            "factor": words("times_usual", factor=words.number(one.factor, places=1))
            if is_slower and one.factor is not None
            else "",
            "bar": charts.bar(
                one.avg_ms / longest,
                None if one.usual_ms is None else one.usual_ms / longest,
                colour=charts.COLOURS["timeout" if is_slower else "success"],
            ),
        }
        for one in tasks
    ]


def _alerts(data: Daily, words: Words) -> dict[str, Any]:
    found = data.alerts
    shown_open = sum(one.status != "resolved" for one in found.shown)
    more = found.open_now - shown_open
    counts = {
        "opened": words.number(found.opened),
        "resolved": words.number(found.resolved),
        "open_now": words.number(found.open_now),
    }
    return {
        "alerts_said": words("alerts_count", **counts)
        if found.opened or found.resolved or found.open_now
        else words("alerts_none"),
        "alerts": [
            {
                "when": words.at(one.opened_ms)
                if one.resolved_ms is None
                else _from_to(one.opened_ms, one.resolved_ms, words),
                "severity": _known(words, "severity", one.severity),
                "state": _known(words, "alert", one.status),
                "title": one_line(title_in(words.language, one.title, kind=one.kind)),
                "is_open": one.status != "resolved",
                "colour": _SEVERITY_COLOURS.get(one.severity, charts.FAINT),
            }
            for one in found.shown
        ],
        "more_alerts": words(
            "more", count=words.number(more), command="smartcron-agent alerts list"
        )
        if more > 0
        else "",
    }


def _host(data: Daily, words: Words) -> list[dict[str, Any]]:
    length_ms = data.to_ms - data.from_ms
    percent = _rounded(words)
    labels = [
        words.clock(data.from_ms + length_ms * place // _CLOCK_LABELS)
        for place in range(_CLOCK_LABELS)
    ]
    return [
        {
            "name": words(curve.name),
            "said": words(
                "host_mean_peak", mean=words.percent(curve.mean), peak=words.percent(curve.peak)
            ),
            "chart": charts.curve(
                [
                    ((at_ms - data.from_ms) / length_ms, mean, highest)
                    for at_ms, mean, highest in curve.points
                ],
                labels,
                said=words(curve.name),
                colour=_CURVE_COLOURS[curve.name],
                percent=percent,
            ),
        }
        for curve in data.host
    ]


def _rounded(words: Words) -> Callable[[float], str]:
    return lambda share: words.percent(share, places=0)
