"""How is a report laid out as text, and as a page that mail clients show and printers print?"""

from typing import Final

import jinja2
from markupsafe import Markup, escape

_TEXT: Final = """\
{{ title }} - {{ r.agent }}
{{ span }}
{{ zone }}

{% for name, value, _, _ in tiles %}{{ "%-22s" | format(name) }} {{ value }}
{% endfor %}\
{% if summary %}{{ summary }}
{% endif %}\
{% if summed %}{{ summed }}
{% endif %}\
{% if proof %}
{{ proof }}
{% endif %}\
{% if is_empty %}
{{ w("empty") }}
{% else %}\
{% if legend %}
{{ w("hours") }}
  {% for name, count, _ in legend %}{{ name }}: {{ count }}{{ ", " if not loop.last }}{% endfor %}

{% for label, said in hours %}  {{ label }}  {{ said }}
{% endfor %}\
{% endif %}\
{% if days %}
{{ w("days") }}
{% for label, rate, runs, failed in days %}  {{ "%-12s" | format(label) }}\
 {{ "%8s" | format(rate) }}   {{ w("runs") }}: {{ runs }}, {{ w("failed") }}: {{ failed }}
{% endfor %}\
{% endif %}\
{% endif %}\
{% if failing %}
{{ w("failing") }}
{% for one in failing %}  {{ one.count }} x {{ one.task_name }}: {{ one.ending }}, {{ one.last }}
{% endfor %}\
{% endif %}\
{% if not is_empty %}
{{ w("failures") }}
{% for one in failures %}  {{ one.at }}  {{ one.task_name }}: {{ one.said }}
{% if one.cause %}    {{ one.cause }}
{% endif %}\
{% if one.last_line %}    {{ w("last_line") }}: {{ one.last_line }}
{% endif %}\
{% else %}  {{ w("failures_none") }}
{% endfor %}\
{% if more_failures %}  {{ more_failures }}
{% endif %}\

{{ w("missed") }}
{% for one in missed %}  {{ one.count }} x {{ one.task_name }}: {{ one.when }}\
{{ ", " ~ one.cause if one.cause }}
{% else %}  {{ w("missed_none") }}
{% endfor %}\
{% endif %}\
{% if slowest %}
{{ w("slowest") }}
{% for one in slowest %}  {{ one.task_name }}: {{ w("average") }} {{ one.average }}, \
{{ w("usual") }} {{ one.usual }}, {{ w("longest") }} {{ one.peak }}\
{{ ", " ~ one.factor if one.factor }}
{% endfor %}\
{% endif %}\
{% if alerts_said %}
{{ w("alerts") }}
  {{ alerts_said }}
{% for one in alerts %}  [{{ one.severity }}, {{ one.state }}] {{ one.when }}  {{ one.title }}
{% endfor %}\
{% if more_alerts %}  {{ more_alerts }}
{% endif %}\
{% endif %}\
{% if host is not none %}
{{ w("host") }}
{% for one in host %}  {{ one.name }}: {{ one.said }}
{% else %}  {{ w("host_none") }}
{% endfor %}\
{% endif %}\

--
{{ made }}
"""
_PAGE: Final = """\
{%- macro head(text) -%}
<h2 style="font-size:17px;font-weight:600;margin:30px 0 10px;color:{{ ink }}">{{ text }}</h2>
{%- endmacro -%}
{%- macro columns(names) -%}
<tr>{% for name in names %}<th align="left" style="padding:0 10px 5px 0;border-bottom:2px solid \
{{ line }};color:{{ faint }};font-weight:600;font-size:12px;white-space:nowrap">{{ name }}</th>\
{% endfor %}</tr>
{%- endmacro -%}
{%- macro cell(text, style="") -%}
<td style="padding:6px 10px 6px 0;border-bottom:1px solid #eef1f5;vertical-align:top;{{ style }}">\
{{ text }}</td>
{%- endmacro -%}
{%- macro badge(text, colour) -%}
<span style="display:inline-block;padding:1px 8px;border-radius:9px;font-size:12px;font-weight:600;\
white-space:nowrap;color:{{ colour }};border:1px solid {{ colour }}">{{ text }}</span>
{%- endmacro -%}
{%- set table = "border-collapse:collapse;font-size:13px;width:100%" -%}
{%- set loose = "overflow-wrap:anywhere;word-break:break-word" -%}
{%- set tight = "white-space:nowrap" -%}
{%- set mono = "font-family:Consolas,Menlo,monospace;font-size:12px" -%}
<!DOCTYPE html>
<html lang="{{ w.language }}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light"><title>{{ subject }}</title>
<style>
@page { margin: 14mm 12mm }
@media print {
  body { background: #ffffff !important; -webkit-print-color-adjust: exact; \
print-color-adjust: exact }
  .sheet { box-shadow: none !important; border: 0 !important; max-width: none !important }
  h2 { break-after: avoid } tr, svg, .tile { break-inside: avoid }
}
@media (max-width: 560px) {
  .band { padding-left: 18px !important; padding-right: 18px !important }
  .tile { display: inline-block; width: 48% !important; margin-bottom: 12px }
  .failures th { display: none }
  .failures td { display: block; width: auto !important; border: 0 !important; \
padding: 2px 0 !important }
  .failures tr { display: block; padding: 6px 0; border-bottom: 1px solid #e4e8ee }
  .bar { display: none }
}
</style></head>
<body style="margin:0;padding:0;background:#eef1f5;color:{{ ink }};\
font-family:'Segoe UI',Helvetica,Arial,sans-serif;font-size:14px;line-height:1.45">
<div class="sheet" style="max-width:724px;margin:0 auto;background:#ffffff;\
border:1px solid #dfe4eb">
<div class="band" style="background:#18304f;color:#ffffff;padding:22px 32px 20px">
<div style="font-size:13px;color:#b9c8dc;{{ loose }}">Smart Cron &middot; {{ r.agent }}</div>
<div style="font-size:25px;font-weight:600;line-height:1.25;margin:3px 0 4px">{{ title }}</div>
<div style="font-size:15px">{{ span }}</div>
<div style="font-size:12px;color:#b9c8dc">{{ zone }}</div>
</div>
<div class="band" style="padding:22px 32px 26px">
<table role="presentation" cellspacing="0" cellpadding="0" style="width:100%;\
border-collapse:collapse"><tr>
{% for name, value, colour, note in tiles %}\
<td class="tile" style="width:{{ 100 // (tiles | length) }}%;padding:0 10px 0 0;\
vertical-align:top">\
<div style="border-left:4px solid {{ colour }};padding:1px 0 1px 12px">\
<div style="font-size:26px;font-weight:600;line-height:1.2;white-space:nowrap">{{ value }}</div>\
<div style="font-size:13px;color:{{ faint }}">{{ name }}</div>\
<div style="font-size:12px;color:{{ faint }}">{{ note }}</div></div></td>
{% endfor %}</tr></table>
{% if summary %}<p style="margin:14px 0 0;color:{{ faint }};font-size:13px">{{ summary }}\
{{ " " ~ summed if summed }}</p>
{% endif %}\
{% if proof %}\
<div style="margin:18px 0 0;padding:11px 16px;border-radius:6px;font-weight:600;\
background:{{ proof_colours[0] }};color:{{ proof_colours[1] }}">\
{{ "&#10003;" | safe if proof_is_good }} {{ proof }}</div>{% endif %}
{% if is_empty %}<p style="font-size:16px;margin:28px 0;text-align:center;color:{{ faint }}">\
{{ w("empty") }}</p>
{% else %}\
{% if legend %}{{ head(w("hours")) }}
{{ hours_chart }}
<div style="margin:4px 0 0 46px;font-size:13px">{% for name, count, colour in legend %}\
<span style="display:inline-block;margin:0 16px 2px 0;white-space:nowrap">\
<span style="display:inline-block;width:10px;height:10px;border-radius:2px;\
background:{{ colour }}"></span> {{ name }} <b>{{ count }}</b></span>\
{% endfor %}</div>{% endif %}
{% if days_chart %}{{ head(w("days")) }}
{{ days_chart }}
{% endif %}\
{% endif %}\
{% if failing %}{{ head(w("failing")) }}
<table cellspacing="0" style="{{ table }}">
{{ columns([w("count"), w("task"), w("ending"), w("last")]) }}
{% for one in failing %}<tr>{{ cell(one.count, tight) }}{{ cell(one.task_name | soft, loose) }}\
{{ cell(badge(one.ending, one.colour)) }}{{ cell(one.last, tight) }}</tr>
{% endfor %}</table>{% endif %}
{% if not is_empty %}{{ head(w("failures")) }}
{% if failures %}<table class="failures" cellspacing="0" style="{{ table }}">
{{ columns([w("when"), w("task"), w("cause")]) }}
{% for one in failures %}<tr>{{ cell(one.at, tight) }}\
<td style="padding:6px 10px 6px 0;border-bottom:1px solid #eef1f5;vertical-align:top;width:34%;\
{{ loose }}"><b>{{ one.task_name | soft }}</b><br>{{ badge(one.ending, one.colour) }}\
{% if one.attempt %} <span style="color:{{ faint }};font-size:12px">{{ one.attempt }}</span>\
{% endif %}</td>
<td style="padding:6px 0;border-bottom:1px solid #eef1f5;vertical-align:top;{{ loose }}">\
{{ one.exit }}{% if one.exit and one.cause %}<br>{% endif %}{{ one.cause }}\
{% if one.last_line %}<div style="margin-top:3px;padding:3px 8px;background:#f4f6f9;\
border-left:3px solid {{ line }};{{ mono }};{{ loose }}">{{ one.last_line }}</div>{% endif %}\
</td></tr>
{% endfor %}</table>
{% if more_failures %}<p style="color:{{ faint }};font-size:13px;margin:8px 0 0">\
{{ more_failures }}</p>{% endif %}
{% else %}<p style="margin:0">{{ w("failures_none") }}</p>{% endif %}
{{ head(w("missed")) }}
{% if missed %}<table cellspacing="0" style="{{ table }}">
{{ columns([w("count"), w("task"), w("when"), w("cause")]) }}
{% for one in missed %}<tr>{{ cell(one.count, tight) }}{{ cell(one.task_name | soft, loose) }}\
{{ cell(one.when) }}{{ cell(one.cause, loose) }}</tr>
{% endfor %}</table>
{% else %}<p style="margin:0">{{ w("missed_none") }}</p>{% endif %}{% endif %}
{% if slowest %}{{ head(w("slowest")) }}
<table cellspacing="0" style="{{ table }}">
{{ columns([w("task"), "", w("average"), w("usual"), w("longest")]) }}
{% for one in slowest %}<tr>{{ cell(one.task_name | soft, loose) }}\
<td class="bar" style="width:150px;padding:6px 10px 6px 0;border-bottom:1px solid #eef1f5">\
{{ one.bar }}</td>\
<td style="padding:6px 10px 6px 0;border-bottom:1px solid #eef1f5;vertical-align:top;{{ tight }}\
{{ ";color:#b3420c;font-weight:600" if one.is_slower }}">{{ one.average }}\
{% if one.is_slower %}<div style="font-size:12px">{{ one.factor }}</div>{% endif %}</td>\
{{ cell(one.usual, tight) }}{{ cell(one.peak, tight) }}</tr>
{% endfor %}</table>{% endif %}
{% if alerts_said %}{{ head(w("alerts")) }}
<p style="margin:0 0 8px">{{ alerts_said }}</p>
{% if alerts %}<table cellspacing="0" style="{{ table }}">
{{ columns([w("when"), "", w("what"), w("state")]) }}
{% for one in alerts %}<tr>{{ cell(one.when) }}\
{{ cell(badge(one.severity, one.colour)) }}{{ cell(one.title, loose) }}\
{{ cell(one.state, tight ~ (";font-weight:600" if one.is_open else "")) }}</tr>
{% endfor %}</table>
{% if more_alerts %}<p style="color:{{ faint }};font-size:13px;margin:8px 0 0">\
{{ more_alerts }}</p>\
{% endif %}{% endif %}{% endif %}
{% if host is not none %}{{ head(w("host")) }}
{% for one in host %}<div style="margin:10px 0 0"><b>{{ one.name }}</b> \
<span style="color:{{ faint }}">{{ one.said }}</span></div>
{{ one.chart }}
{% else %}<p style="margin:0">{{ w("host_none") }}</p>{% endfor %}{% endif %}
</div>
<div class="band" style="border-top:1px solid {{ line }};color:{{ faint }};font-size:12px;\
padding:12px 32px 16px;{{ loose }}">{{ made }}</div>
</div></body></html>
"""


def _soft(name: str) -> Markup:
    """A name that may be broken where it has an underscore."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.DictLoader({"report.txt": _TEXT, "report.html": _PAGE}),
    autoescape=jinja2.select_autoescape(("html",)),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)
TEMPLATES.filters["soft"] = _soft
