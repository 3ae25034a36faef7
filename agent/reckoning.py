"""By what clock is decided what is due, and what is done when it was wrong?"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from agent.agenda import Agenda
from agent.clock import Clock
from agent.deciding import cut_sum
from agent.log import log_of
from agent.patience import Patience
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules import calendar, schedule
from agent.rules.alerting import Trouble
from agent.rules.clocks import EARLIEST_MS, SHOWN_KINDS, Happening, judge_start
from agent.timekeeper import Timekeeper

log = log_of(__name__)


class Reckoning:
    """How far all is decided, and whether the clock may be trusted to decide more.

    `highest_ms` is up to when a clock once stood that was later than it should be.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        timekeeper: Timekeeper,
        recorder: Recorder,
        roster: Roster,
        agenda: Agenda,
        patience: Patience,
        boot_id: str,
        changed: Callable[[Iterable[str]], None],
    ) -> None:
        self._clock = clock
        self._timekeeper = timekeeper
        self._recorder = recorder
        self._roster = roster
        self._agenda = agenda
        self._patience = patience
        self._boot_id = boot_id
        self._changed = changed
        self.decided_until_ms = 0
        self.highest_ms = 0
        self.is_held = False  # nothing is decided by a clock that cannot be true
        self.knows_boot = False
        self.happening: Happening | None = None  # the last one that is worth showing

    async def look(self, asked_ms: int | None) -> Sequence[Happening] | None:
        """What happened to the clocks since the last look; None while they cannot be trusted.

        `asked_ms` is how long the loop meant to sleep since then.
        """
        self._timekeeper.look(asked_ms=asked_ms)
        happened = self._timekeeper.take()
        # A wrong clock may also be put right in steps too small to be seen.
        if happened or (self.is_held and self._clock.now_ms() >= EARLIEST_MS):
            await self._react(happened)
        return None if self.is_held else happened

    def note_sleep(self) -> None:
        """The loop goes to sleep: what happened while it was at work is no fault of that."""
        self._timekeeper.look()

    async def begin(self) -> None:
        """Decide whether this clock can be true, and what it means for what was decided before."""
        decided_ms = self.decided_until_ms or None
        beginning = judge_start(decided_ms, self._clock.now_ms(), is_new_boot=False)
        was_held = self.is_held
        self.is_held = beginning.verdict == "hold"
        if self.is_held:
            if not was_held:
                await self._tell([beginning.happening])
            return
        booted_ms = None
        if not self.knows_boot:
            booted_ms = await self._patience.until_recorded(
                partial(self._recorder.booted, self._boot_id)
            )
        if booted_ms is not None:
            self._agenda.boots = (*self._agenda.boots, booted_ms)
            now_ms = self._clock.now_ms()
            beginning = judge_start(decided_ms, now_ms, is_new_boot=True)
        if beginning.verdict == "correct" and beginning.happening is not None:
            await self._correct(beginning.happening)
        else:
            await self._tell([beginning.happening])

    async def _react(self, happened: Sequence[Happening]) -> None:
        """Do what the clocks demand before anything is decided by them."""
        if self.is_held:
            await self._tell(happened)
            await self.begin()
            self._agenda.plan_all()
            return
        for one in happened:
            if one.kind == "clock_corrected":
                await self._correct(one)
            else:
                self.is_held = self.is_held or one.kind == "clock_wrong"
                await self._tell([one])

    async def _tell(self, happened: Sequence[Happening | None]) -> None:
        told = [one for one in happened if one is not None]
        for one in told:
            self._note(one)
        if told:
            await self._patience.until_recorded(partial(self._recorder.happened, told))

    def _note(self, one: Happening) -> None:
        log.warning(one.message, kind=one.kind, size_ms=one.size_ms)
        if one.kind in SHOWN_KINDS:
            self.happening = one

    async def _correct(self, happening: Happening) -> None:
        """The clock stood too late and was put right: go on from now.

        Moments that ran keep their rows and do not run again; rows that tell of moments to come
        as missed or skipped are withdrawn, and sums that reach beyond now end now.
        """
        now_ms = happening.at_ms
        self.highest_ms = max(
            self.highest_ms, self.decided_until_ms, *self._agenda.watermarks.values(), now_ms
        )
        self._note(happening)
        withdrawn = await self._patience.until_recorded(
            partial(
                self._recorder.correct,
                happening,
                highest_ms=self.highest_ms,
                cut=partial(cut_sum, now_ms=now_ms, boots=self._agenda.boots),
            )
        )
        log.warning("moments that had not come were taken back", count=withdrawn.count)
        await self._patience.until_recorded(
            partial(
                self._recorder.alert,
                Trouble(
                    dedupe_key="clock_corrected",
                    kind="clock_corrected",
                    severity="high",
                    title="The clock was put right by hours",
                    message=happening.message,
                ),
            )
        )
        self.decided_until_ms = min(self.decided_until_ms, now_ms)
        self._agenda.watermarks = {}
        await self._patience.until_recorded(self._roster.load)
        self._plan_all_anew()

    async def heed_zones(self, *, at_once: bool) -> None:
        """Where the rules of the zones were replaced, reckon moments to come by the new ones."""
        if not self._timekeeper.have_zones_changed(at_once=at_once):
            return
        schedule.forget()
        calendar.forget()
        happening = Happening(
            kind="zones_changed",
            size_ms=0,
            at_ms=self._clock.now_ms(),
            message="The time zone data was replaced; all due moments were reckoned anew.",
        )
        await self._patience.until_recorded(partial(self._recorder.happened, [happening]))
        self._plan_all_anew()

    def _plan_all_anew(self) -> None:
        self._agenda.plan_all()
        self._changed([task.task_name for task in self._roster.all()])
