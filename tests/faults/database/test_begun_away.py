"""The agent begins while its database is away: it runs what is due, and nothing twice."""

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.store import journal, state, tasks
from agent.store.database import Database
from agent.store.standby import Copy
from agent.store.state import Holder
from shared.protocol import requests, rows
from tests.agent.store.makings import a_task
from tests.faults.database.proxy import Proxy
from tests.faults.database.test_server_away import (
    MAILED_S,
    PASSWORD,
    REPLAY_S,
    USER,
    Site,
    known_to,
)
from tests.journeys.household import WAIT_S, Household, until
from tests.journeys.test_agent_kill_loop import finish, hold_against, seeded, start_tasks, told
from tests.mariadb import served
from tests.postoffice import Sink, let_mail, mail_server

BACK = "the database is back; what was due before the agent began is decided"
AWAY = "beginning without the database, with what was known of it"


@pytest.fixture
def site(bare: Household) -> Iterator[Site]:
    with served() as server, Proxy("127.0.0.1", server.port) as proxy:
        server.say(
            "CREATE DATABASE smartcron_1 CHARACTER SET utf8mb4",
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON smartcron_1.* TO '{USER}'@'127.0.0.1'",
        )
        url = f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{proxy.port}/smartcron_1"
        yield Site(server, proxy, bare.prepare(database_url=url))
        bare.leave()


def has_more(site: Site, before: int) -> bool:
    return told(site.household.root / "truth")[0].total() > before + 6


def more_runs(site: Site) -> None:
    before = told(site.household.root / "truth")[0].total()
    until(partial(has_more, site, before), "more runs")


def end_clean(site: Site, agent: subprocess.Popen[bytes]) -> None:
    """All is told, and the ledger holds what the tasks say of themselves."""
    until(lambda: BACK in site.household.said(), "a word of its return", within_s=REPLAY_S)
    until(lambda: not site.kept(), "the replay", within_s=REPLAY_S)
    finish(site.household, agent)
    hold_against(site.household, site.household.root / "truth")
    assert journal.refused(site.household.home.journal_file) == ()


@pytest.mark.parametrize("way", ["refused", "killed", "frozen", "read_only"])
def test_an_agent_that_begins_without_its_database_runs_what_is_due_and_nothing_twice(
    site: Site, way: str
) -> None:
    household, chance = site.household, seeded()
    start_tasks(household)
    agent = household.serve()
    more_runs(site)
    time.sleep(chance.uniform(0.0, 1.5))  # somewhere between two copies
    household.kill(agent)

    with getattr(site, way)():
        for _ in range(3):
            agent = household.serve()
            more_runs(site)
            with household.caller() as caller:
                found = caller.call(requests.Sync(scope=rows.STATE), rows.Delta).rows.agent
            if way != "read_only":  # there all goes well until something is written
                assert found is not None
                assert found.database_away_since_ms, "told from the start"
            time.sleep(chance.uniform(0.0, 1.0))
            household.kill(agent)
        agent = household.serve()
        until(site.kept, "a write that is kept")

    end_clean(site, agent)


def test_whoever_begins_after_one_that_never_met_the_database_puts_right_what_that_left(
    site: Site,
) -> None:
    household = site.household
    start_tasks(household)
    agent = household.serve()
    more_runs(site)
    household.kill(agent)
    with site.refused():
        agent = household.serve()
        more_runs(site)
        household.kill(agent)

    agent = household.serve()

    end_clean(site, agent)
    assert household.said().count(AWAY) == 2


def test_what_lies_in_the_spool_of_recorded_runs_goes_once_the_database_is_back(
    site: Site,
) -> None:
    household = site.household
    start_tasks(household)
    agent = household.serve()
    more_runs(site)
    until(lambda: any(run.log_file for run in household.runs()), "a run whose output is kept")
    household.kill(agent)
    recorded = next(run for run in household.runs() if run.log_file is not None)
    left = household.home.spool / f"{recorded.id}.out"
    left.write_text("as of an agent that died before it cleared this away\n")
    with site.refused():
        agent = household.serve()
        more_runs(site)
        is_there_while_away = left.exists()

    until(lambda: not left.exists(), "a spool that was cleared away")

    end_clean(site, agent)
    assert is_there_while_away


