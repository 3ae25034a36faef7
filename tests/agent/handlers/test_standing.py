"""Are own rules and quiet times made, tried and changed by operators, and by nobody too late?"""

import asyncio
import secrets
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import pytest

from agent.alertrules import read_words
from agent.handlers import standing
from agent.handlers.context import Context
from agent.handlers.trials import MOST_TRIALS, Trial
from agent.rehearsal import Rehearsing
from agent.rules.muting import covers
from agent.store import alert_rules, audit, ledger, mutes
from agent.store.database import Doing
from agent.store.ledger import Step
from agent.troubles import Trouble
from shared.protocol.alerting import (
    AlertsRules,
    AlertsRulesReply,
    QuietRemove,
    QuietReply,
    QuietSet,
    QuietTry,
    QuietTryReply,
    RuleDraft,
    RuleRemove,
    RuleReply,
    RuleSet,
    RuleTry,
    RuleTryReply,
)
from shared.protocol.errors import ErrorBody
from shared.protocol.requests import Command
from tests.agent.store.makings import a_run
from tests.agent.wire.door import CLOCK, Door, Guest

BAD = RuleDraft(sev="high", given=(("task", "back*"), ("status", "error, timeout")))
MINUTE_MS = 60_000


def order(kind: type[Command], **more: Any) -> Command:
    return kind(op=secrets.token_hex(16), expires_ms=CLOCK.now_ms() + 60_000, **more)


async def make(guest: Guest, rule: RuleDraft = BAD, *, base_rev: int = 0) -> RuleReply:
    return await guest.get(order(RuleSet, id="bad", rule=rule, base_rev=base_rev), RuleReply)


async def refused(guest: Guest, request: Any) -> ErrorBody:
    # A pattern may be tried for half a minute, and another one before it.
    reply = await guest.ask(request, within_s=90)
    assert isinstance(reply, ErrorBody), reply
    return reply


async def test_a_rule_that_one_makes_is_judged_by_audited_and_seen_by_the_other(
    door: Door,
) -> None:
    anna, otto = await door.welcome("operator", label="Anna"), await door.welcome("viewer")

    made = await make(anna)
    seen = await otto.get(AlertsRules(), AlertsRulesReply)

    assert made.rule is not None
    assert seen.rules == (made.rule,)
    assert (made.rule.by, made.rule.rev, made.rule.sev) == ("Anna", 1, "high")
    assert made.rule.given == (("task", "back*"), ("status", "error, timeout"))
    assert door.renewed == 1
    row = door.database.read_now(partial(alert_rules.get, name="bad"))
    assert row.rule.status == ("error", "timeout")
    rows = door.database.read_now(partial(audit.page, limit=5))
    assert [(one.type, one.target, one.label) for one in rows if one.type == "rule.set"] == [
        ("rule.set", "bad", "Anna")
    ]


@pytest.mark.parametrize(
    ("name", "sev", "given", "path", "said"),
    [
        ("", "high", BAD.given, "$.id", "1 to 64 characters"),
        ("Bad", "high", BAD.given, "$.id", "a-z"),
        ("bad", "loud", BAD.given, "$.rule.sev", "'critical'"),
        ("bad", "high", (), "$.rule.given.status", "would hold for everything"),
        ("bad", "high", (("failures", "x"),), "$.rule.given.failures", "whole number"),
        ("bad", "high", (("failures", "3"),), "$.rule.given.of_last", "is missing"),
        ("bad", "high", (("output_has", "("),), "$.rule.given.output_has", "no pattern"),
        ("bad", "high", (("outputhas", "x"),), "$.rule.given.outputhas", "output_has"),
        ("bad", "high", (("task", "a"), ("task", "b")), "$.rule.given.task", "given twice"),
    ],
)
async def test_a_rule_that_cannot_be_is_refused_at_its_field_when_checked_and_when_saved(
    door: Door, name: str, sev: str, given: tuple[tuple[str, str], ...], path: str, said: str
) -> None:
    guest = await door.welcome("operator")
    draft = RuleDraft(sev=sev, given=given)

    checked = await refused(guest, RuleTry(id=name, rule=draft))
    saved = await refused(guest, order(RuleSet, id=name, rule=draft))

    assert (checked.code, checked.detail["path"]) == ("bad_request", path)
    assert said in checked.msg
    assert (saved.code, saved.detail["path"], saved.msg) == (
        "bad_request",
        path,
        checked.msg,
    )
    assert door.database.read_now(alert_rules.load_all) == ()


