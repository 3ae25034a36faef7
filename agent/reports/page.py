"""How does a report read: as text for a terminal and a mail, as a page for people and printers?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
import msgspec

from agent.clock import moment
from agent.reports import charts
from agent.reports.charts import Column
from agent.reports.facts import SHOWN_ENDINGS, Failure, Report, TaskFigures
from agent.words import Words

MOST_SLOW: Final = 8
_FOOT_FIRST: Final = (*SHOWN_ENDINGS[1:6], "success", *SHOWN_ENDINGS[6:])
_CURVE_COLOURS: Final = {"cpu": "#2f6fd0", "memory": "#7a4fb5", "disk": "#c77d1e"}
_MUCH_SLOWER: Final = 2.0

_TEXT: Final = """\
{{ title }}: {{ report.agent }}
{{ span }}

{{ w("runs") }}: {{ number(report.runs) }}   {{ w("rate") }}: {{ rate }}   \
{{ w("failures") }}: {{ number(report.failed) }}   {{ w("missed") }}: {{ number(report.missed) }}
{{ endings_line }}

{{ w("failures") }}
{% for one in failures %}\
  {{ one.at }}  {{ one.task_name }}: {{ one.ending }}{% if one.exit %} ({{ one.exit }}){% endif %}\
{% if one.count > 1 %} x {{ one.count }}{% endif %}
{% if one.reason %}      {{ one.reason }}
{% endif %}{% else %}  {{ w("failures_none") }}
{% endfor %}\
{% if more_failures %}  {{ more_failures }}
{% endif %}
{{ w("alerts") }}: {{ alerts_line }}
{% for one in alerts %}  {{ one.at }}  [{{ one.severity }}] {{ one.title }} ({{ one.over }})
{% endfor %}
{% if report.kind == "daily" %}\
{{ w("slowest") }}
{% for one in slow %}  {{ one.task_name }}: {{ one.average }}, {{ w("longest") }} {{ one.peak }}, \
{{ w("usual") }} {{ one.usual }}{% if one.is_slower %}, {{ one.factor }}{% endif %}
{% else %}  {{ w("slowest_none") }}
{% endfor %}
{{ w("host") }}
{% for one in curves %}  {{ one.name }}: {{ one.said }}
{% else %}  {{ w("host_none") }}
{% endfor %}
{% endif %}\
{{ proof }}
{{ made }}
"""

_HTML: Final = """\
<!DOCTYPE html>
<html lang="{{ w.language }}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{{ title }}: {{ report.agent }}</title>
<style>
@page { margin: 14mm }
* { -webkit-print-color-adjust: exact; print-color-adjust: exact }
h2, tr, svg { break-inside: avoid } h2 { break-after: avoid }
@media print { body { background: #fff !important } }
</style></head>
<body style="margin:0;background:#f2f4f7;color:#1f2733;\
font:14px/1.45 'Segoe UI',Helvetica,Arial,sans-serif">
<div style="max-width:700px;margin:0 auto;padding:24px 16px">
<div style="background:#fff;border-radius:10px;border:1px solid #e4e8ee;padding:28px 30px">
<div style="color:#5b6472;font-size:13px">Smart Cron · {{ report.agent }}</div>
<h1 style="margin:2px 0 2px;font-size:26px;font-weight:600">{{ title }}</h1>
<div style="color:#5b6472">{{ span }}</div>
<table role="presentation" width="100%" cellspacing="0" cellpadding="0" \
style="margin:20px 0 6px;border-collapse:separate"><tr>
{% for name, value, colour in tiles %}\
<td width="25%" style="padding-right:{{ 0 if loop.last else 8 }}px">\
<div style="background:#f7f8fa;border-radius:8px;padding:10px 14px;border-left:4px solid \
{{ colour }}"><div style="color:#5b6472;font-size:12px">{{ name }}</div>\
<div style="font-size:22px;font-weight:600">{{ value }}</div></div></td>
{% endfor %}</tr></table>
<div style="margin:12px 0;padding:10px 14px;border-radius:8px;background:{{ proof_colours[0] }};\
color:{{ proof_colours[1] }}">{{ proof }}</div>
{% if runs_chart %}{{ head(w("runs_by_hour")) }}
{{ runs_chart|safe }}
<div style="font-size:12px;color:#5b6472;margin-top:4px">\
{% for name, count, colour in legend %}<span style="white-space:nowrap;margin-right:14px">\
<span style="display:inline-block;width:9px;height:9px;border-radius:2px;background:{{ colour }}">\
</span> {{ name }} {{ count }}</span> {% endfor %}</div>{% endif %}
{% if rate_chart %}{{ head(w("rate_by_hour")) }}
{{ rate_chart|safe }}{% endif %}
{{ head(w("failures")) }}
{% if failures %}{{ table() }}
{{ columns([w("when"), w("what"), w("task") ~ ", " ~ w("reason")]) }}
{% for one in failures %}<tr style="vertical-align:top">{{ cell(one.at, nowrap=True) }}\
<td style="{{ cell_style }};white-space:nowrap"><span style="color:{{ one.colour }}">■</span> \
{{ one.ending }}{% if one.exit %} ({{ one.exit }}){% endif %}\
{% if one.count > 1 %} x {{ one.count }}{% endif %}</td>\
<td width="100%" style="{{ cell_style }};overflow-wrap:anywhere"><b style="font-weight:600">\
{{ one.task_name }}</b>{% if one.reason %}<br><span style="color:#5b6472">{{ one.reason }}</span>\
{% endif %}</td></tr>
{% endfor %}</table>
{% if more_failures %}<p style="color:#5b6472;font-size:13px">{{ more_failures }}</p>{% endif %}
{% else %}<p style="color:#2b7d53">✓ {{ w("failures_none") }}</p>{% endif %}
{{ head(w("alerts")) }}
<p style="margin:0 0 6px">{{ alerts_line }}</p>
{% if alerts %}{{ table() }}
{{ columns([w("opened"), w("severity"), w("what"), w("resolved")]) }}
{% for one in alerts %}<tr style="vertical-align:top">{{ cell(one.at, nowrap=True) }}\
<td style="{{ cell_style }};color:{{ one.colour }};font-weight:600">{{ one.severity }}</td>\
<td width="100%" style="{{ cell_style }};overflow-wrap:anywhere">{{ one.title }}</td>\
{{ cell(one.over, nowrap=True) }}</tr>
{% endfor %}</table>{% endif %}
{% if report.kind == "daily" %}{{ head(w("slowest")) }}
{% if slow %}{{ table() }}
{{ columns([w("task"), w("average"), w("usual"), w("longest"), ""]) }}
{% for one in slow %}<tr>{{ cell(one.task_name) }}\
<td style="{{ cell_style }};white-space:nowrap;{{ "color:#c2410c;font-weight:600" \
if one.is_slower }}">{{ one.average }}</td>{{ cell(one.usual, nowrap=True) }}\
{{ cell(one.peak, nowrap=True) }}<td style="{{ cell_style }}">{{ one.bar|safe }}</td></tr>
{% endfor %}</table>{% else %}<p>{{ w("slowest_none") }}</p>{% endif %}
{{ head(w("host")) }}
{% for one in curves %}<div style="margin:8px 0 2px"><b>{{ one.name }}</b> \
<span style="color:#5b6472">{{ one.said }}</span></div>
{{ one.chart|safe }}
{% else %}<p>{{ w("host_none") }}</p>{% endfor %}{% endif %}
</div>
<div style="color:#5b6472;font-size:12px;padding:12px 4px">{{ made }}</div>
</div></body></html>
"""
_PARTS: Final = """\
{% set cell_style = "padding:5px 10px 5px 0;border-bottom:1px solid #eef1f5" %}\
{% macro head(text) %}<h2 style="font-size:16px;font-weight:600;margin:24px 0 8px">\
{{ text }}</h2>{% endmacro %}\
{% macro table() %}<table width="100%" cellspacing="0" style="border-collapse:collapse;\
font-size:13px">{% endmacro %}\
{% macro columns(names) %}<tr>{% for name in names %}<th align="left" style="padding:0 10px 4px 0;\
border-bottom:2px solid #e4e8ee;color:#5b6472;font-weight:600;font-size:12px">{{ name }}</th>\
{% endfor %}</tr>{% endmacro %}\
{% macro cell(text, nowrap=False) %}<td style="{{ cell_style }}\
{{ ";white-space:nowrap" if nowrap }}">{{ text }}</td>{% endmacro %}\
"""
_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.DictLoader({"report.txt": _TEXT, "report.html": _PARTS + _HTML}),
    autoescape=jinja2.select_autoescape(("html",)),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)
_SEVERITY_COLOURS: Final = {"critical": "#b71c1c", "high": "#c2410c", "medium": "#8d6e00"}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it is read."""

    subject: str
    plain: str
    html: str


