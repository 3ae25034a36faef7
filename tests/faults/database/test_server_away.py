"""The database goes away in every way it can: runs go on, and afterwards the ledger has them all.

The tasks write down themselves what they do; at the end the ledger is held against these notes.
"""

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path

import pymysql
import pytest

from agent.errors import Refused
from agent.runs import Run
from agent.settings import load_settings
from agent.store import journal
from agent.store.engines import name_of, read_url
from agent.store.standby import Copy, Known
from agent.wire.caller import Caller, new_op
from shared.protocol import requests, rows
from tests.faults.database.proxy import Proxy
from tests.journeys.household import Household, until
from tests.journeys.test_agent_kill_loop import finish, hold_against, seeded, start_tasks
from tests.mariadb import Server, served
from tests.postoffice import Sink, let_mail, mail_server
from tests.pulse import Pulse, stretched

OUTAGES = int(os.environ.get("SMARTCRON_OUTAGES", "14"))
TIMEOUT_S = max(600, 50 * OUTAGES)
LATE_MS = 2_000
"""What an outage may cost a start, beside what the host itself lets it wait."""
REPLAY_S = 180.0
"""A server that is starved by others answers too late again and again."""
MAILED_S = 150.0
"""A minute lies between two critical mails of one agent."""
PASSWORD = "only-for-tests"
USER = "smartcron"


class Site:
    """One server, a proxy before it, and an agent that reaches it only through that."""

    def __init__(self, server: Server, proxy: Proxy, household: Household) -> None:
        self.server = server
        self.proxy = proxy
        self.household = household
        self.agent: subprocess.Popen[bytes] | None = None
        self.agent_lives = False
        self.absences: list[tuple[float, float]] = []  # when no agent was there, in ms

    def kept(self) -> int:
        """How much waits in the local journal."""
        return journal.look(self.household.home.journal_file).number

    def serve(self) -> None:
        self.agent = self.household.serve()
        self.agent_lives = True

    def was_absent(self, run: Run) -> bool:
        """No agent was there when it was due, or the keeper began again just then."""
        return any(from_ms - 1_000 <= run.scheduled_ms <= to_ms for from_ms, to_ms in self.absences)

    # Faults: each is there while its block lasts

    @contextmanager
    def refused(self) -> Iterator[None]:
        self.proxy.refuse()
        yield
        self.proxy.open()

    @contextmanager
    def cut(self) -> Iterator[None]:
        self.proxy.cut()
        yield

    @contextmanager
    def frozen_network(self) -> Iterator[None]:
        self.proxy.freeze(True)
        yield
        self.proxy.freeze(False)

    @contextmanager
    def slow(self) -> Iterator[None]:
        self.proxy.slow(3.0)
        yield
        self.proxy.slow(0.0)

    @contextmanager
    def commits_without_answer(self) -> Iterator[None]:
        before = self.proxy.commits_lost
        self.proxy.lose_commits(3)
        yield
        until(lambda: self.proxy.commits_lost > before, "a commit whose answer is lost")
        self.proxy.lose_commits(0)

    @contextmanager
    def killed(self) -> Iterator[None]:
        self.server.kill()
        yield
        self.server.start()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.server.end()
        yield
        self.server.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        self.server.freeze()
        yield
        self.server.thaw()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        self.server.say("SET GLOBAL read_only = 1")
        yield
        self.server.say("SET GLOBAL read_only = 0")

    @contextmanager
    def without_connections(self) -> Iterator[None]:
        self.server.say("SET GLOBAL max_connections = 10")
        self.proxy.refuse()
        with ExitStack() as taken:
            with suppress(pymysql.err.OperationalError):
                while True:
                    taken.enter_context(self.server.connect())
            self.proxy.open()
            yield
        self.server.say("SET GLOBAL max_connections = 100")

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self.server.connect(database="smartcron_1") as holder, holder.cursor() as cursor:
            cursor.execute("LOCK TABLES smart_cron_executions WRITE")
            yield
            cursor.execute("UNLOCK TABLES")

    @contextmanager
    def another_password(self) -> Iterator[None]:
        user = f"'{USER}'@'127.0.0.1'"
        self.server.say(f"ALTER USER {user} IDENTIFIED BY 'another'")
        self.proxy.cut()
        yield
        self.server.say(f"ALTER USER {user} IDENTIFIED BY '{PASSWORD}'")

    @contextmanager
    def without_a_table(self) -> Iterator[None]:
        self.server.say("RENAME TABLE smartcron_1.smart_cron_executions TO smartcron_1.aside")
        yield
        self.server.say("RENAME TABLE smartcron_1.aside TO smartcron_1.smart_cron_executions")

    @contextmanager
    def agent_killed(self) -> Iterator[None]:
        """The agent dies while what it did is known to its journal alone."""
        assert self.agent is not None
        self.proxy.refuse()
        until(self.kept, "a write that is kept")
        began = time.time()
        self.household.kill(self.agent)
        # Nobody starts anything now, and what lived may have ended before.
        self.agent_lives = False
        yield
        self.proxy.open()
        self.serve()
        self.absences.append((began * 1000, time.time() * 1000))