def test_single_passes_without_the_database_decide_each_moment_once(site: Site) -> None:
    household = site.household
    start_tasks(household)
    agent = household.serve()
    more_runs(site)
    household.kill(agent)
    with site.refused():
        passes = [household.run("tick", "--one-shot") for _ in range(3)]
        kept = site.kept()

    agent = household.serve()

    end_clean(site, agent)
    assert kept > 3
    assert [one.returncode for one in passes] == [0, 0, 0], passes[0].stderr
    assert "away" in passes[0].stdout


def test_what_was_changed_elsewhere_while_it_was_away_counts_once_it_is_back(site: Site) -> None:
    household = site.household
    start_tasks(household)
    agent = household.serve()
    more_runs(site)
    household.kill(agent)
    with site.refused():
        elsewhere = Database.open(site.server.url("smartcron_1"))
        definition = a_task("made_elsewhere", schedule=("@every 1s",), command=("/bin/true",))
        elsewhere.write_now(
            partial(
                tasks.apply,
                definitions=[definition],
                who="somebody",
                why="",
                now_ms=time.time_ns() // 1_000_000,
            )
        )
        elsewhere.close()
        agent = household.serve()
        more_runs(site)

    household.wait_for("made_elsewhere", "success", count=2)
    household.cli("tasks", "disable", "made_elsewhere")
    end_clean_of_ours(site, agent)


def end_clean_of_ours(site: Site, agent: subprocess.Popen[bytes]) -> None:
    until(lambda: not site.kept(), "the replay", within_s=REPLAY_S)
    household = site.household
    household.cli("tasks", "disable", *{run.task_name for run in household.runs()})
    until(lambda: not household.live(), "the end of every run")
    assert household.stop(agent) == 0
    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked


def a_failing_task(name: str, flag: Path) -> str:
    """It fails as soon as there is such a file, and says that it did in another one."""
    return (
        f'task_name = "{name}"\nschedule = "@every 1s"\nmax_retries = 0\npriority = 3\n'
        f"shell = 'always'\ncommand = 'test ! -e {flag} || {{ echo x >> {flag}.{name}; exit 3; }}'"
    )


def lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_own_rules_windows_and_checks_hold_though_it_is_away_from_the_start(site: Site) -> None:
    household = site.household
    flag = household.root / "fire"
    household.apply(a_failing_task("loud", flag), a_failing_task("hushed", flag))
    with mail_server() as sink:
        let_mail(household.home, sink)
        agent = household.serve()
        title = "title={task} burns"
        household.cli(
            "alerts", "rules", "add", "burns", "exit_status=3", "severity=critical", title
        )
        household.cli("alerts", "mute", "add", "--task", "hushed", "--for", "2h", "--reason", "x")
        script = f"test ! -e {flag} || {{ echo 'it burns'; exit 2; }}"
        when = ("--severity", "critical", "--every=10", "--timeout=5")
        household.cli("checks", "add", "fire", script, *when)
        until(partial(holds_all, household), "a copy of all that")
        household.kill(agent)

        with site.refused():
            flag.touch()
            agent = household.serve()
            for words in ("loud burns", "Check fire is critical"):
                until(partial(is_told, sink, words), f"mail: {words}", within_s=MAILED_S)
            until(lambda: lines(Path(f"{flag}.hushed")) > 2, "runs of the muted task")
            while_away = sink.text()
        household.stop(agent)

    assert "hushed burns" not in while_away


