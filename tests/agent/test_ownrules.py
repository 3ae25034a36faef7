"""Which own rules hold, now that a run has ended or a minute has passed?"""

from functools import partial
from typing import Any

import msgspec
import pytest

from agent import ownrules as ownrules_module
from agent.alerter import Alerter
from agent.alertrules import read_rule
from agent.errors import DatabaseAway
from agent.ownrules import SETTLE_MS, OwnRules
from agent.recorder import Shown
from agent.rules import alerting
from agent.rules.muting import Mute
from agent.runs import Run
from agent.store import alert_rules, alerts, metrics, mutes
from agent.store.alerts import Alert
from agent.store.checks import Check
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task, ended
from tests.agent.workshop import Workshop


class Desk:
    """An alerter that hears all that the workshop's recorder shows, as in the agent."""

    def __init__(self, workshop: Workshop, *, usual: tuple[int, ...] = ()) -> None:
        self.workshop = workshop
        self.heard = 0
        self.alerter = Alerter(
            clock=workshop.clock,
            database=workshop.database,
            recorder=workshop.recorder,
            priority=lambda _name: 3,
            durations_ms=lambda _name: usual,
            waiting=lambda: (0, None),
            roster=workshop.roster,
        )

    async def rule(self, **fields: Any) -> None:
        rule = read_rule({"name": "mine", **fields})
        await self.workshop.database.write(
            partial(alert_rules.put, rule=rule, who="t", now_ms=self.workshop.clock.now_ms())
        )
        await self.alerter.renew()

    async def end(self, status: str, at_ms: int | None = None, **fields: Any) -> Run:
        """A run of a task ended so; everyone heard of it."""
        now_ms = self.workshop.clock.now_ms() if at_ms is None else at_ms
        run = a_run(now_ms, status="running", task_name=fields.pop("task_name", "backup"))
        await self.workshop.recorder.claim([run])
        over = msgspec.structs.replace(ended(run, status), **fields)
        await self.workshop.recorder.ended(over)
        await self.hear()
        return over

    async def pass_minutes(self, count: int = 1) -> None:
        for _ in range(count):
            self.workshop.clock.advance(MINUTE_MS)
            await self.look()

    async def look(self) -> None:
        now_ms = self.workshop.clock.now_ms()
        check = Check(
            check_name="cpu", kind="cpu", status="ok", checked_ms=now_ms, message="", value=1.0
        )
        self.alerter.note_checks([check])
        await self.hear()

    async def hear(self) -> None:
        while self.heard < len(self.workshop.shown):
            shown = self.workshop.shown[self.heard]
            self.heard += 1
            self.alerter.note(shown)
            await self.alerter.work_off()
        await self.alerter.work_off()
        for shown in self.workshop.shown[self.heard :]:
            self.alerter.note(shown)
        self.heard = len(self.workshop.shown)

    def open(self, kind: str = "own_rule") -> list[Alert]:
        found = self.workshop.database.read_now(alerts.open_alerts)
        return [alert for alert in found if alert.kind == kind]