NETWORK = ("refused", "cut", "frozen_network", "slow", "commits_without_answer")
SERVER = ("killed", "stopped", "frozen", "read_only", "without_connections", "locked")
RIGHTS = ("another_password", "without_a_table")
FAULTS = (*NETWORK, *SERVER, *RIGHTS, "agent_killed")
PASSING = ("cut", "commits_without_answer")
"""The next connection is sound again: whether a write had to be kept is a matter of luck."""


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


def in_turn(chance: random.Random) -> Iterator[str]:
    """Every fault equally often, in an order of chance."""
    while True:
        yield from chance.sample(FAULTS, len(FAULTS))


def has_grown(file: Path, before: int) -> bool:
    return file.stat().st_size > before


# The driver leaves the socket open of a connection that was refused.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(TIMEOUT_S)
def test_whatever_the_database_does_no_run_is_lost_or_doubled(site: Site) -> None:
    chance = seeded()
    truth = start_tasks(site.household)
    site.serve()
    begun = Counter[str]()

    before_it = stretched()
    with Pulse() as pulse:
        for kind in islice(in_turn(chance), OUTAGES):
            before = truth.stat().st_size
            with getattr(site, kind)():
                if site.agent_lives:
                    until(partial(has_grown, truth, before), f"runs that go on ({kind})")
                if kind not in PASSING:
                    until(site.kept, f"a write that is kept, so that it is an outage ({kind})")
                time.sleep(chance.uniform(0.0, 3.0))  # how long it lasts is what is tried here
            begun[kind] += 1
            if chance.random() < 0.6:
                until(lambda: not site.kept(), f"the replay ({kind})", within_s=REPLAY_S)
        until(lambda: not site.kept(), "the last replay", within_s=REPLAY_S)
    host = max(before_it, stretched())

    assert site.agent is not None
    finish(site.household, site.agent)
    hold_against(site.household, truth)
    late_ms = sorted(
        run.late_ms
        for run in site.household.runs()
        if run.late_ms is not None and run.trigger == "schedule" and not site.was_absent(run)
    )
    noticed = site.household.said().count("the database does not take what happens")
    print(  # noqa: T201 - what it came to
        f"faults {begun.total()}, outages {noticed}, commits without answer "
        f"{site.proxy.commits_lost}; runs {len(late_ms)}, late by {late_ms[len(late_ms) // 2]} ms "
        f"(half), {late_ms[-1]} ms (all); the host itself {pulse.worst_ms:.0f} ms"
    )
    refused = journal.refused(site.household.home.journal_file)
    assert refused == (), "what was kept was not taken"
    assert late_ms[-1] < LATE_MS * host + pulse.worst_ms
    assert len(late_ms) > OUTAGES, "too little happened to prove anything"


def away_since(caller: Caller) -> int | None:
    """Since when the database is away, as those see it who watch."""
    found = caller.call(requests.Sync(scope=rows.STATE), rows.Delta).rows.agent
    assert found is not None
    return found.database_away_since_ms


@pytest.mark.parametrize("kind", ["refused", "frozen_network"])
def test_an_outage_is_told_within_ten_seconds_even_where_nothing_runs(
    site: Site, kind: str
) -> None:
    site.household.apply('task_name = "once"\nschedule = []\ncommand = "true"')
    site.serve()

    with site.household.caller() as caller:
        # The worst moment is right after the database has taken something.
        site.household.order(caller, "once")
        site.household.wait_for("once", "success")
        began = time.monotonic()
        with getattr(site, kind)():
            with Pulse() as pulse:
                until(partial(away_since, caller), "word of it")
            took_s = time.monotonic() - began
            until(site.kept, "the alert in the journal")
        until(lambda: not away_since(caller), "word of its end", within_s=REPLAY_S)

    assert took_s < 10 * stretched() + pulse.worst_ms / 1_000

    # Its end is written down once the database takes what happens.
    ended = ("database_away", "critical", "resolved", "Database unreachable")
    until(lambda: of_the_database(site) == [ended], "the alert's end", within_s=REPLAY_S)
    until(lambda: not site.kept(), "the replay", within_s=REPLAY_S)