async def test_a_pattern_that_could_take_for_ever_is_neither_tried_nor_saved(door: Door) -> None:
    anna, otto = await door.welcome("operator"), await door.welcome("operator")
    draft = RuleDraft(given=(("output_has", "(a+)+b"),))

    tried, saved = await asyncio.gather(
        refused(anna, RuleTry(id="slow", rule=draft, days=1)),
        refused(otto, order(RuleSet, id="slow", rule=draft)),
    )

    assert {tried.detail["path"], saved.detail["path"]} == {"$.rule.given.output_has"}
    assert "give each repetition a bound" in tried.msg


async def test_patterns_are_tried_one_at_a_time_so_that_runs_have_processors_and_threads(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, meeting = await door.welcome("operator"), threading.Barrier(2)
    met: list[str] = []

    def tried(pattern: str, *, as_text: bool) -> bool:
        # Two at once would meet.
        with suppress(threading.BrokenBarrierError):
            meeting.wait(0.2)
            met.append(pattern)
        return as_text

    monkeypatch.setattr("agent.rulemaking.is_quick", tried)
    drafts = [RuleDraft(given=(("output_has", f"never {number}"),)) for number in range(4)]
    await asyncio.gather(*(guest.send(RuleTry(id="one", rule=draft, days=1)) for draft in drafts))
    await guest.get(RuleTry(id="last", rule=drafts[-1], days=1), RuleTryReply)

    assert met == []


async def test_a_pattern_is_laid_over_no_output_while_it_is_still_being_written(
    door: Door,
) -> None:
    guest = await door.welcome("operator")
    await record(door, 12, tail="a" * 26)
    hostile = RuleDraft(given=(("output_has", "(a+)+b"),))
    every = RuleDraft(given=(("output_lacks", "b"),))

    # The agent would stand still for minutes.
    half = await guest.get(RuleTry(id="slow", rule=hostile), RuleTryReply)
    written = await guest.get(RuleTry(id="every", rule=every), RuleTryReply)
    tried = await guest.get(RuleTry(id="every", rule=every, days=7), RuleTryReply)

    assert half.doubts == written.doubts == ()
    assert "for each of the newest 12 runs" in tried.doubts[0]


async def test_an_edit_of_what_somebody_else_changed_is_refused_and_says_what_changed(
    door: Door,
) -> None:
    anna, otto = (
        await door.welcome("operator", label="Anna"),
        await door.welcome("operator", label="Otto"),
    )
    await make(anna)
    louder = msgspec.structs.replace(BAD, sev="critical")
    await make(otto, louder, base_rev=1)

    late = await refused(anna, order(RuleSet, id="bad", rule=BAD, base_rev=1))
    twice = await refused(anna, order(RuleSet, id="bad", rule=BAD))
    away = await refused(anna, order(RuleRemove, id="bad", base_rev=1))
    await anna.get(order(RuleRemove, id="bad", base_rev=2), RuleReply)
    gone = await refused(otto, order(RuleSet, id="bad", rule=BAD, base_rev=2))

    assert {late.code, twice.code, away.code, gone.code} == {"conflict"}
    assert "Otto changed the rule 'bad' meanwhile: severity is 'critical', was 'high'" in late.msg
    assert "by Otto; choose another name" in twice.msg
    assert "Anna removed the rule" in gone.msg


async def test_who_made_a_rule_is_answered_with_that_and_not_with_what_came_after_it(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await door.welcome("operator", label="Anna")

    async def meanwhile(context: Context) -> None:
        rule = read_words("bad", ["status=timeout", "severity=critical"])
        put = partial(alert_rules.put, rule=rule, who="Otto", now_ms=CLOCK.now_ms())
        await context.database.write(put)

    monkeypatch.setattr(standing, "_renew", meanwhile)
    made = await make(anna)

    assert made.rule is not None
    # To take it back must not take back Otto's.
    assert (made.rule.rev, made.rule.by, made.rule.sev) == (1, "Anna", "high")


async def test_viewers_see_rules_and_neither_try_nor_change_them(door: Door) -> None:
    viewer = await door.welcome("viewer")
    window: dict[str, Any] = {"from_ms": 0, "to_ms": CLOCK.now_ms() + MINUTE_MS, "reason": "x"}

    for request in (
        RuleTry(id="bad", rule=BAD),
        order(RuleSet, id="bad", rule=BAD),
        order(RuleRemove, id="bad", base_rev=1),
        QuietTry(**window),
        order(QuietSet, **window),
    ):
        assert await viewer.refusal(request) == "forbidden"
    assert door.renewed == 0


async def record(door: Door, count: int, *, status: str = "error", tail: str = "") -> None:
    now_ms = CLOCK.now_ms()
    runs = [a_run(now_ms - number * 1_000) for number in range(count)]
    await door.database.write(partial(ledger.claim, runs=runs, now_ms=now_ms))
    ends = [
        Step(
            run=msgspec.structs.replace(
                run, status=status, started_ms=now_ms, ended_ms=now_ms, output_tail=tail
            ),
            now_ms=now_ms,
        )
        for run in runs
    ]
    await door.database.write(partial(ledger.record, steps=ends))


async def test_a_rule_that_is_not_saved_is_laid_over_what_happened(door: Door) -> None:
    guest = await door.welcome("operator")
    await record(door, 12)

    reply = await guest.get(RuleTry(id="bad", rule=BAD, days=7), RuleTryReply)

    assert (reply.place, reply.looked_at, reply.fired, reply.alerts) == (None, 12, 12, 1)
    assert {(one.task_id, one.opens) for one in reply.records} == {
        ("backup", True),
        ("backup", False),
    }
    assert reply.doubts == (
        "holds for everything: for each of the newest 12 runs that it is about",
    )


async def test_a_long_test_tells_how_far_it_is_and_is_called_off_by_asking_no_more(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "WORK_MS", 0)
    monkeypatch.setattr("agent.rehearsal._PAGE", 5)
    guest = await door.welcome("operator")
    await record(door, 12)

    first = await guest.get(RuleTry(id="bad", rule=BAD, days=7), RuleTryReply)
    other = await refused(guest, RuleTry(id="other", rule=BAD, days=7, place=first.place))
    second = await guest.get(RuleTry(id="bad", rule=BAD, days=7, place=first.place), RuleTryReply)
    last = await guest.get(RuleTry(id="bad", rule=BAD, days=7, place=second.place), RuleTryReply)
    over = await refused(guest, RuleTry(id="bad", rule=BAD, days=7, place=first.place))

    assert first.place is not None
    assert first.fired == 0
    assert 0 <= first.share <= second.share <= 1
    assert (last.place, last.fired) == (None, 12)
    assert {other.code, over.code} == {"bad_cursor"}


async def test_so_many_tests_go_on_at_once_and_one_of_each_key(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "WORK_MS", 0)
    monkeypatch.setattr("agent.rehearsal._PAGE", 5)
    await record(door, 12)
    guests = [await door.welcome("operator", label=f"o{number}") for number in range(3)]
    request = RuleTry(id="bad", rule=BAD, days=7)

    begun = [await guest.get(request, RuleTryReply) for guest in guests[:MOST_TRIALS]]
    again = await guests[0].get(request, RuleTryReply)
    refusal = await refused(guests[-1], request)

    assert all(one.place for one in begun)
    assert again.place not in (None, begun[0].place)
    assert refusal.code == "busy"


async def test_tests_that_are_begun_in_the_same_moment_are_not_more(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record(door, 12)
    gate = threading.Event()
    step = Rehearsing.step

    def held(work: Rehearsing) -> Doing[bool]:
        read = step(work)
        return lambda connection: gate.wait(60) and read(connection)

    monkeypatch.setattr(Rehearsing, "step", held)
    guests = [await door.welcome("operator", label=f"o{number}") for number in range(3)]
    request = RuleTry(id="bad", rule=BAD, days=7)

    begun = [asyncio.create_task(guest.ask(request)) for guest in guests]
    done, _ = await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED, timeout=30)
    gate.set()
    replies = await asyncio.gather(*begun)

    refusals = [reply for one in done if isinstance(reply := one.result(), ErrorBody)]
    assert [refusal.code for refusal in refusals] == ["busy"]
    assert sum(isinstance(reply, RuleTryReply) for reply in replies) == MOST_TRIALS


async def test_a_test_that_nobody_asks_for_any_more_is_forgotten(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "WORK_MS", 0)
    monkeypatch.setattr("agent.rehearsal._PAGE", 5)
    monkeypatch.setattr("agent.handlers.trials.KEPT_S", 0.05)
    await record(door, 12)
    guest, forgotten, forget = await door.welcome("operator"), asyncio.Event(), door.trials.forget

    def told(trial: Trial) -> None:
        forget(trial)
        forgotten.set()

    monkeypatch.setattr(door.trials, "forget", told)
    first = await guest.get(RuleTry(id="bad", rule=BAD, days=7), RuleTryReply)
    assert first.place is not None
    async with asyncio.timeout(30):
        await forgotten.wait()

    assert (await refused(guest, RuleTry(id="bad", rule=BAD, days=7, place=first.place))).code == (
        "bad_cursor"
    )


async def test_a_quiet_time_is_made_changed_and_taken_away(door: Door) -> None:
    anna, otto = await door.welcome("operator", label="Anna"), await door.welcome("operator")
    now_ms = CLOCK.now_ms()
    window: dict[str, Any] = {"from_ms": now_ms, "to_ms": now_ms + MINUTE_MS, "task_id": "back*"}

    for name in ("backup", "report"):
        await door.recorder.alert(
            Trouble(
                dedupe_key=name,
                kind="task_failed",
                severity="high",
                title=f"{name} failed",
                message="",
                task_name=name,
            )
        )
    await door.recorder.resolve("backup")

    tried = await anna.get(QuietTry(**window, reason="new disk"), QuietTryReply)
    made = await anna.get(order(QuietSet, **window, reason="new disk"), QuietReply)
    assert made.quiet is not None
    longer = window | {"to_ms": now_ms + 2 * MINUTE_MS, "id": made.quiet.id}
    changed = await otto.get(
        order(QuietSet, **longer, reason="bigger disk", base_rev=made.quiet.rev), QuietReply
    )
    late = await refused(anna, order(QuietSet, **longer, reason="no disk", base_rev=made.quiet.rev))
    kept = await refused(anna, order(QuietRemove, id=made.quiet.id, base_rev=made.quiet.rev))
    assert changed.quiet is not None
    rev = changed.quiet.rev
    await anna.get(order(QuietRemove, id=made.quiet.id, base_rev=rev), QuietReply)
    gone = await refused(anna, order(QuietRemove, id=made.quiet.id, base_rev=rev))

    assert (tried.tasks, tried.of, tried.alerts, tried.fired) == (1, 2, 0, 1)
    assert [(one.task_id, one.msg, one.opens) for one in tried.records] == [
        ("backup", "backup failed", False)
    ]
    assert rev > made.quiet.rev
    assert {late.code, kept.code, gone.code} == {"conflict"}
    assert "for: bigger disk" in late.msg
    assert door.database.read_now(mutes.newest) == ()
    assert door.renewed == 3


async def test_a_rule_that_is_being_written_is_held_against_the_tasks_in_memory(door: Door) -> None:
    guest = await door.welcome("operator")
    request = RuleTry(id="bad", rule=BAD)

    with_tasks = await guest.get(request, RuleTryReply)
    door.known = ()
    without = await guest.get(request, RuleTryReply)

    assert with_tasks.doubts == ()
    assert without.doubts == ("holds for nothing: it is about no task that there is",)


async def test_what_a_window_would_mute_is_counted_beside_the_loop(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()

    def noted(*asked: Any) -> bool:
        threads.add(threading.get_ident())
        return covers(*asked)

    monkeypatch.setattr(standing, "covers", noted)
    guest, now_ms = await door.welcome("operator"), CLOCK.now_ms()
    request = QuietTry(task_id="back*", from_ms=now_ms, to_ms=now_ms + MINUTE_MS, reason="x")

    told = await guest.get(request, QuietTryReply)

    assert (told.tasks, told.of) == (1, 2)
    assert threads
    assert threading.get_ident() not in threads


async def test_who_tries_a_window_is_told_that_more_happened_than_is_looked_at(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, now_ms = await door.welcome("operator"), CLOCK.now_ms()
    for name in ("backup", "report"):
        await door.recorder.alert(
            Trouble(dedupe_key=name, kind="task_failed", severity="high", title=name, message="")
        )
    request = QuietTry(from_ms=now_ms, to_ms=now_ms + MINUTE_MS, reason="x")

    whole = await guest.get(request, QuietTryReply)
    monkeypatch.setattr(standing, "MOST_ALERTS", 1)
    cut = await guest.get(request, QuietTryReply)

    assert [(one.fired, one.is_cut) for one in (whole, cut)] == [(2, False), (1, True)]


@pytest.mark.parametrize(
    ("more", "path", "said"),
    [
        ({"to_ms": 1}, "$.to_ms", "later than now"),
        ({"to_ms": CLOCK.now_ms() + 400 * 86_400_000}, "$.to_ms", "within a year"),
        ({"task_id": ""}, "$.task_id", "1 to 64 letters"),
        ({"category": "x" * 65}, "$.category", "1 to 64 letters"),
        ({"reason": " "}, "$.reason", "say why"),
        ({"reason": "a\nb"}, "$.reason", "one line"),
    ],
)
async def test_a_window_that_cannot_be_is_refused_at_its_field(
    door: Door, more: dict[str, Any], path: str, said: str
) -> None:
    guest = await door.welcome("operator")
    to_ms = CLOCK.now_ms() + MINUTE_MS
    window: dict[str, Any] = {"from_ms": 0, "to_ms": to_ms, "reason": "x"} | more

    tried = await refused(guest, QuietTry(**window))
    saved = await refused(guest, order(QuietSet, **window))

    assert (tried.code, tried.detail["path"]) == ("bad_request", path)
    assert said in tried.msg
    assert saved.detail["path"] == path
