"""The link says how fresh things are and does what keeps it going."""

from collections.abc import Sequence
from typing import Any

import pytest

from shared.protocol.errors import ErrorBody
from shared.protocol.events import Heartbeat
from shared.protocol.link import (
    EVENTS_BLOCKED,
    SILENT,
    UNREACHABLE,
    AuthRefused,
    Changed,
    Closed,
    CloseSockets,
    Dropped,
    Effect,
    Event,
    HandshakeDone,
    HandshakeFailed,
    HandshakeUnlike,
    HelloAnswered,
    Link,
    Now,
    Opened,
    OpenSockets,
    PingAnswered,
    PollNow,
    Refusal,
    ReopenEvents,
    RetryNow,
    SendHello,
    SendPing,
    Sent,
    SessionDown,
    SessionUp,
    Tick,
)
from shared.protocol.requests import AgentInfo, HelloReply, Pong

EPOCH = "1" * 16
WALL_MS = 1_795_000_000_000


class Drive:
    """A link, a clock, and what the link wanted, with the time it wanted it."""

    def __init__(self) -> None:
        self.link = Link()
        self.now_ms = 0
        self.wanted: list[tuple[int, Effect]] = []

    @property
    def now(self) -> Now:
        return Now(WALL_MS + self.now_ms, self.now_ms)

    def feed(self, event: Event) -> list[Effect]:
        effects = self.link.feed(event, self.now)
        self.wanted += [(self.now_ms, effect) for effect in effects]
        return effects

    def wait(self, duration_ms: int, *, beats: bool = False) -> None:
        for _ in range(duration_ms // 500):
            self.now_ms += 500
            self.feed(Tick())
            if beats and self.now_ms % 2_000 == 0:
                self.beat()

    def beat(self, epoch: str = EPOCH, every_ms: int = 2_000) -> list[Effect]:
        return self.feed(Heartbeat(epoch=epoch, n=1, now_ms=0, up_ms=0, every_ms=every_ms))

    def when(self, kind: type[Any]) -> list[int]:
        return [at_ms for at_ms, effect in self.wanted if isinstance(effect, kind)]

    def last(self, kind: type[Any]) -> Any:
        return [effect for _, effect in self.wanted if isinstance(effect, kind)][-1]

    def answer_hello(self, *, agent_ms: int | None = None, events_port: int = 7461) -> list[Effect]:
        reply = HelloReply(
            proto=1,
            epoch=EPOCH,
            role="viewer",
            key_id="k",
            agent=AgentInfo(id="a", name="n", version="1", host="h", tz="UTC"),
            events_port=events_port,
            now_ms=self.now.wall_ms if agent_ms is None else agent_ms,
        )
        return self.feed(HelloAnswered(self.last(SendHello).token, reply))

    def answer_ping(self, epoch: str = EPOCH) -> list[Effect]:
        pong = Pong(now_ms=self.now.wall_ms, epoch=epoch)
        return self.feed(PingAnswered(self.last(SendPing).token, pong))

    def states(self) -> list[str]:
        return [effect.state for _, effect in self.wanted if isinstance(effect, Changed)]


def kinds(effects: Sequence[Effect]) -> list[type[Effect]]:
    return [type(effect) for effect in effects]


@pytest.fixture
def drive() -> Drive:
    return Drive()


@pytest.fixture
def live(drive: Drive) -> Drive:
    drive.feed(Opened())
    drive.feed(HandshakeDone())
    drive.answer_hello()
    drive.wanted.clear()
    return drive


def test_opening_goes_from_connecting_to_live(drive: Drive) -> None:
    assert drive.link.state == "offline"

    assert kinds(drive.feed(Opened())) == [OpenSockets, Changed]
    assert kinds(drive.feed(HandshakeDone())) == [SendHello]
    assert kinds(drive.answer_hello()) == [SessionUp, Changed]

    assert drive.states() == ["connecting", "live"]
    assert drive.link.session == 1


def test_nothing_happens_before_it_is_opened_or_after_it_is_closed(live: Drive) -> None:
    assert Link().feed(HandshakeDone(), live.now) == []

    assert kinds(live.feed(Closed())) == [SessionDown, CloseSockets, Changed]
    assert live.feed(RetryNow()) == []
    assert live.link.state == "offline"


def test_an_unanswered_greeting_is_repeated_ever_more_slowly(drive: Drive) -> None:
    drive.feed(Opened())
    drive.feed(HandshakeDone())
    drive.wait(62_000)

    assert drive.when(SendHello) == [0, 1_000, 3_000, 7_000, 15_000, 30_000, 45_000, 60_000]


def test_a_greeting_refused_for_a_while_waits_that_long(drive: Drive) -> None:
    drive.feed(Opened())
    drive.feed(HandshakeDone())
    drive.feed(Refusal(ErrorBody(code="busy", after_ms=5_000)))
    drive.wait(6_000)

    assert drive.when(SendHello) == [0, 5_000]


def test_beats_keep_it_live(live: Drive) -> None:
    live.wait(60_000, beats=True)

    assert live.link.state == "live"
    assert live.states() == []


def test_without_beats_it_is_late_and_then_lost(live: Drive) -> None:
    live.wait(25_000)

    changes = [
        (at_ms, effect.state)
        for at_ms, effect in live.wanted
        if isinstance(effect, Changed) and effect.reason in ("", SILENT)
    ]
    assert changes == [(7_000, "late"), (10_000, "late"), (20_000, "lost")]
    assert live.link.reason == SILENT


def test_lateness_is_measured_in_the_agents_own_beats(live: Drive) -> None:
    live.beat(every_ms=10_000)
    live.wait(34_500)
    assert live.link.state == "live"

    live.wait(500)
    assert live.link.state == "late"


def test_a_late_agent_is_probed_once_and_then_at_leisure(live: Drive) -> None:
    live.wait(20_000)

    assert live.when(SendPing) == [7_000, 12_000, 17_000]


def test_an_agent_that_answers_without_beats_is_polled(live: Drive) -> None:
    live.wait(7_000)
    effects = live.answer_ping()

    assert kinds(effects) == [ReopenEvents, PollNow, Changed]
    assert (live.link.state, live.link.reason) == ("live", EVENTS_BLOCKED)

    live.wanted.clear()
    for _ in range(5):
        live.wait(2_000)
        live.answer_ping()
    assert live.when(PollNow) == [9_000, 11_000, 13_000, 15_000, 17_000]
    assert live.link.state == "live"

    live.beat()
    assert (live.link.state, live.link.reason) == ("live", "")


def test_a_polled_agent_that_falls_silent_gets_late_and_lost_too(live: Drive) -> None:
    live.wait(7_000)
    live.answer_ping()
    live.wait(25_000)

    assert live.link.state == "lost"


def test_an_agent_without_an_events_port_is_polled_from_the_start(drive: Drive) -> None:
    drive.feed(Opened())
    drive.feed(HandshakeDone())
    drive.answer_hello(events_port=0)
    drive.wait(4_000)

    assert drive.when(PollNow) == [2_000, 4_000]


def test_a_dropped_connection_ends_the_session_and_a_new_one_is_greeted(live: Drive) -> None:
    assert kinds(live.feed(Dropped())) == [SessionDown, Changed]
    assert (live.link.state, live.link.reason) == ("late", UNREACHABLE)

    assert kinds(live.feed(HandshakeDone()))[0] is SendHello
    assert kinds(live.answer_hello()) == [SessionUp, Changed]
    assert (live.link.state, live.link.session) == ("live", 2)


def test_an_agent_is_lost_as_soon_as_another_try_to_connect_has_failed(live: Drive) -> None:
    live.feed(Dropped())  # the connection has ended
    live.feed(Dropped())  # another try is to come
    assert live.link.state == "late"

    live.feed(Dropped())  # it has failed

    assert (live.link.state, live.link.reason) == ("lost", UNREACHABLE)
    live.feed(HandshakeDone())
    live.answer_hello()
    assert live.link.state == "live"


def test_a_beat_of_another_life_begins_a_new_session(live: Drive) -> None:
    assert kinds(live.beat(epoch="2" * 16))[:2] == [SessionDown, SendHello]


def test_an_agent_that_forgot_us_is_greeted_again(live: Drive) -> None:
    effects = live.feed(Refusal(ErrorBody(code="hello_required", retry="hello")))

    assert kinds(effects)[:2] == [SessionDown, SendHello]


def test_an_ordinary_refusal_does_not_touch_the_session(live: Drive) -> None:
    for code in ("not_found", "forbidden", "busy", "internal"):
        assert live.feed(Refusal(ErrorBody(code=code))) == []


def test_a_beat_from_before_the_session_proves_nothing(drive: Drive) -> None:
    drive.feed(Opened())

    assert drive.beat() == []
    assert drive.link.state == "connecting"


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((AuthRefused(),), "auth_refused"),
        ((HandshakeUnlike(),), "not_an_agent"),
        ((HandshakeFailed(),) * 3, "key_mismatch"),
        ((HandshakeDone(), Refusal(ErrorBody(code="unsupported_version"))), "unsupported_version"),
        ((HandshakeDone(), Refusal(ErrorBody(code="revoked"))), "revoked"),
    ],
)
def test_a_refused_link_closes_and_tries_again_in_a_minute(
    drive: Drive, events: tuple[Event, ...], reason: str
) -> None:
    drive.feed(Opened())
    for event in events:
        drive.feed(event)

    assert (drive.link.state, drive.link.reason) == ("refused", reason)
    assert CloseSockets in kinds([effect for _, effect in drive.wanted])
    drive.wanted.clear()
    drive.wait(61_000)
    assert drive.when(OpenSockets) == [60_000]
    assert drive.link.state == "refused"

    drive.feed(HandshakeDone())
    drive.answer_hello()
    assert drive.link.state == "live"


