"""What may wait is really caused too, and its mail found in a real server when its time is over.

Nobody waits an hour for that: the agent that saw the trouble is stopped, and a courier whose clock
is ahead works off what that one has left.
"""

import os
import signal
from pathlib import Path

from agent.clock import SystemClock
from agent.courier import Courier
from agent.recorder import Recorder
from agent.settings import load_settings
from tests.journeys.household import Household, end, until
from tests.postoffice import Sink, let_mail, mail_server

MINUTE_MS = 60_000
QUICK_RUNS = 11
WAITING = 51


class Ahead(SystemClock):
    """The clock of the host, so many minutes ahead."""

    def __init__(self, minutes: float) -> None:
        self._ahead_ms = round(minutes * MINUTE_MS)

    def now_ms(self) -> int:
        return super().now_ms() + self._ahead_ms


def a_task(name: str, command: str, priority: int) -> str:
    return (
        f'task_name = "{name}"\nschedule = "0 0 1 1 *"\nmax_retries = 0\n'
        f"priority = {priority}\nshell = 'always'\ncommand = '''{command}'''"
    )


def run(household: Household, name: str, status: str, *, times: int = 1) -> None:
    """Let it run so often, one run after the other."""
    for _ in range(times):
        known = len(household.runs(name, status))
        with household.caller() as agent:
            household.order(agent, name)
        household.wait_for(name, status, count=known + 1)


def lose_a_run(household: Household) -> None:
    """Agent, keeper and the run itself die at once: nobody saw how it ended."""
    agent = household.agents[-1]
    with household.caller() as caller:
        household.order(caller, "gone")
    household.wait_for("gone", "running")
    keeper, living = household.own_keeper(agent), household.run_processes()
    assert keeper
    os.kill(keeper, signal.SIGSTOP)
    agent.kill()
    agent.wait()
    end([keeper, *living])
    household.serve()
    household.wait_for("gone", "lost")


def pile_up(household: Household) -> None:
    """One run holds the only slot, and all the others wait for it."""
    with household.caller() as agent:
        household.order(agent, "blocker")
        household.wait_for("blocker", "running")
        for number in range(WAITING):
            household.order(agent, f"waits-{number:02}")


async def tell(household: Household, *, minutes: float) -> None:
    """What an agent would tell so many minutes from now."""
    clock, settings = Ahead(minutes), load_settings(household.home)
    courier = Courier(
        clock=clock,
        database=household.database,
        recorder=Recorder(household.database, clock, lambda _shown: None),
        mail=settings.mail,
        password=None,
        agent="shop",
        mask=lambda text: text,
        is_away=lambda: False,
    )
    await courier.work_off()


async def test_what_is_high_is_told_within_15_minutes_and_what_is_medium_within_an_hour(
    bare: Household, made: Path, tmp_path: Path
) -> None:
    household, count = bare.copy(made, max_running=1), tmp_path / "count"
    slower = f"echo >> {count}; [ $(wc -l < {count}) -le {QUICK_RUNS} ] || sleep 6"
    with mail_server() as sink:
        cause_all(household, sink, slower)

        await tell(household, minutes=14 - minutes_since_the_first(household))
        early = list(sink.mails)
        await tell(household, minutes=16)
        high = sink.text()
        await tell(household, minutes=61)

    assert early == []
    assert [str(mail["Subject"]).split("] ")[1].split(":")[0] for mail in sink.mails] == [
        "high",
        "medium",
    ]
    medium = sink.text().removeprefix(high)
    for words in ("second failed", "often failed, 3 times in a row", "gone was lost", "Memory"):
        assert words in high, high
    for words in ("third failed", "slower is slower than usual", "Runs pile up"):
        assert words in medium, medium
        assert words not in high


def minutes_since_the_first(household: Household) -> float:
    """How long ago did the first of the troubles come: to cause all of them takes a while."""
    first_ms: int = min(alert["opened_ms"] for alert in household.json("alerts", "list", "--all"))
    return (SystemClock().now_ms() - first_ms) / MINUTE_MS


def kinds(household: Household) -> set[str]:
    """What sorts of alerts are open."""
    return {alert["kind"] for alert in household.json("alerts", "list")}


def cause_all(household: Household, sink: Sink, slower: str) -> None:
    """Let an agent meet all of these troubles, then stop."""
    let_mail(household.calm(but="memory").home, sink)
    with household.home.settings_file.open("a") as settings:
        # Any host uses more than that: a real reading above its limit.
        settings.write("[health.limits.memory]\nwarn = 0.001\nfor_s = 0\n")
    household.apply(
        a_task("second", "exit 3", 2),
        a_task("often", "exit 3", 3),
        a_task("third", "exit 3", 3),
        a_task("gone", "sleep 600", 3),
        a_task("slower", slower, 3),
        a_task("blocker", "sleep 600", 3),
        *(a_task(f"waits-{number:02}", "true", 3) for number in range(WAITING)),
    )
    household.serve()
    run(household, "second", "error")
    run(household, "often", "error", times=3)
    run(household, "third", "error")
    run(household, "slower", "success", times=QUICK_RUNS + 1)
    lose_a_run(household)
    pile_up(household)
    wanted = {"task_failed", "task_lost", "task_slower", "queue_backlog", "resources_high"}
    found = kinds(household)
    until(lambda: wanted <= kinds(household), f"all alerts, not only {found}", within_s=120)
    assert household.stop(household.agents[-1]) == 0
    end(household.run_processes())
