"""Do those who listen hear all, and those shut out nothing?"""

import secrets
import time
from pathlib import Path

import pytest

from agent.wire import publisher
from agent.wire.sockets import CannotListen
from shared.protocol.codec import decode_event
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.requests import CommandReply, KeyRevoke, Sync, TaskSet
from shared.protocol.rows import Delta
from tests.agent.wire.door import CLOCK, Door, next_event, until
from tests.pulse import Pulse


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats and metrics five times a second."""
    monkeypatch.setattr(publisher, "METRIC_MS", 200)
    monkeypatch.setattr(publisher, "HEARTBEAT_MS", 200)


async def test_a_heartbeat_tells_revisions_that_were_published_before(door: Door) -> None:
    guest = await door.welcome("viewer")

    beat = await next_event(guest.subscribe(), Heartbeat)

    assert beat.epoch == door.journal.epoch
    assert beat.revs == door.journal.published
    assert beat.every_ms == 2000
    assert beat.mode == "normal"


async def test_a_change_comes_as_a_delta_that_follows_the_one_before(door: Door) -> None:
    guest = await door.welcome("operator")
    events = guest.subscribe()
    await next_event(events, Heartbeat)
    before = door.journal.revs.state

    reply = await guest.get(
        TaskSet(
            ids=("backup",),
            paused=True,
            reason="quiet",
            op=secrets.token_hex(16),
            expires_ms=CLOCK.now_ms() + 60_000,
        ),
        CommandReply,
    )
    delta = await next_event(events, Delta)

    assert (delta.from_rev, delta.to_rev) == (before, reply.rev)
    assert [(task.id, task.paused) for task in delta.rows.tasks] == [("backup", True)]


async def test_metrics_are_published(often: None, door: Door) -> None:
    guest = await door.welcome("viewer")

    metric = await next_event(guest.subscribe(), Metric)

    assert metric.now_ms <= CLOCK.now_ms()


async def test_a_blocked_loop_shows_as_lag_in_the_next_heartbeat(door: Door) -> None:
    guest = await door.welcome("viewer")
    events = guest.subscribe()
    await next_event(events, Heartbeat)

    with Pulse() as pulse:
        time.sleep(1.5)  # noqa: ASYNC251 - the loop must stand still here
        woke_ms = CLOCK.now_ms()
        # One from before may still have been on its way.
        while (beat := await next_event(events, Heartbeat)).now_ms < woke_ms:
            pass

    assert 300 <= beat.lag_ms <= 5000 + pulse.worst_ms


async def test_a_revoked_key_hears_nothing_after_five_seconds_and_others_all(door: Door) -> None:
    admin, lost = await door.welcome("admin"), await door.welcome("viewer", label="lost")
    kept, cut = admin.subscribe(), lost.subscribe()
    await next_event(kept, Heartbeat)
    await next_event(cut, Heartbeat)
    key = (await lost.hello()).key_id

    with Pulse() as pulse:
        await admin.get(
            KeyRevoke(key_id=key, op=secrets.token_hex(16), expires_ms=CLOCK.now_ms() + 60_000),
            CommandReply,
        )
        revoked_ms = CLOCK.now_ms()
        first = await next_event(kept, Heartbeat)
        second = await next_event(kept, Heartbeat)

        assert second.n > first.n
        heard: list[int] = []
        while (left_ms := revoked_ms + 5_000 - CLOCK.now_ms()) > 0:
            if await cut.poll(left_ms):
                event = decode_event(await cut.recv_multipart())
                if isinstance(event, Heartbeat):
                    heard.append(event.now_ms)
    assert all(at_ms <= revoked_ms + 1_000 + pulse.worst_ms for at_ms in heard)
    delta = await admin.get(Sync(scope="state"), Delta)
    assert {task.id for task in delta.rows.tasks} == {"backup", "report"}


async def test_a_last_heartbeat_says_that_the_agent_stops_by_order(door: Door) -> None:
    guest = await door.welcome("viewer")
    events = guest.subscribe()
    await next_event(events, Heartbeat)

    door.publisher.say_stopping()
    beat = await next_event(events, Heartbeat)

    assert beat.mode == "stopping"


async def test_a_sample_that_fails_is_just_missing(often: None, door: Door) -> None:
    def fail() -> Metric:
        raise OSError

    door.publisher._sample = fail
    await until(lambda: door.publisher.failures >= 2)

    guest = await door.welcome("viewer")
    await next_event(guest.subscribe(), Heartbeat)


async def test_an_events_port_in_use_is_named_with_its_setting(door: Door, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Door(tmp_path / "other")

    with pytest.raises(CannotListen, match=r"events_port in settings\.toml") as refused:
        other.build(events_port=door.events_port)

    assert f"port {door.events_port}" in str(refused.value)
    other.zap.close()
    other.gate.close()
    other.context.term()
    other.database.close()
