"""What does a message about alerts say: subject, text, HTML?"""

from functools import partial
from typing import Any, Final

import jinja2
import msgspec

from agent.words import Language, Words

MOST_TOLD: Final = 50
MOST_DETAILS: Final = 5
TAIL_CHARS: Final = 4_000
MESSAGE_CHARS: Final = 2_000
_SUBJECT_CHARS: Final = 150


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One alert for people: `runs` are the last ones of its task, newest first."""

    alert_id: str
    severity: str
    is_over: bool
    title: str
    message: str
    opened: str
    over: str
    count: int
    task_name: str = ""
    tail: str = ""
    runs: tuple[tuple[str, str, str], ...] = ()


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """All that a letter says; there is at least one story, and `lead` stands before all."""

    stories: tuple[Story, ...]
    more: int
    agent: str
    language: Language
    lead: str = ""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message before it is addressed; `thread` is the same for all about one alert."""

    subject: str
    plain: str
    html: str
    thread: str


_TEXT: Final = """\
{% if lead %}{{ lead }}

{% endif %}\
{% for one in stories %}\
[{{ w("over") if one.is_over else w.severity(one.severity) }}] {{ one.title }}
    {{ one.message }}
    {{ when(one) }}, {{ w("seen", count=one.count, alert=one.alert_id) }}
{% if one.runs %}
    {{ w("last_runs", task=one.task_name) }}:
{% for at, ending, took in one.runs %}\
    {{ at }}  {{ w.ending(ending) }}  {{ took }}
{% endfor %}{% endif %}\
{% if one.tail %}
    {{ w("output_end") }}:
{{ one.tail }}
{% endif %}
{% endfor %}\
{% if more %}{{ w("more", count=more, command="smartcron-agent alerts list") }}
{% endif %}\
--
{{ agent }}: {{ w("ack_hint", alert=stories[0].alert_id) }}
{{ w("show_hint", alert=stories[0].alert_id) }}
"""
_HTML: Final = """\
<!DOCTYPE html><html lang="{{ w.language }}"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width"></head>
<body style="margin:0;padding:16px;background:#f3f4f6;color:#1f2328;\
font:14px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<div style="max-width:680px;margin:0 auto">
{% if lead %}<p style="font-weight:600">{{ lead }}</p>{% endif %}
{% for one in stories %}\
{% set colour = "#1a7f37" if one.is_over else colours[one.severity] %}\
<div style="background:#fff;border:1px solid #d8dbe0;border-left:4px solid {{ colour }};\
border-radius:6px;padding:14px 18px;margin:0 0 12px">
<div style="color:{{ colour }};font-size:12px;font-weight:600">\
{{ w("over") if one.is_over else w.severity(one.severity) }}</div>
<h3 style="margin:2px 0 6px;font-size:18px;line-height:1.3">{{ one.title }}</h3>
<p style="margin:0 0 6px">{{ one.message }}</p>
<p style="margin:0;color:#59636e;font-size:12px">{{ when(one) }}, \
{{ w("seen", count=one.count, alert=one.alert_id) }}</p>
{% if one.runs %}<p style="margin:14px 0 4px;font-weight:600">\
{{ w("last_runs", task=one.task_name) }}</p>
<table cellpadding="0" cellspacing="0" style="border-collapse:collapse;font-size:13px">\
{% for at, ending, took in one.runs %}\
<tr><td style="padding:2px 18px 2px 0;color:#59636e;white-space:nowrap">{{ at }}</td>\
<td style="padding:2px 18px 2px 0;color:{{ "#1a7f37" if ending == "success" else "#b42318" }}">\
{{ w.ending(ending) }}</td>\
<td style="padding:2px 0;text-align:right;white-space:nowrap">{{ took }}</td></tr>\
{% endfor %}</table>{% endif %}
{% if one.tail %}<p style="margin:14px 0 4px;font-weight:600">{{ w("output_end") }}</p>
<pre style="margin:0;background:#f6f8fa;border:1px solid #e3e6ea;\
border-radius:4px;padding:8px 10px;\
font:12px/1.45 ui-monospace,Consolas,Menlo,monospace;white-space:pre-wrap;\
overflow-wrap:anywhere">{{ one.tail }}</pre>{% endif %}
</div>
{% endfor %}\
{% if more %}<p>{{ w("more", count=more, command="smartcron-agent alerts list") }}</p>{% endif %}
<p style="color:#59636e;font-size:12px">{{ agent }}: \
{{ w("ack_hint", alert=stories[0].alert_id) }} \
{{ w("show_hint", alert=stories[0].alert_id) }}</p>
</div></body></html>
"""
_COLOURS: Final = {"critical": "#b42318", "high": "#b54708", "medium": "#8a6100"}
# What is no HTML would be spoilt by escaping.
_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.DictLoader({"letter.txt": _TEXT, "letter.html": _HTML}),
    autoescape=jinja2.select_autoescape(("html",)),
    undefined=jinja2.StrictUndefined,
)


def compose(said: Said) -> Letter:
    """One message about one alert or many, in our words."""
    words, first = Words(said.language), said.stories[0]
    count = len(said.stories) + said.more
    is_over = all(one.is_over for one in said.stories)
    state = words("over") if is_over else words.severity(first.severity)
    title = first.title if count == 1 else words("count_first", count=count, title=first.title)
    lead = f"{said.lead}: " if said.lead else ""
    known = names_of(said)
    return Letter(
        subject=one_line(f"[{said.agent}] {state}: {lead}{title}"),
        plain=_TEMPLATES.get_template("letter.txt").render(known),
        html=_TEMPLATES.get_template("letter.html").render(known),
        thread=first.alert_id if count == 1 else f"digest-{first.severity}",
    )


def names_of(said: Said) -> dict[str, Any]:
    """What templates may name, ours and the owner's."""
    words = Words(said.language)
    return {
        "stories": said.stories,
        "more": said.more,
        "agent": said.agent,
        "lead": said.lead,
        "w": words,
        "when": partial(_when, words),
        "colours": _COLOURS,
    }


def _when(words: Words, one: Story) -> str:
    if one.is_over:
        return words("from", start=one.opened, end=one.over)
    return words("since", start=one.opened)


def one_line(text: str) -> str:
    """A text that can be a header: one line, nothing that steers, not too long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:_SUBJECT_CHARS]
