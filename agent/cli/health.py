"""Commands that look at the agent from outside: health and status."""

import sys
import time
from functools import partial
from typing import Final

import click
from rich.live import Live

from agent.cli import say
from agent.cli.alerting import tell_stopped
from agent.cli.session import Session, json_option, pass_session
from agent.cli.watch import overview, take
from agent.errors import AgentError, StorageError
from agent.health import probes
from agent.health.probes import Reading
from agent.rules.clocks import SHOWN_KINDS
from agent.rules.thresholds import CRIT, OK, UNKNOWN, judge
from agent.store import events, state

CHECKS: Final = ("clock", "database", "disk", "memory", "cpu", "logs", "master_runner")
WATCH_EVERY_S = 1.0
CPU_OVER_S = 0.2


@click.command()
@click.option("--only", multiple=True, type=click.Choice(CHECKS), help="May be given again.")
@click.option("--alert", "alerts", is_flag=True, help="Raise and mail it when the agent is dead.")
@json_option
@pass_session
def health(session: Session, only: tuple[str, ...], alerts: bool, as_json: bool) -> None:
    """Run the health checks in this process, so that a dead agent is noticed.

    Ends with 1 when a check is critical. For crontab: */5 * * * * smartcron-agent health --alert

    \b
    Example:  smartcron-agent health --only disk --json
    """
    wanted = only or CHECKS
    found = [reading for reading in _readings(session) if reading.id in wanted]
    judged = [(reading, judge(reading.value, reading.threshold, before=OK)) for reading in found]
    faults = [reading for reading, verdict in judged if _is_fault(reading, verdict)]
    dead = next((one for one in faults if one.id == "master_runner"), None)
    if alerts and dead is not None and all(one.id != "database" for one in faults):
        tell_stopped(session, dead.message)
    if as_json:
        say.json_out(
            {
                "ok": not faults,
                "checks": [
                    {
                        "id": reading.id,
                        "name": reading.name,
                        "state": verdict,
                        "value": reading.value,
                        "unit": reading.unit,
                        "message": reading.message,
                    }
                    for reading, verdict in judged
                ],
            }
        )
    else:
        if not faults:
            say.good("All health checks passed")
        for reading, verdict in judged:
            if _is_fault(reading, verdict):
                say.bad(f"{reading.name}: {verdict}, {reading.message}")
            elif verdict == OK:
                say.good(f"{reading.name}: OK")
            else:
                click.echo(f"! {reading.name}: {verdict}, {reading.message}")
    if faults:
        sys.exit(1)


@click.command()
@click.option("--watch", is_flag=True, help="Stay and show it live until Ctrl+C.")
@json_option
@pass_session
def status(session: Session, watch: bool, as_json: bool) -> None:
    """What runs now, what failed, what comes next.

    \b
    Example:  smartcron-agent status --watch
    """
    with session.database() as database:
        if as_json:
            say.json_out(take(database, session))
            return
        if not watch:
            console = say.console()
            console.print(overview(take(database, session), width=console.width, height=None))
            return
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


def _readings(session: Session) -> list[Reading]:
    cpu = probes.Cpu()
    time.sleep(CPU_OVER_S)
    readings = [probe() for probe in probes.host_probes(session.home, cpu)]
    try:
        with session.database() as database:
            started = time.monotonic()
            beat = database.read_now(state.last_beat)
            latency_ms = (time.monotonic() - started) * 1000
            last = database.read_now(partial(events.newest, kinds=SHOWN_KINDS))
    except (StorageError, AgentError) as error:
        readings.append(probes.clock(None, _now_ms()))
        readings.append(probes.database(None, fault=str(error)))
        readings.append(probes.master_runner(None, is_known=False))
        return readings
    readings.append(probes.database(latency_ms))
    now_ms = _now_ms()
    readings.append(probes.clock(last, now_ms))
    readings.append(probes.master_runner(None if beat is None else now_ms - beat.at_ms))
    return readings


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _is_fault(reading: Reading, verdict: str) -> bool:
    if reading.id == "cpu":
        return False  # one short look says nothing of how busy the host is for long
    return verdict == CRIT or (verdict == UNKNOWN and reading.id in ("database", "master_runner"))


COMMANDS: Final = (health, status)