def test_revocation_in_mid_session_ends_it(live: Drive) -> None:
    effects = live.feed(Refusal(ErrorBody(code="revoked")))

    assert kinds(effects) == [SessionDown, CloseSockets, Changed]
    assert (live.link.state, live.link.reason) == ("refused", "revoked")


def test_two_hang_ups_are_not_yet_another_key(drive: Drive) -> None:
    drive.feed(Opened())
    drive.feed(HandshakeFailed())
    drive.feed(HandshakeFailed())
    drive.feed(HandshakeDone())
    drive.feed(HandshakeFailed())

    assert drive.link.state == "connecting"


def test_the_user_need_not_wait_for_the_next_try(drive: Drive) -> None:
    drive.feed(Opened())
    drive.feed(AuthRefused())

    assert kinds(drive.feed(RetryNow())) == [OpenSockets]


def test_an_idle_session_is_pinged_and_a_busy_one_is_not(live: Drive) -> None:
    live.wait(14_000, beats=True)
    live.feed(Sent())
    live.wait(30_000, beats=True)

    assert live.when(SendPing) == [29_000, 44_000]


@pytest.mark.parametrize("monotonic_sleeps", [True, False])
def test_after_the_laptop_slept_all_sockets_are_made_anew(
    live: Drive, *, monotonic_sleeps: bool
) -> None:
    live.wait(2_000, beats=True)
    slept_ms = 3_600_000
    woke = Now(live.now.wall_ms + slept_ms, live.now_ms + (500 if monotonic_sleeps else slept_ms))

    effects = live.link.feed(Tick(), woke)

    assert kinds(effects) == [SessionDown, OpenSockets, Changed]
    assert live.link.state == "lost"
    assert (live.link.age_ms(woke) or 0) >= slept_ms