async def test_a_rule_about_runs_is_an_alert_until_a_run_is_not_so(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"), a_task("other"))
    desk = Desk(workshop)
    await desk.rule(task="back*", output_bytes_below=1000, severity="high")

    run = await desk.end("success", output_bytes=3)
    (alert,) = desk.open()
    workshop.clock.advance(MINUTE_MS)
    await desk.end("success", output_bytes=3, task_name="other")
    still = desk.open()
    await desk.end("success", output_bytes=5_000)

    assert (alert.run_id, alert.severity, alert.dedupe_key) == (run.id, "high", "rule:mine:backup")
    assert len(still) == 1
    assert desk.open() == []


async def test_a_rule_that_is_disabled_finds_nothing(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"))
    desk = Desk(workshop)
    await desk.rule(status="error", enabled=False)

    await desk.end("error")

    assert desk.open() == []


async def test_what_ended_is_asked_of_a_rule_that_stays_while_another_one_is_made(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("backup"))
    desk = Desk(workshop)
    await desk.rule(failures=1, of_last=3)
    run = a_run(NOW_MS, status="running")
    await workshop.recorder.claim([run])
    await workshop.recorder.ended(ended(run, "error"))
    for shown in workshop.shown:
        desk.alerter.note(shown)

    await desk.rule(name="other", status="timeout")
    await desk.alerter.work_off()

    assert [alert.dedupe_key for alert in desk.open()] == ["rule:mine:backup"]


async def test_failures_among_the_last_are_counted_in_the_record(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"))
    states = []
    for number, status in enumerate(["error", "success", "error", "success", "success"]):
        # Each time another agent: what is counted does not lie in its memory.
        desk = Desk(workshop)
        desk.heard = len(workshop.shown)
        await desk.rule(failures=2, of_last=3)
        await desk.end(status, NOW_MS + number * MINUTE_MS)
        states.append(len(desk.open()))

    assert states == [0, 0, 1, 0, 0]


async def test_a_rate_is_reckoned_over_its_span(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"))
    desk = Desk(workshop)
    await desk.rule(success_rate_below=0.5, within_s=7200, runs_from=2)
    states = []
    for number, status in enumerate(["error", "success", "error", "success"]):
        await desk.end(status, NOW_MS + number * MINUTE_MS)
        states.append(len(desk.open()))

    assert states == [0, 0, 1, 0]


async def test_silence_is_an_alert_until_the_next_success(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"), a_task("resting", enabled=False))
    desk = Desk(workshop)
    await desk.rule(no_success_for_s=1800)
    await desk.end("success")

    await desk.pass_minutes(30)
    before = desk.open()
    await desk.pass_minutes()
    (alert,) = desk.open()
    await desk.end("success")

    assert before == []
    assert (alert.task_name, alert.occurrences) == ("backup", 1)
    assert desk.open() == []


async def test_nobody_says_that_nothing_succeeded_while_an_agent_catches_up(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("backup"))
    workshop.clock.advance(HOUR_MS)
    desk = Desk(workshop)
    await desk.rule(no_success_for_s=1800)

    await desk.pass_minutes(SETTLE_MS // MINUTE_MS - 1)
    before = desk.open()
    await desk.pass_minutes()

    assert (before, len(desk.open())) == ([], 1)


async def test_a_clock_set_forward_makes_no_silence(workshop: Workshop) -> None:
    names = [f"task_{number}" for number in range(50)]
    await workshop.register(*map(a_task, names))
    desk = Desk(workshop)
    await desk.rule(no_success_for_s=3600)
    await desk.pass_minutes(10)

    workshop.clock.set_wall(workshop.clock.now_ms() + 20 * HOUR_MS)
    await desk.pass_minutes(10)
    after_jump = desk.open()
    await desk.alerter.renew()
    await desk.pass_minutes(10)
    after_reload = desk.open()
    await desk.pass_minutes(31)

    assert (after_jump, after_reload) == ([], [])
    assert len(desk.open()) == 50


async def test_moments_that_a_clock_was_set_past_are_one_alert_that_wakes_nobody(
    workshop: Workshop,
) -> None:
    desk = Desk(workshop)
    desk.alerter._priority = lambda _name: 1
    names = [f"task_{number}" for number in range(15)]
    runs = [a_run(status="missed", reason="clock_jump", task_name=name) for name in names]

    desk.alerter.note(Shown(runs=tuple(runs)))
    await desk.hear()

    (alert,) = workshop.database.read_now(alerts.open_alerts)
    assert (alert.kind, alert.severity) == ("tasks_missed", "high")


async def test_a_series_above_its_limit_for_so_long_is_an_alert(workshop: Workshop) -> None:
    desk = Desk(workshop)
    await desk.rule(metric="cpu", above=90, for_s=180, severity="critical")
    states = []
    for value in (95, 95, 95, 95, 95, 50):
        at_ms = workshop.clock.now_ms()
        await workshop.database.write(partial(metrics.record, readings={"cpu": value}, at_ms=at_ms))
        await desk.pass_minutes()
        states.append(len(desk.open()))

    assert states == [0, 0, 0, 1, 1, 0]


async def test_many_retries_of_many_tasks_are_one_alert_until_they_are_few(
    workshop: Workshop,
) -> None:
    desk = Desk(workshop)
    retries = [
        a_run(status="retry_wait", trigger="retry", attempt=2, task_name=f"task_{number % 5}")
        for number in range(alerting.STORM)
    ]

    desk.alerter.note(Shown(runs=tuple(retries[:-1])))
    await desk.look()
    before = desk.open("retry_storm")
    # A row that is shown twice is one retry.
    desk.alerter.note(Shown(runs=tuple(retries[:-1])))
    await desk.look()
    twice = desk.open("retry_storm")
    desk.alerter.note(Shown(runs=tuple(retries[-1:])))
    await desk.look()
    (storm,) = desk.open("retry_storm")
    await desk.pass_minutes(6)

    assert (before, twice) == ([], [])
    assert storm.severity == "high"
    assert desk.open("retry_storm") == []


async def test_retries_of_one_task_are_its_own_affair(workshop: Workshop) -> None:
    desk = Desk(workshop)
    retries = [a_run(status="retry_wait", trigger="retry") for _ in range(500)]

    desk.alerter.note(Shown(runs=tuple(retries)))
    await desk.look()

    assert desk.open("retry_storm") == []


async def unused(desk: Desk, reason: str) -> None:
    now_ms = desk.workshop.clock.now_ms()
    run = a_run(now_ms + len(reason), status="skipped", reason=reason)
    await desk.workshop.recorder.claim([run])
    await desk.hear()


async def test_a_task_whose_moments_pass_unused_for_longer_than_ever_is_an_alert(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("backup"))
    desk = Desk(workshop)
    for _ in range(7):
        await desk.end("success")
        await unused(desk, "overlap")
        workshop.clock.advance(HOUR_MS)
    usual = desk.open("task_not_run")

    workshop.clock.advance(HOUR_MS)
    await unused(desk, "paused")
    chosen = desk.open("task_not_run")
    await unused(desk, "overlap")
    found = desk.open("task_not_run")
    workshop.clock.advance(MINUTE_MS)
    await desk.end("success")

    assert (usual, chosen) == ([], [])
    assert len(found) == 1
    assert "119 min ago" in found[0].message
    assert desk.open("task_not_run") == []


async def test_what_is_usual_at_this_hour_of_the_week_is_no_alert(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"))
    desk = Desk(workshop, usual=(1_000,) * 20)
    week_ms = 7 * 24 * HOUR_MS
    for week in range(1, 6):
        for minute in range(2):
            at_ms = NOW_MS - week * week_ms + minute * MINUTE_MS
            await desk.end("success", at_ms, ended_ms=at_ms + 60_000, duration_ms=60_000)
    before = desk.open("task_slower")

    await desk.end("success", NOW_MS, duration_ms=61_000)
    as_usual = desk.open("task_slower")
    await desk.end("success", NOW_MS + MINUTE_MS, duration_ms=300_000)
    (slow,) = desk.open("task_slower")
    await desk.end("success", NOW_MS + 2 * MINUTE_MS, duration_ms=59_000)
    mended = desk.open("task_slower")
    await desk.end("success", NOW_MS + 3 * MINUTE_MS, duration_ms=7_000)

    assert len(before) == 1  # while the record was short, the last runs alone were known
    assert as_usual == []
    assert "at this hour of the week are 59.4 s" in slow.message
    assert mended == []


async def test_a_success_far_shorter_than_usual_is_an_alert_until_one_is_not(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("backup"))
    desk = Desk(workshop, usual=(60_000, 61_000) * 10)

    await desk.end("success", duration_ms=200)
    (quick,) = desk.open("task_quicker")
    workshop.clock.advance(MINUTE_MS)
    await desk.end("success", duration_ms=60_000)

    assert "did it do its work?" in quick.message
    assert desk.open("task_quicker") == []


async def test_a_window_mutes_when_it_begins_and_tells_when_it_ends(workshop: Workshop) -> None:
    await workshop.register(a_task("backup", priority=2))
    desk = Desk(workshop)
    window = Mute(
        id="01J0000000000000000000MUTE",
        from_ms=NOW_MS + 5 * MINUTE_MS,
        to_ms=NOW_MS + 65 * MINUTE_MS,
        reason="new disk",
        made_ms=NOW_MS,
        made_by="anna",
        task="backup",
    )
    await workshop.database.write(partial(mutes.add, mute=window))
    await desk.alerter.renew()
    await desk.end("error")
    (told_soon,) = desk.open("task_failed")
    told = []
    for _ in range(70):
        await desk.pass_minutes()
        (alert,) = desk.open("task_failed")
        told.append((alert.muted_until_ms, alert.tell_ms))

    assert told_soon.tell_ms == NOW_MS + 15 * MINUTE_MS
    assert told[3] == (None, told_soon.tell_ms)
    assert set(told[4:64]) == {(window.to_ms, None)}
    assert told[64:] == [(None, window.to_ms)] * 6
    assert not desk.alerter.is_muted(alert)


async def test_a_window_that_is_taken_away_is_heeded_when_the_agent_hears_of_it(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("backup"))
    desk = Desk(workshop)
    window = Mute(
        id="01J0000000000000000000MUTE",
        from_ms=NOW_MS,
        to_ms=NOW_MS + HOUR_MS,
        reason="new disk",
        made_ms=NOW_MS,
        made_by="anna",
    )
    await workshop.database.write(partial(mutes.add, mute=window))
    await desk.end("error")
    await workshop.database.write(partial(mutes.remove, text="MUTE"))

    await desk.alerter.renew()
    await desk.hear()

    (alert,) = desk.open("task_failed")
    assert (alert.muted_until_ms, alert.tell_ms) == (None, NOW_MS)


async def test_a_rule_that_is_known_without_the_database_holds_as_ever(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"), a_task("hushed"))
    desk = Desk(workshop)
    rules = [
        read_rule({"name": "mine", "exit_status": [3]}),
        read_rule({"name": "off", "enabled": False, "exit_status": [3]}),
    ]
    window = Mute(
        id="01J0000000000000000000MUTE",
        from_ms=NOW_MS,
        to_ms=NOW_MS + MINUTE_MS,
        reason="new server",
        made_ms=NOW_MS,
        made_by="anna",
        task="hushed",
    )

    desk.alerter.take(rules, [window])
    await desk.end("error", exit_status=3)
    (alert,) = desk.open()
    during = [
        desk.alerter.is_muted(msgspec.structs.replace(alert, task_name=name))
        for name in ("backup", "hushed")
    ]
    workshop.clock.advance(MINUTE_MS)

    assert alert.dedupe_key == "rule:mine:backup"
    assert during == [False, True]
    assert not desk.alerter.is_muted(msgspec.structs.replace(alert, task_name="hushed"))


async def test_silence_is_counted_from_the_start_until_the_database_says_since_when(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("backup"))
    rule = read_rule({"name": "mine", "no_success_for_s": 1800})
    put = partial(alert_rules.put, rule=rule, who="t", now_ms=NOW_MS)
    await workshop.database.write(put)
    workshop.clock.advance(HOUR_MS)
    own = OwnRules(clock=workshop.clock, database=workshop.database, roster=workshop.roster)

    own.take([rule])
    workshop.clock.advance(20 * MINUTE_MS)
    ((_, while_away),) = await own.look()
    await own.load()
    ((_, then),) = await own.look()

    assert while_away is None
    assert then is not None


async def test_a_rule_that_cannot_be_asked_keeps_no_other_alert_back(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"))
    desk = Desk(workshop)
    await desk.rule(failures=1, of_last=3)
    run = a_run(status="running")
    await workshop.recorder.claim([run])
    await workshop.recorder.ended(ended(run, "error"))
    for shown in workshop.shown:
        desk.alerter.note(shown)
    bad = Check(check_name="logs", kind="logs", status="crit", checked_ms=NOW_MS, message="full")
    desk.alerter.note_checks([bad])
    workshop.database.read = refuse  # type: ignore[method-assign,assignment] # away for reads

    with pytest.raises(DatabaseAway):
        await desk.alerter.work_off()

    assert len(desk.open("check_bad")) == 1


async def refuse(*_args: object) -> None:
    raise DatabaseAway


async def test_a_storm_of_ends_is_one_line_and_the_newest_end_of_a_task_has_its_place(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ownrules_module, "MOST_WEIGHED", 1)
    names = ("backup", *(f"other-{number}" for number in range(5)))
    await workshop.register(*map(a_task, names))
    await workshop.database.write(
        partial(
            alert_rules.put,
            rule=read_rule({"name": "mine", "failures": 1, "of_last": 3}),
            who="t",
            now_ms=NOW_MS,
        )
    )
    rules = OwnRules(clock=workshop.clock, database=workshop.database, roster=workshop.roster)
    await rules.load()
    ends = [
        ended(a_run(NOW_MS + at, status="running", task_name=name), "error")
        for at, name in enumerate((*names, "backup"))
    ]

    for end in ends:
        assert list(rules.note(end)) == []
    found = await rules.weigh()

    assert [key for key, _ in found] == ["rule:mine:backup"]
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said == [
        "too many runs end at once; a rule is not asked",
        "rules are asked of every run again",
    ]