def test_what_people_know_is_open_is_not_told_anew_though_it_is_away_from_the_start(
    site: Site,
) -> None:
    household = site.household
    flag = household.root / "fire"
    household.apply(a_failing_task("loud", flag), a_failing_task("late", Path(f"{flag}.late")))
    copy = Copy(household.home.journal_file.parent)
    with mail_server() as sink:
        let_mail(household.home, sink)
        agent = household.serve()
        title = "title={task} burns"
        household.cli(
            "alerts", "rules", "add", "burns", "exit_status=3", "severity=critical", title
        )
        flag.touch()
        until(
            lambda: any(alert.told and alert.task_name == "loud" for alert in copy.read_alerts()),
            "a copy of the alert, and that it was told",
            within_s=MAILED_S,
        )
        # It is known as told as soon as its mail is to go.
        until(partial(is_told, sink, "loud burns"), "the mail of the first", within_s=MAILED_S)
        household.kill(agent)
        before = sink.text().count("loud burns")

        with site.refused():
            agent = household.serve()
            again = lines(Path(f"{flag}.loud")) + 3
            until(lambda: lines(Path(f"{flag}.loud")) > again, "more of the same")
            Path(f"{flag}.late").touch()
            until(partial(is_told, sink, "late burns"), "the mail of the new", within_s=MAILED_S)
            after = sink.text().count("loud burns")
        household.stop(agent)

    assert before > 0
    assert after == before


def is_told(sink: Sink, words: str) -> bool:
    return words in sink.text()


def holds_all(household: Household) -> bool:
    known = known_to(household)
    return known is not None and all((known.rules, known.mutes, known.own_checks))


def held(database: Database) -> Holder:
    found = database.read_now(state.held_by)
    assert found is not None
    return found


def test_an_agent_whose_database_was_taken_by_another_meanwhile_stops(site: Site) -> None:
    household = site.household
    start_tasks(household)
    agent = household.serve()
    more_runs(site)
    household.kill(agent)
    with site.refused():
        agent = household.serve()
        more_runs(site)
        other = Holder(agent_id="another", host="elsewhere", at_ms=SystemClock().now_ms())
        elsewhere = Database.open(site.server.url("smartcron_1"))
        elsewhere.write_now(partial(state.let_go, holder=held(elsewhere)))
        elsewhere.write_now(partial(state.hold, holder=other))
        elsewhere.close()

    assert agent.wait(WAIT_S) == 0
    assert "stopping: another agent has taken the database" in household.said()
    assert site.kept(), "nothing is told to a database that another agent works on"


def test_a_database_that_is_wrong_or_was_never_reached_is_refused_as_ever(site: Site) -> None:
    household = site.household
    with site.refused():
        never = household.run("serve")
    start_tasks(household)
    agent = household.serve()
    more_runs(site)
    household.stop(agent)
    with site.another_password():
        wrong = household.run("serve")

    assert (never.returncode, wrong.returncode) == (1, 1)
    assert "does not answer" in never.stderr
    assert "refuses user" in wrong.stderr
    errors = (household.home.logs / "errors.log").read_text()
    assert errors.count("the agent does not serve") == 2
    assert PASSWORD not in errors


def test_a_file_that_another_program_holds_keeps_no_agent_from_beginning(
    household: Household,
) -> None:
    truth = start_tasks(household)
    agent = household.serve()
    until(lambda: told(truth)[0].total() > 6, "some runs")
    household.kill(agent)
    with closing(sqlite3.connect(household.home.database_file, isolation_level=None)) as other:
        until(partial(has_begun, other), "the file")
        agent = household.serve()
        before = told(truth)[0].total()
        until(lambda: told(truth)[0].total() > before + 6, "more runs")
        other.execute("COMMIT")
    until(lambda: BACK in household.said(), "a word of its return", within_s=REPLAY_S)
    until(lambda: not journal.look(household.home.journal_file).number, "the replay")
    finish(household, agent)

    hold_against(household, truth)


def has_begun(other: sqlite3.Connection) -> bool:
    with suppress(sqlite3.OperationalError):
        other.execute("BEGIN IMMEDIATE")
        return True
    return False