def test_that_the_database_is_away_is_mailed_while_it_is_and_once(site: Site) -> None:
    with mail_server() as sink:
        let_mail(site.household.home, sink)
        site.serve()
        with site.refused():
            until(lambda: "Database unreachable" in sink.text(), "the mail", within_s=MAILED_S)
        until(lambda: len(about_the_database(sink)) > 1, "the mail of its end", within_s=MAILED_S)

    assert ["over" in subject for subject in about_the_database(sink)] == [False, True]


def about_the_database(sink: Sink) -> list[str]:
    subjects = [str(mail["Subject"]) for mail in sink.mails]
    return [subject for subject in subjects if "Database unreachable" in subject]


def about_death(sink: Sink) -> list[str]:
    return [subject for mail in sink.mails if "dead" in (subject := str(mail["Subject"]))]


def look(site: Site) -> subprocess.CompletedProcess[str]:
    return site.household.run("health", "--alert", "--only", "master_runner")


def test_a_dead_agent_without_its_database_is_mailed_once_by_another_process_and_so_is_the_end(
    site: Site,
) -> None:
    household = site.household
    with mail_server() as sink:
        let_mail(household.home, sink)
        site.serve()
        assert site.agent is not None
        with site.refused():
            living = look(site)
            household.kill(site.agent)
            looks = [look(site) for _ in range(3)]
            while_gone = [str(mail["Subject"]) for mail in sink.mails]
        site.serve()
        until(lambda: look(site).returncode == 0, "an agent that is seen to live")
        until(lambda: len(about_death(sink)) > 1, "the mail that it is over", within_s=MAILED_S)
        after = about_death(sink)

    assert living.returncode == 0, "who answers lives, and tells of its database by itself"
    assert [one.returncode for one in looks] == [1, 1, 1]
    assert ["told, without the database" in one.stdout for one in looks] == [True, False, False]
    assert sum("The agent is dead or frozen" in one for one in while_gone) == 1
    assert ["over" in one for one in after] == [False, True]
    ended = ("agent_stopped", "critical", "resolved")
    until(lambda: ended in [one[:3] for one in all_alerts(site)], "the end of the alert")


def test_an_agent_that_lives_again_without_its_database_ends_what_was_mailed(site: Site) -> None:
    household = site.household
    with mail_server() as sink:
        let_mail(household.home, sink)
        site.serve()
        assert site.agent is not None
        until(partial(known_to, household), "a copy to begin with")
        household.kill(site.agent)
        with site.refused():
            gone = look(site)
            site.serve()
            back = [look(site) for _ in range(2)]
            subjects = [str(mail["Subject"]) for mail in sink.mails]

    assert (gone.returncode, [one.returncode for one in back]) == (1, [0, 0])
    about = [one for one in subjects if "dead or frozen" in one]
    assert ["over" in one for one in about] == [False, True]


def known_to(household: Household) -> Known | None:
    """What is kept for an agent that has to begin without its database."""
    url = load_settings(household.home).database_url or ""
    return Copy(household.home.journal_file.parent).read(name_of(read_url(url)))


def test_while_it_is_away_runs_are_ordered_and_stopped_and_changes_are_refused(site: Site) -> None:
    household = site.household
    household.apply('task_name = "long"\nschedule = []\ncommand = "sleep 600"\nkill_grace_s = 0')
    site.serve()

    with site.frozen(), household.caller() as caller:
        until(partial(away_since, caller), "word of it")
        began = time.monotonic()
        with Pulse() as pulse:
            run_id = household.order(caller, "long")
            until(partial(household.run_processes, run_id), "its process")
            household.abort(caller, run_id)
            until(lambda: not household.run_processes(run_id), "its end")
        took_s = time.monotonic() - began
        pause = requests.TaskSet(
            op=new_op(), expires_ms=caller.expires_ms(), ids=("long",), enabled=False
        )
        with pytest.raises(Refused, match="try again when it is back"):
            caller.call(pause)
    until(lambda: not site.kept(), "the replay", within_s=REPLAY_S)

    (run,) = household.runs("long")
    assert (run.id, run.status, run.trigger) == (run_id, "aborted", "manual")
    within_s = 5 * stretched() + pulse.worst_ms / 1_000
    assert took_s < within_s, "nobody waits for a database that is away"
    asked = site.server.say(
        "SELECT action, result FROM smartcron_1.smart_cron_audit WHERE action LIKE 'run.%'"
        " ORDER BY id"
    )
    assert asked == [("run.start", "ok"), ("run.abort", "ok")]


def of_the_database(site: Site) -> list[tuple[str, ...]]:
    return [each for each in all_alerts(site) if each[0] == "database_away"]


def all_alerts(site: Site) -> list[tuple[str, ...]]:
    return site.server.say(
        "SELECT kind, severity, status, title FROM smartcron_1.smart_cron_alerts ORDER BY id"
    )