def test_the_clock_of_the_agent_is_known_from_the_midpoint(drive: Drive) -> None:
    drive.feed(Opened())
    drive.feed(HandshakeDone())
    drive.now_ms += 400
    drive.answer_hello(agent_ms=WALL_MS + 200 + 90_000)

    assert drive.link.rtt_ms == 400
    assert drive.link.offset_ms == 90_000
    assert drive.link.expires_ms(drive.now) == WALL_MS + 400 + 90_000 + 10_000


def test_an_answer_to_a_greeting_of_an_earlier_connection_is_ignored(drive: Drive) -> None:
    drive.feed(Opened())
    drive.feed(HandshakeDone())
    old = drive.last(SendHello).token
    drive.feed(Dropped())
    drive.feed(HandshakeDone())
    reply = HelloReply(
        proto=1, epoch=EPOCH, role="viewer", key_id="k", now_ms=0,
        agent=AgentInfo(id="a", name="n", version="1", host="h", tz="UTC"),
    )  # fmt: skip

    assert drive.feed(HelloAnswered(old, reply)) == []
    assert drive.link.session is None


def test_a_server_that_cannot_be_reached_is_called_so(drive: Drive) -> None:
    drive.feed(Opened())
    assert drive.link.reason == ""

    drive.feed(Dropped())
    assert (drive.link.state, drive.link.reason) == ("connecting", UNREACHABLE)
