"""Are figures the ones that were recorded?"""

import msgspec

from agent.store import samples
from agent.store.samples import Sample
from shared.protocol.health import HealthGet, HealthReply
from shared.protocol.requests import (
    MetricsPage,
    MetricsPageReply,
    RunDetail,
    RunGet,
    StatsGet,
    StatsReply,
)
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


async def test_a_series_may_have_a_name_as_long_as_those_that_are_kept(door: Door) -> None:
    name = "disk:/srv/customers/of/the/shop/in/auckland/backups~1a2b3c4d"
    await door.recorder.measured({name: 0.5})
    guest = await door.welcome("viewer")
    now_ms = CLOCK.now_ms()

    page = MetricsPage(series=(name,), from_ms=now_ms - 60_000, to_ms=now_ms + 60_000)
    reply = await guest.get(page, MetricsPageReply)

    assert reply.values == ((0.5,),)


async def test_the_health_is_told_to_whoever_may_look(door: Door) -> None:
    guest = await door.welcome("viewer")

    reply = await guest.get(HealthGet(), HealthReply)

    assert reply.lines == ("✓ All health checks passed",)


async def test_what_own_checks_said_is_for_viewers_only_where_output_is(
    closed_door: Door,
) -> None:
    door = closed_door
    viewer, operator = await door.welcome("viewer"), await door.welcome("operator")

    assert (await viewer.get(HealthGet(), HealthReply)).lines == ("✓ No words",)
    assert (await operator.get(HealthGet(), HealthReply)).lines == ("✓ All health checks passed",)


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


async def test_the_figures_of_a_span_are_of_all_tasks_or_of_one(door: Door) -> None:
    now_ms = CLOCK.now_ms()
    await recorded(door, 2, started_ms=now_ms - 10, ended_ms=now_ms, duration_ms=10, cpu_ms=4)
    guest = await door.welcome("viewer")

    whole = await guest.get(StatsGet(from_ms=now_ms - 86_400_000), StatsReply)
    idle = await guest.get(
        StatsGet(from_ms=now_ms - 1, to_ms=now_ms + 1, task_id="report"), StatsReply
    )

    assert whole.span is not None
    assert (whole.span.runs, whole.span.failures, whole.span.avg_ms) == (2, 2, 10)
    assert (whole.span.cpu_ms, whole.span.avg_cpu_ms) == (8, 4)
    assert [(step.runs, step.max_ms) for step in whole.span.steps] == [(2, 10)]
    assert idle.span is not None
    assert (idle.span.task_name, idle.span.runs, idle.span.success_rate) == ("report", 0, None)


async def test_a_span_that_ends_before_it_begins_or_is_of_no_task_is_refused(door: Door) -> None:
    guest = await door.welcome("viewer")

    assert await guest.refusal(StatsGet(from_ms=10, to_ms=10)) == "bad_request"
    assert await guest.refusal(StatsGet(from_ms=10, task_id="nobody")) == "not_found"


async def test_what_runs_of_a_task_use_is_a_series_and_its_highest_can_be_asked_for(
    door: Door,
) -> None:
    (run_id,) = await recorded(door, 1)
    now_ms = CLOCK.now_ms()
    looks = [
        Sample(run_id=run_id, sampled_ms=now_ms + at_ms, cpu_ms=9, rss_bytes=rss, processes=2)
        for at_ms, rss in ((0, 100), (5_000, 300))
    ]
    await door.database.write(lambda connection: samples.record(connection, looks))
    guest = await door.welcome("viewer")
    task = (await guest.get(RunGet(run_id=run_id), RunDetail)).run.task_id
    asked = MetricsPage(
        series=("rss", "processes"),
        from_ms=now_ms,
        to_ms=now_ms + 60_000,
        step_ms=60_000,
        task_id=task,
    )

    mean = await guest.get(asked, MetricsPageReply)
    highest = await guest.get(msgspec.structs.replace(asked, of="highest"), MetricsPageReply)

    assert mean.values == ((200.0, 2.0),)
    assert highest.values == ((300.0, 2.0),)
