"""Which own rules hold, now that a run has ended or a minute has passed?"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from agent.alertrules import AlertRule
from agent.clock import Clock
from agent.log import log_of
from agent.roster import Roster
from agent.rules import conditions
from agent.rules.conditions import Recent
from agent.runs import Run
from agent.store import alert_rules, recent
from agent.store.database import Database
from agent.store.tasks import TaskRow
from agent.troubles import Trouble

log = log_of(__name__)

LOOK_EVERY_MS: Final = 60_000
SETTLE_MS: Final = 300_000
"""So long after its start an agent catches up, and nobody says that nothing succeeded."""
JUMP_MS: Final = 30_000
"""A wall clock that is so far from the one that nobody sets was put elsewhere."""
MOST_WEIGHED: Final = 1_000
LOOK_BACK_MS: Final = 600_000

Verdict = tuple[str, Trouble | None]
"""The key of an alert, and the trouble; None ends it."""


class OwnRules:
    """Holds the rules as the database has them; without rules nothing here costs anything."""

    def __init__(self, *, clock: Clock, database: Database, roster: Roster) -> None:
        self._clock = clock
        self._database = database
        self._roster = roster
        self._of_runs: tuple[AlertRule, ...] = ()
        self._of_time: tuple[AlertRule, ...] = ()
        # The newest end of a task that a rule about several runs has to be asked of.
        self._to_weigh: dict[tuple[str, str], tuple[AlertRule, Run]] = {}
        self._unasked = 0  # ends for which there was no room, since the last that was weighed
        self._succeeded_ms: dict[str, int] = {}
        self._assumed_ms = 0
        self._began_ms = self._looked_ms = clock.monotonic_ms()
        self._apart_ms = clock.now_ms() - clock.monotonic_ms()

    async def load(self) -> None:
        """Know the rules, for what others changed in the database."""
        rows = await self._database.read(alert_rules.load_all)
        self._know(row.rule for row in rows)
        names = self._silent_names()
        known = await self._database.read(partial(recent.last_successes, names=names))
        # What was counted on over a jump of the clock is not in the database.
        before = {n: at_ms for n, at_ms in self._succeeded_ms.items() if at_ms != self._assumed_ms}
        self._succeeded_ms = {name: max(known.get(name, 0), before.get(name, 0)) for name in names}

    def take(self, rules: Iterable[AlertRule]) -> None:
        """Know these while no database says when tasks succeeded: silence is counted from now."""
        self._know(rules)
        self._assumed_ms = self._clock.now_ms()
        self._succeeded_ms = dict.fromkeys(self._silent_names(), self._assumed_ms)

    def _know(self, rules: Iterable[AlertRule]) -> None:
        asked = [rule for rule in rules if rule.enabled]
        self._of_runs = tuple(r for r in asked if r.shape in ("run", "failures", "rate"))
        self._of_time = tuple(r for r in asked if r.shape in ("silence", "metric"))
        # What ended just now is still asked of the rules that are as they were.
        kept = set(asked)
        for pair in [pair for pair, (rule, _) in self._to_weigh.items() if rule not in kept]:
            del self._to_weigh[pair]

    def _silent_names(self) -> list[str]:
        return sorted({name for rule in self._silence for name in self._names(rule)})

    def note(self, run: Run) -> Iterator[Verdict]:
        """A run has ended: what each rule about single runs says of it."""
        if run.status == "success" and run.task_name in self._succeeded_ms:
            self._succeeded_ms[run.task_name] = self._clock.now_ms()
        if not self._of_runs:
            return
        task = self._roster.get(run.task_name)
        if task is None:
            return
        for rule in self._of_runs:
            if not (_concerns(rule, task) and conditions.is_about(rule, run)):
                continue
            if rule.shape == "run":
                key = conditions.key_of(rule.name, run.task_name)
                yield key, conditions.judge(rule, run, Recent())
            elif (pair := (rule.name, run.task_name)) in self._to_weigh or (
                len(self._to_weigh) < MOST_WEIGHED
            ):
                self._to_weigh[pair] = (rule, run)
            else:
                if not self._unasked:  # one line tells of a storm, not one for each of its runs
                    log.error("too many runs end at once; a rule is not asked", rule=rule.name)
                self._unasked += 1

    def succeeded(self, run: Run) -> Iterator[Verdict]:
        """A run succeeded: what was said of the silence before it is over."""
        for rule in self._silence:
            yield conditions.key_of(rule.name, run.task_name), None

    @property
    def is_asked(self) -> bool:
        """There is something to weigh."""
        return bool(self._to_weigh)

    async def weigh(self) -> list[Verdict]:
        """What the rules about several runs say, now that some have ended."""
        found: list[Verdict] = []
        while self._to_weigh:
            pair, (rule, run) = next(iter(self._to_weigh.items()))
            known = await self._database.read(partial(recent.known, rule=rule, run=run))
            # A later end that came meanwhile is asked of by itself.
            if self._to_weigh.get(pair) == (rule, run):
                del self._to_weigh[pair]
            key = conditions.key_of(rule.name, run.task_name)
            found.append((key, conditions.judge(rule, run, known)))
        if self._unasked:
            log.error("rules are asked of every run again", unasked=self._unasked)
            self._unasked = 0
        return found

    @property
    def is_due(self) -> bool:
        """A minute has passed, and a rule looks at the time."""
        passed_ms = self._clock.monotonic_ms() - self._looked_ms
        return bool(self._of_time) and passed_ms >= LOOK_EVERY_MS

    async def look(self) -> list[Verdict]:
        """What the rules about silence and series say now."""
        self._looked_ms = self._clock.monotonic_ms()
        self._heed_jump()
        now_ms = self._clock.now_ms()
        found = list(self._look_for_silence(now_ms))
        for rule in self._of_time:
            if rule.shape == "metric":
                found += await self._look_at_series(rule, now_ms)
        return found

    def _look_for_silence(self, now_ms: int) -> Iterator[Verdict]:
        if self._clock.monotonic_ms() - self._began_ms < SETTLE_MS:
            return
        for rule in self._silence:
            for name in self._names(rule):
                task = self._roster.get(name)
                if task is None:
                    continue
                key = conditions.key_of(rule.name, name)
                if not task.enabled or task.is_paused(now_ms):
                    yield key, None
                    continue
                since_ms = max(self._succeeded_ms.get(name, 0), task.updated_ms)
                yield key, conditions.silent(rule, name, since_ms=since_ms, now_ms=now_ms)

    async def _look_at_series(self, rule: AlertRule, now_ms: int) -> list[Verdict]:
        from_ms = now_ms - rule.for_s * 1000 - LOOK_BACK_MS
        read = partial(recent.readings, rule=rule, from_ms=from_ms, now_ms=now_ms)
        by_task = await self._database.read(read)
        names = {""} if rule.is_of_host else set(self._names(rule))
        return [
            (
                conditions.key_of(rule.name, name),
                conditions.of_readings(
                    rule, by_task.get(name, ()), task_name=name or None, now_ms=now_ms
                ),
            )
            for name in sorted(names)
        ]

    def _heed_jump(self) -> None:
        """A clock that was put elsewhere makes no silence longer, and none shorter."""
        apart_ms = self._clock.now_ms() - self._clock.monotonic_ms()
        jump_ms, self._apart_ms = apart_ms - self._apart_ms, apart_ms
        if abs(jump_ms) < JUMP_MS:
            return
        log.info("the wall clock was put elsewhere; silence is counted on", by_ms=jump_ms)
        for name, at_ms in self._succeeded_ms.items():
            task = self._roster.get(name)
            known_ms = max(at_ms, task.updated_ms if task else 0)
            self._succeeded_ms[name] = known_ms + jump_ms

    @property
    def _silence(self) -> tuple[AlertRule, ...]:
        return tuple(rule for rule in self._of_time if rule.shape == "silence")

    def _names(self, rule: AlertRule) -> Iterable[str]:
        return [task.task_name for task in self._roster.all() if _concerns(rule, task)]


def _concerns(rule: AlertRule, task: TaskRow) -> bool:
    return conditions.concerns(
        rule,
        task_name=task.task_name,
        category=task.definition.category,
        tags=task.definition.tags,
    )
