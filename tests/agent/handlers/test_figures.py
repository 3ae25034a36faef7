"""Are figures the ones that were recorded?"""

from shared.protocol.requests import MetricsPage, MetricsPageReply, StatsGet, StatsReply
from tests.agent.handlers.test_runs import recorded
from tests.agent.wire.door import CLOCK, Door


async def test_series_share_their_times_and_lack_what_was_not_sampled(door: Door) -> None:
    await door.recorder.measured({"cpu": 0.5, "mem_share": 0.25})
    guest = await door.welcome("viewer")
    now_ms = CLOCK.now_ms()

    reply = await guest.get(
        MetricsPage(
            series=("cpu", "unheard", "mem_share"),
            from_ms=now_ms - 60_000,
            to_ms=now_ms + 60_000,
            step_ms=60_000,
        ),
        MetricsPageReply,
    )

    assert reply.values == ((0.5, None, 0.25),)
    assert len(reply.times_ms) == 1


async def test_a_span_of_too_many_points_is_refused_with_the_step_to_take(door: Door) -> None:
    guest = await door.welcome("viewer")

    wrong = MetricsPage(series=("cpu",), from_ms=0, to_ms=86_400_000, step_ms=5_000)

    assert await guest.refusal(wrong) == "bad_request"
    backwards = MetricsPage(series=("cpu",), from_ms=10, to_ms=10)
    assert await guest.refusal(backwards) == "bad_request"


async def test_the_figures_of_the_day_count_tasks_and_runs(door: Door) -> None:
    now_ms = CLOCK.now_ms()
    await recorded(door, 2, started_ms=now_ms - 10, ended_ms=now_ms, duration_ms=10)
    guest = await door.welcome("viewer")

    reply = await guest.get(StatsGet(), StatsReply)

    assert (reply.tasks, reply.active_tasks, reply.runs_24h, reply.fails_24h) == (2, 2, 2, 2)
    assert reply.success_rate_24h == 0
    assert 2 / 121 < reply.throughput_per_min < 2 / 59
