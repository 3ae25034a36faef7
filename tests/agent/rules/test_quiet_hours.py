"""When does a message wait, and where does it go?"""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from agent.errors import WrongUse
from agent.postbox import Channel, DeadMan, Escalation, Mail, check_dead_man, check_delivery
from agent.rules.delivery import held_until_ms, quiet_until_ms, routes

ZONE = "Pacific/Auckland"
MAIL = Mail(
    host="127.0.0.1", security="plain", sender="a@example.org", recipients=("b@example.org",)
)
FILE = Path("settings.toml")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("spans", "now", "until"),
    [
        (("22:00-06:00",), "2026-11-24T21:59", None),
        (("22:00-06:00",), "2026-11-24T22:00", "2026-11-25T06:00"),
        (("22:00-06:00",), "2026-11-25T05:59", "2026-11-25T06:00"),
        (("22:00-06:00",), "2026-11-25T06:00", None),
        (("12:00-13:00",), "2026-11-25T12:30", "2026-11-25T13:00"),
        (("22:00-24:00", "00:00-06:00"), "2026-11-24T23:00", "2026-11-25T06:00"),
        # The clocks go forward at 2:00, and back at 3:00.
        (("22:00-06:00",), "2026-09-26T23:00", "2026-09-27T06:00"),
        (("22:00-06:00",), "2026-04-04T23:00", "2026-04-05T06:00"),
    ],
)
def test_quiet_goes_by_the_clocks_of_the_agents_zone(
    spans: tuple[str, ...], now: str, until: str | None
) -> None:
    found = quiet_until_ms(spans, now_ms=ms(now), timezone=ZONE)

    assert found == (None if until is None else ms(until))


def test_spans_that_fill_the_whole_day_end_all_the_same() -> None:
    spans = ("00:00-12:00", "12:00-24:00")

    assert quiet_until_ms(spans, now_ms=ms("2026-11-24T01:00"), timezone=ZONE) is not None


def test_what_is_critical_goes_in_the_quiet_unless_that_is_wanted_too() -> None:
    night = ms("2026-11-24T23:00")
    channels = (
        Channel(name="chat", secret="chat", quiet=("22:00-06:00",), severities=("high",)),
        Channel(name="pager", secret="pager", quiet=("22:00-06:00",), quiet_critical=True),
    )

    by = {
        severity: {
            one.channel: one.quiet_until_ms is not None
            for one in routes(MAIL, channels, severity, now_ms=night, timezone=ZONE)
        }
        for severity in ("critical", "high")
    }

    assert by == {
        "critical": {"mail": False, "pager": True},
        "high": {"mail": False, "chat": True, "pager": True},
    }


def test_only_when_it_is_quiet_everywhere_nothing_is_told_at_all() -> None:
    night = ms("2026-11-24T23:00")
    chat = (Channel(name="chat", secret="chat", quiet=("22:00-06:00",)),)

    both = routes(MAIL, chat, "high", now_ms=night, timezone=ZONE)
    alone = routes(Mail(), chat, "high", now_ms=night, timezone=ZONE)

    assert held_until_ms(both) is None
    assert held_until_ms(alone) == ms("2026-11-25T06:00")
    assert held_until_ms(()) is None


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({"mail": msgspec.structs.replace(MAIL, quiet=("22-6",))}, "mail.quiet: '22-6'"),
        ({"channels": (Channel(name="mail", secret="x"),)}, "channels.mail"),
        ({"channels": (Channel(name="a b", secret="x"),)}, "channels.a b"),
        ({"channels": (Channel(name="chat", secret=""),)}, "channels.chat.secret"),
        ({"channels": (Channel(name="c", secret="x", severities=("bad",)),)}, "'bad' is no"),
        ({"channels": (Channel(name="c", secret="x", quiet=("08:00-08:00",)),)}, "08:00-08:00"),
        ({"channels": (Channel(name="c", secret="x", quiet=("25:00-08:00",)),)}, "25:00"),
        ({"escalation": (Escalation(after_minutes=30),)}, "escalation 1: tells nobody"),
        ({"escalation": (Escalation(after_minutes=0, channels=("c",)),)}, "after_minutes = 0"),
        ({"escalation": (Escalation(after_minutes=5, channels=("c",)),)}, "there is no 'c'"),
        ({"escalation": (Escalation(after_minutes=5, recipients=("x",)),)}, "'x' is no address"),
        ({"repeat_minutes": {"low": 5}}, "'low' is no severity"),
        ({"repeat_minutes": {"high": 0}}, "repeat_minutes.high = 0"),
    ],
)
def test_what_would_reach_nobody_is_refused_by_its_name(chosen: dict[str, Any], named: str) -> None:
    known: dict[str, Any] = {
        "mail": MAIL,
        "channels": (),
        "escalation": (),
        "repeat_minutes": {},
    }

    with pytest.raises(WrongUse) as refused:
        check_delivery(FILE, **(known | chosen))

    assert named in str(refused.value)
    assert "settings.toml" in str(refused.value)


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({"every_seconds": 30}, "has no url"),
        ({"url": "https://a.example.org", "url_secret": "x"}, "one of them"),
        ({"url": "http://a.example.org/s3cret"}, "plain http"),
        ({"url": "nonsense"}, "no URL"),
        ({"url": "https://a.example.org", "every_seconds": 1}, "every_seconds = 1"),
        ({"url": "https://a.example.org", "misses": 0}, "misses = 0"),
    ],
)
def test_a_watch_service_that_cannot_be_told_is_refused(chosen: dict[str, Any], named: str) -> None:
    with pytest.raises(WrongUse) as refused:
        check_dead_man(FILE, DeadMan(**chosen))

    assert named in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_plain_http_goes_to_this_host_and_where_it_is_allowed() -> None:
    check_dead_man(FILE, DeadMan(url="http://127.0.0.1:8000/x"))
    check_dead_man(FILE, DeadMan(url="http://watch.lan/x", allow_plain_http=True))
