"""What does a message about alerts say: subject, text, HTML?"""

from collections.abc import Sequence
from typing import Final

import jinja2
import msgspec

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


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message before it is addressed; `thread` is the same for all about one alert."""

    subject: str
    plain: str
    html: str
    thread: str


_TEXT: Final = """\
{% for one in stories %}\
[{{ "over" if one.is_over else one.severity }}] {{ one.title }}
    {{ one.message }}
    {{ "since" if not one.is_over else "from" }} {{ one.opened }}\
{% if one.is_over %} to {{ one.over }}{% endif %}, seen {{ one.count }} x, alert {{ one.alert_id }}
{% if one.runs %}
    Last runs of {{ one.task_name }}:
{% for at, ending, took in one.runs %}\
    {{ at }}  {{ ending }}  {{ took }}
{% endfor %}{% endif %}\
{% if one.tail %}
    The end of its output:
{{ one.tail }}
{% endif %}
{% endfor %}\
{% if more %}... and {{ more }} more: `smartcron-agent alerts list`
{% endif %}\
--
{{ agent }}: `smartcron-agent alerts ack {{ stories[0].alert_id }}` says that you care for it,
`smartcron-agent alerts show {{ stories[0].alert_id }}` shows all of it.
"""
_HTML: Final = """\
<!DOCTYPE html><html><body style="font-family:sans-serif">
{% for one in stories %}\
<h3 style="color:{{ "#2e7d32" if one.is_over else colours[one.severity] }};margin-bottom:2px">\
{{ "over" if one.is_over else one.severity }}: {{ one.title }}</h3>
<p>{{ one.message }}<br><small>{{ one.opened }}{% if one.is_over %} to {{ one.over }}{% endif %}, \
seen {{ one.count }} x, alert {{ one.alert_id }}</small></p>
{% if one.runs %}<table cellpadding="3">\
{% for at, ending, took in one.runs %}\
<tr><td>{{ at }}</td><td>{{ ending }}</td><td>{{ took }}</td></tr>{% endfor %}</table>{% endif %}
{% if one.tail %}<pre style="background:#f4f4f4;padding:8px">{{ one.tail }}</pre>{% endif %}
{% endfor %}\
{% if more %}<p>... and {{ more }} more: <code>smartcron-agent alerts list</code></p>{% endif %}
<p><small>{{ agent }}: <code>smartcron-agent alerts ack {{ stories[0].alert_id }}</code></small></p>
</body></html>
"""
_COLOURS: Final = {"critical": "#b71c1c", "high": "#d84315", "medium": "#8d6e00"}
# What is no HTML would be spoilt by escaping.
_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.DictLoader({"letter.txt": _TEXT, "letter.html": _HTML}),
    autoescape=jinja2.select_autoescape(("html",)),
    undefined=jinja2.StrictUndefined,
)


def compose(stories: Sequence[Story], *, more: int, agent: str) -> Letter:
    """One message about one alert or many; there is at least one."""
    first = stories[0]
    count = len(stories) + more
    state = "over" if all(one.is_over for one in stories) else first.severity
    title = first.title if count == 1 else f"{count} alerts, first: {first.title}"
    said = {"stories": stories, "more": more, "agent": agent}
    return Letter(
        subject=one_line(f"[{agent}] {state}: {title}"),
        plain=_TEMPLATES.get_template("letter.txt").render(said),
        html=_TEMPLATES.get_template("letter.html").render(said, colours=_COLOURS),
        thread=first.alert_id if count == 1 else f"digest-{first.severity}",
    )


def one_line(text: str) -> str:
    """A text that can be a header: one line, nothing that steers, not too long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:_SUBJECT_CHARS]
