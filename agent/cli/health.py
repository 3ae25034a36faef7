"""Commands that look at the agent from outside: health and status."""

import sys
import time
from collections.abc import Iterable
from functools import partial
from typing import Final

import click
import msgspec
from rich.live import Live

from agent.cli import gone, restarting, say, untold
from agent.cli.alerting import tell_back, tell_stopped
from agent.cli.session import Session, json_option, pass_session
from agent.cli.watch import overview, take
from agent.errors import AgentError, StorageError, WrongUse
from agent.health import databases, disks, probes
from agent.health.disks import Disks, Mount, Room
from agent.health.probes import Reading
from agent.ownchecks import OwnCheck
from agent.rules.clocks import SHOWN_KINDS
from agent.rules.thresholds import CRIT, OK, UNKNOWN, at_first_sight, judge, with_limit
from agent.rules.verdicts import BAD, DOUBTFUL, GOOD, Verdict, lines
from agent.store import checks, events, maintenance, ownchecks, state
from agent.store.checks import Check
from agent.store.database import Database
from agent.store.replication import replication
from agent.store.state import Heartbeat
from agent.tolerances import name_of

CHECKS: Final = (
    "clock", "database", "database_size", "disk", "disk_days", "inodes", "memory", "swap", "cpu",
    "logs", "master_runner", "replication",
)  # fmt: skip
"""Every host has these, but for swap and replication; those of one mount have its place behind."""
WATCH_EVERY_S = 1.0
CPU_OVER_S = 0.2
FRESH_S: Final = 150
"""What the agent found counts for so long; it writes once a minute."""