def make(report: Report, words: Words, *, reasons: Mapping[str, str]) -> Page:
    """The report in these words; `reasons` says in words what a code of a reason means."""
    maker = _Maker(report, words, reasons)
    said = maker.said()
    return Page(
        subject=f"[{report.agent}] {said['title']}, {said['span']}",
        plain=_TEMPLATES.get_template("report.txt").render(said),
        html=_TEMPLATES.get_template("report.html").render(said),
    )


class _Maker:
    """Turns the figures of one report into words and drawings."""

    def __init__(self, report: Report, words: Words, reasons: Mapping[str, str]) -> None:
        self._report = report
        self._w = words
        self._reasons = reasons
        self._zone = ZoneInfo(report.timezone)

    def said(self) -> dict[str, Any]:
        """All that the templates name."""
        report, w = self._report, self._w
        is_daily = report.kind == "daily"
        has_runs = any(hour.endings for hour in report.hours)
        return {
            "report": report,
            "w": w,
            "number": w.number,
            "title": w(f"{report.kind}_title"),
            "span": w("from", start=self._at(report.from_ms), end=self._at(report.to_ms))
            + f" ({report.timezone})",
            "rate": w.percent(report.success_rate),
            "tiles": self._tiles(),
            "legend": self._legend(),
            "endings_line": ", ".join(f"{name}: {count}" for name, count, _ in self._legend()),
            "runs_chart": self._runs_chart() if has_runs else "",
            "rate_chart": self._rate_chart() if has_runs and is_daily else "",
            "failures": [self._failure(one) for one in report.failures],
            "more_failures": self._more(),
            "alerts_line": self._alerts_line(),
            "alerts": self._alerts(),
            "slow": self._slow(),
            "curves": self._curves(),
            "proof": self._proof(),
            "proof_colours": self._proof_colours(),
            "made": w("made", agent=report.agent, at=self._at(report.made_ms)),
        }

    def _local(self, at_ms: int) -> datetime:
        return moment(at_ms).astimezone(self._zone)

    def _at(self, at_ms: int) -> str:
        form = "%d.%m.%Y %H:%M" if self._w.language == "de" else "%Y-%m-%d %H:%M"
        return self._local(at_ms).strftime(form)

    def _tiles(self) -> list[tuple[str, str, str]]:
        report, w = self._report, self._w
        good, bad, plain = charts.COLOURS["success"], charts.COLOURS["error"], "#2f6fd0"
        rate = report.success_rate
        return [
            (w("runs"), w.number(report.runs), plain),
            (w("rate"), w.percent(rate), good if rate is None or rate == 1 else bad),
            (w("failures"), w.number(report.failed), bad if report.failed else good),
            (
                w("missed"),
                w.number(report.missed),
                charts.COLOURS["missed"] if report.missed else good,
            ),
        ]

    def _legend(self) -> list[tuple[str, str, str]]:
        return [
            (self._w.ending(status), self._w.number(count), charts.COLOURS[status])
            for status in SHOWN_ENDINGS
            if (count := self._report.endings.get(status))
        ]

    def _hours(self) -> list[str]:
        return [self._local(hour.at_ms).strftime("%H:%M") for hour in self._report.hours]

    def _runs_chart(self) -> str:
        is_daily = self._report.kind == "daily"
        columns = [
            Column(
                label,
                tuple(
                    (status, hour.endings[status])
                    for status in _FOOT_FIRST
                    if status in hour.endings and (is_daily or status in _FOOT_FIRST[:5])
                ),
            )
            for label, hour in zip(self._hours(), self._report.hours, strict=True)
        ]
        return charts.stacked(columns, said=self._w("runs_by_hour"))

    def _rate_chart(self) -> str:
        rates = [
            1 - hour.failures / hour.runs if hour.runs else None for hour in self._report.hours
        ]
        return charts.line(
            rates,
            self._hours(),
            said=self._w("rate_by_hour"),
            colour=charts.COLOURS["success"],
            percent=lambda share: self._w.percent(share, places=0),
        )

    def _failure(self, one: Failure) -> dict[str, Any]:
        return {
            "at": self._at(one.at_ms),
            "task_name": one.task_name,
            "ending": self._w.ending(one.status),
            "exit": "" if one.exit_status is None else f"{self._w('exit')} {one.exit_status}",
            "count": one.count,
            "reason": self._reasons.get(one.reason, one.reason),
            "colour": charts.COLOURS[one.status],
        }

    def _more(self) -> str:
        shown = sum(one.count for one in self._report.failures)
        if shown >= self._report.wrong:
            return ""
        command = "smartcron-agent runs list --status error"
        count = self._w.number(self._report.wrong - shown)
        return self._w("more", count=count, command=command)

    def _alerts_line(self) -> str:
        report, w = self._report, self._w
        if not report.alerts_opened and not report.alerts_resolved:
            return w("alerts_none")
        return w(
            "opened_resolved",
            opened=w.number(report.alerts_opened),
            resolved=w.number(report.alerts_resolved),
        )

    def _alerts(self) -> list[dict[str, str]]:
        return [
            {
                "at": self._at(one.opened_ms),
                "severity": self._w.severity(one.severity),
                "title": one.title,
                "over": self._w("still_open")
                if one.resolved_ms is None
                else self._at(one.resolved_ms),
                "colour": _SEVERITY_COLOURS.get(one.severity, "#5b6472"),
            }
            for one in self._report.alerts
        ]

    def _slow(self) -> list[dict[str, Any]]:
        slow = [one for one in self._report.tasks if one.avg_ms is not None][:MOST_SLOW]
        longest = max(
            (length for one in slow for length in (one.avg_ms, one.usual_ms) if length), default=1
        )
        return [self._slow_one(one, longest) for one in slow]

    def _slow_one(self, one: TaskFigures, longest: int) -> dict[str, Any]:
        w = self._w
        is_slower = one.factor is not None and one.factor >= _MUCH_SLOWER
        return {
            "task_name": one.task_name,
            "average": w.length(one.avg_ms),
            "usual": w.length(one.usual_ms),
            "peak": w.length(one.peak_ms),
            "is_slower": is_slower,
            "factor": ""
            if one.factor is None
            else w("times_usual", factor=w.number(one.factor, places=1)),
            "bar": charts.bar(
                (one.avg_ms or 0) / longest,
                None if one.usual_ms is None else one.usual_ms / longest,
                colour=charts.COLOURS["timeout" if is_slower else "success"],
            ),
        }

    def _curves(self) -> list[dict[str, Any]]:
        w = self._w
        return [
            {
                "name": w(curve.name),
                "said": w("mean_and_peak", mean=w.percent(curve.mean), peak=w.percent(curve.peak)),
                "chart": charts.line(
                    [mean for _, mean, _ in curve.points],
                    [self._local(at_ms).strftime("%H:%M") for at_ms, _, _ in curve.points],
                    said=w(curve.name),
                    colour=_CURVE_COLOURS[curve.name],
                    percent=lambda share: w.percent(share, places=0),
                ),
            }
            for curve in self._report.curves
        ]

    def _proof_colours(self) -> tuple[str, str]:
        proof = self._report.proof
        if proof is None:
            return "#f7f8fa", "#5b6472"
        return ("#e9f6ef", "#20623f") if proof.is_clean else ("#fdecec", "#9b1c1c")

    def _proof(self) -> str:
        proof, w = self._report.proof, self._w
        if proof is None:
            return w("proof_none")
        return w(
            "proof_good" if proof.is_clean else "proof_bad",
            expected=w.number(proof.expected),
            missing=w.number(proof.missing),
            doubled=w.number(proof.doubled),
        )