class Found(msgspec.Struct, frozen=True):
    """A reading and how bad it is; a fault is what the command ends with 1 for."""

    reading: Reading
    state: str

    @property
    def is_fault(self) -> bool:
        return self.verdict.is_fault

    @property
    def verdict(self) -> Verdict:
        """The same as it is said."""
        reading = self.reading
        message = say.harmless(reading.message)
        return Verdict(id=reading.id, name=reading.name, state=self.state, message=message)


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="May be given again; disk, cpu, ...")
@click.option("--alert", "alerts", is_flag=True, help="Raise and mail it when the agent is dead.")
@click.option("--restart", "restarts", is_flag=True, help="Start it again when it is dead.")
@click.option("--failed", "gave_up", is_flag=True, help="The service manager has given it up.")
@click.option(
    "--quiet", is_flag=True, help="Say nothing while nothing is critical: cron mails each word."
)
@json_option
@pass_session
def health(
    session: Session,
    only: tuple[str, ...],
    alerts: bool,
    restarts: bool,
    gave_up: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run the health checks in this process, so that a dead agent is noticed.

    Ends with 1 when a check is critical, also when that was mended by --restart. For crontab:
    */5 * * * * smartcron-agent health --alert --restart --quiet

    \b
    Example:  smartcron-agent health --only disk --json
    """
    look = _Look(session, gave_up=gave_up, fault=session.settle() if alerts else "")
    found = [look.judged(reading) for reading in _wanted(look.readings(), only)]
    faults = [one for one in found if one.is_fault]
    done = _mend(session, look, found, alerts=alerts, restarts=restarts)
    waits = _waiting(session, look, found) if restarts else []
    if as_json:
        say.json_out(
            {
                "ok": not faults,
                "done": done,
                "waits": waits,
                "checks": [
                    {
                        "id": one.reading.id,
                        "name": one.reading.name,
                        "state": one.state,
                        "value": one.reading.value,
                        "unit": one.reading.unit,
                        "message": one.reading.message,
                    }
                    for one in found
                ],
            }
        )
    else:
        if faults or not quiet:
            _say(found, quiet=quiet)
        for words in done:
            say.good(words)
        for words in waits:
            say.warn(words)
    if faults:
        sys.exit(1)


def _say(found: list[Found], *, quiet: bool) -> None:
    say_it = {GOOD: say.good, DOUBTFUL: say.warn, BAD: say.bad}
    for how, words in lines([one.verdict for one in found]):
        if how != GOOD or not quiet:
            say_it[how](words)


def _mend(
    session: Session, look: "_Look", found: list[Found], *, alerts: bool, restarts: bool
) -> list[str]:
    """Tell of an agent that is dead, start it again; what was done."""
    runner = next((one for one in found if one.reading.id == "master_runner"), None)
    if runner is None:
        return []
    done: list[str] = []
    if alerts and (told := _tell(session, look, runner)):
        done.append(f"Master runner: {told}")
    if restarts and runner.is_fault and look.is_reached:
        done.append(f"Master runner: {restarting.restart(session, look.beat)}")
    return done


def _waiting(session: Session, look: "_Look", found: list[Found]) -> list[str]:
    """What a restart that was asked for waits for; nothing where it was done, or is not needed."""
    is_dead = any(one.is_fault for one in found if one.reading.id == "master_runner")
    if look.is_reached or not is_dead:
        return []
    return [
        "Master runner: not started again while the database is away, which knows by what it is "
        "started; the next look that reaches it does it, and "
        f"`smartcron-agent --home {session.home.root} tick` starts one now"
    ]


def _tell(session: Session, look: "_Look", runner: Found) -> str:
    """Tell of an agent that is dead, or lives again, with its database or without; what was done.

    Told with the database, that is nothing new to whoever reads its alerts.
    """
    cause = look.cause
    try:
        if look.is_reached:
            with session.database() as database:
                gone.put_down(session.home, database)
            if runner.is_fault:
                tell_stopped(session, runner.reading.message)
            elif runner.state == OK:
                tell_back(session)
            return ""
    except StorageError as error:
        cause = str(error)  # it is read, and takes nothing
    if runner.state == OK:
        return gone.tell_over(session)
    return gone.tell(session, f"{runner.reading.message}; {cause}") if runner.is_fault else ""


def _wanted(found: Iterable[Reading], only: tuple[str, ...]) -> list[Reading]:
    readings = list(found)
    only = tuple(name_of(*name.split(":", 1)) for name in only)
    kinds = {reading.id.partition(":")[0] for reading in readings}
    for name in only:
        if name not in CHECKS and name not in kinds and all(one.id != name for one in readings):
            known = sorted({*CHECKS, *(reading.id for reading in readings)})
            raise WrongUse(f"--only {name}: there is no such check; known are {', '.join(known)}")
    return [
        reading
        for reading in readings
        if not only or reading.id in only or reading.id.partition(":")[0] in only
    ]


class _Look:
    """One look at everything; what it learned of the agent is needed to bring that one back."""

    def __init__(self, session: Session, *, gave_up: bool, fault: str) -> None:
        self._session = session
        self._gave_up = gave_up
        self._fault = fault  # of the settings, by which no agent can begin
        self.beat: Heartbeat | None = None
        self.is_reached = False
        """The database could be asked."""
        self.cause = ""
        """Why it could not."""
        self._known: dict[str, str] = {}  # what the agent found of late

    def judged(self, reading: Reading) -> Found:
        """How bad it is; of what must last before it counts, as the agent found it."""
        limit = with_limit(reading.threshold, self._session.settings.health.limit(reading.id))
        state = reading.state or judge(reading.value, limit, before=OK)
        known = self._known.get(reading.id)
        return Found(reading, at_first_sight(state, for_s=limit.for_s, known=known))

    def readings(self) -> list[Reading]:
        """Every reading there is."""
        found = self._readings()
        return [self._with_fault(one) for one in found] if self._fault else found

    def _with_fault(self, reading: Reading) -> Reading:
        """No agent begins by such settings: whoever reads that it is dead wants to know why."""
        if reading.id != "master_runner":
            return reading
        return msgspec.structs.replace(reading, message=f"{reading.message}; {self._fault}")

    def _readings(self) -> list[Reading]:
        session = self._session
        cpu = probes.Cpu()
        time.sleep(CPU_OVER_S)
        found = [cpu.look(), *probes.host_readings(session.home)]
        rooms = Disks(session.home.root, session.settings.health).look()
        try:
            with session.database() as database:
                return [*found, *self._with_database(database, rooms)]
        except (StorageError, AgentError) as error:
            self.cause = str(error)
            return [
                *found,
                *disks.readings(rooms, {}),
                probes.clock(None, _now_ms()),
                probes.database(None, fault=str(error)),
                restarting.look_without_database(session),
            ]

    def _of_database(self, latency_ms: float, now_ms: int) -> Reading:
        """It answers; whether it also takes what happens, the local journal knows."""
        reading = probes.database(latency_ms)
        trouble = untold.trouble(self._session.home, now_ms=now_ms)
        return msgspec.structs.replace(reading, state=CRIT, message=trouble) if trouble else reading

    def _with_database(
        self, database: Database, rooms: tuple[tuple[Mount, Room], ...]
    ) -> list[Reading]:
        started = time.monotonic()
        self.beat = database.read_now(state.last_beat)
        latency_ms = (time.monotonic() - started) * 1000
        last = database.read_now(partial(events.newest, kinds=SHOWN_KINDS))
        now_ms = _now_ms()
        days = {
            mount.place: disks.days_left(database.read_now(disks.course(mount, now_ms=now_ms)))
            for mount, _ in rooms
        }
        copied = database.read_now(replication)
        self.is_reached = True
        latest = {one.check_name: one for one in database.read_now(checks.latest)}
        self._known = {
            one.check_name: one.status
            for one in latest.values()
            if 0 <= now_ms - one.checked_ms <= FRESH_S * 1000
        }
        found = [
            *(
                own_reading(own, latest.get(own.check_name), now_ms=now_ms)
                for own in database.read_now(ownchecks.load_all)
            ),
            *disks.readings(rooms, days),
            probes.clock(last, now_ms),
            self._of_database(latency_ms, now_ms),
            databases.size(database.read_now(maintenance.size_bytes)),
        ]
        if copied is not None:
            found.append(databases.replication(copied))
        found.append(
            restarting.look(self._session, self.beat, now_ms=now_ms, gave_up=self._gave_up)
        )
        return found


def own_reading(own: OwnCheck, last: Check | None, *, now_ms: int) -> Reading:
    """What the agent found last by a check of the owner's own; not known when that is long ago."""
    age_s = None if last is None else (now_ms - last.checked_ms) / 1000
    is_fresh = age_s is not None and age_s <= own.late_s
    message = "not looked at yet" if last is None else last.message
    if last is not None and not is_fresh:
        message = f"last looked at {age_s:.0f} s ago: {message}"
    return Reading(
        id=own.check_name,
        name=own.title,
        kind=own.kind,
        value=None if last is None else last.value,
        unit="" if last is None or last.unit is None else last.unit,
        message=message,
        threshold=probes.LEVEL,
        state=last.status if last is not None and is_fresh else UNKNOWN,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@click.command()
@click.option("--watch", is_flag=True, help="Stay and show it live until Ctrl+C.")
@json_option
@pass_session
def status(session: Session, watch: bool, as_json: bool) -> None:
    """What runs now, what failed, what comes next.

    Ends with 0 when all is well; 1 when something needs attention: a task fails or is invalid, an
    alert is open, the agent is silent; 2 when no agent serves.

    \b
    Examples:
      smartcron-agent status --watch
      smartcron-agent status > /dev/null || echo "look at it"
    """
    with session.database() as database:
        if as_json or not watch:
            picture = take(database, session)
            console = say.console()
            if as_json:
                say.json_out(picture)
            else:
                console.print(overview(picture, width=console.width, height=None))
            sys.exit(picture.exit_status)
        console = say.console()
        with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
            try:
                while True:
                    live.update(
                        overview(
                            take(database, session), width=console.width, height=console.height
                        ),
                        refresh=True,
                    )
                    time.sleep(WATCH_EVERY_S)
            except KeyboardInterrupt:
                return


COMMANDS: Final = (health, status)
