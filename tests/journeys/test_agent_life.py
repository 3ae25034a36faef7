"""How agents begin, end, are found and are kept alive, with real processes."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from agent.store import state, tasks
from agent.tasktables import load_definitions
from schema.tables import VERSION_TABLE
from shared.protocol import requests
from shared.protocol.rows import Delta
from tests.journeys.household import COMMAND_S, WAIT_S, Household, living, read, until
from tests.journeys.test_agent_runs import EVERY_SECOND, task
from tests.pulse import Pulse, stretched

MINUTE_MS = 60_000


def test_a_stopped_agent_leaves_its_runs_and_the_next_one_takes_them_over(
    household: Household,
) -> None:
    go_on = household.root / "go_on"
    household.apply(task("long", f"while [ ! -e {go_on} ]; do sleep 0.1; done; exit 5"))
    agent = household.serve()
    ordered = time.monotonic()
    household.json("tasks", "run", "long")
    (run,) = household.wait_for("long", "running")

    began = time.monotonic()
    with Pulse() as pulse:
        status = household.stop(agent)
    took_s = time.monotonic() - began

    assert status == 0
    assert took_s < 5 * stretched() + pulse.worst_ms / 1_000
    assert "stopped; living runs stay with their keeper runs=1" in household.said()
    assert household.run_processes(run.id), "the run was ended with its agent"
    household.serve()
    served = time.monotonic()
    go_on.touch()
    (ended,) = household.wait_for("long", "error")
    assert (ended.id, ended.exit_status, ended.pid) == (run.id, 5, run.pid)
    duration_s = (ended.duration_ms or 0) / 1_000
    assert served - began <= duration_s <= time.monotonic() - ordered


def test_an_agent_of_another_home_is_kept_out_of_a_database_that_one_works_on(
    household: Household, bare_too: Household
) -> None:
    file = f"sqlite:///{household.home.database_file}"
    second = bare_too.prepare(database_url=file)
    household.apply(task("long", "sleep 60"))
    first = household.serve()
    household.json("tasks", "run", "long")
    (run,) = household.wait_for("long", "running")

    refused = second.run("serve")

    assert refused.returncode == 75
    assert "works on this database" in refused.stderr
    assert [one.id for one in household.runs("long", "running")] == [run.id]
    with household.caller() as caller:
        household.abort(caller, run.id)
    household.wait_for("long", "aborted")
    household.stop(first)
    # Who has stopped holds nobody up.
    second.stop(second.serve())


def test_an_agent_with_fifty_runs_stops_within_five_seconds(bare: Household, made: Path) -> None:
    household = bare.copy(made, max_running=60)
    names = [f"long{number}" for number in range(50)]
    household.apply(*(task(name, "sleep 600", "kill_grace_s = 0") for name in names))
    agent = household.serve()
    with household.caller() as caller:
        run_ids = [household.order(caller, name) for name in names]
    until(lambda: len(household.runs(None, "running")) == 50, "fifty runs")

    began = time.monotonic()
    with Pulse() as pulse:
        status = household.stop(agent)
    took_s = time.monotonic() - began

    assert status == 0
    assert took_s < 5 * stretched() + pulse.worst_ms / 1_000
    assert len(household.run_processes()) == 50
    household.serve()
    with household.caller() as caller:
        for run_id in run_ids:
            household.abort(caller, run_id)
    until(lambda: len(household.runs(None, "aborted")) == 50, "the end of all fifty")


def test_an_agent_stopped_in_the_middle_of_starting_leaves_no_unknown_run(
    household: Household,
) -> None:
    household.apply(*(task(f"t{n}", "sleep 0.2", schedule=EVERY_SECOND) for n in range(6)))
    for _ in range(4):
        agent = household.serve()
        # A moment after a full second all six are being started.
        time.sleep(1.02 - time.time() % 1)
        began = time.monotonic()
        with Pulse() as pulse:
            assert household.stop(agent) == 0
        took_s = time.monotonic() - began
        assert took_s < 5 * stretched() + pulse.worst_ms / 1_000
    agent = household.serve()
    household.cli("tasks", "disable", *(f"t{n}" for n in range(6)))
    until(lambda: not household.live(), "the end of every run")

    assert household.runs(None, "lost") == []
    assert household.runs(None, "error") == []
    assert household.check()["exit_status"] == 0


def test_a_second_agent_on_the_same_home_is_refused_at_once(household: Household) -> None:
    agent = household.serve()

    for _ in range(3):  # the host may stop one of them, and no pulse of ours feels that
        began = time.monotonic()
        with Pulse() as pulse:
            second = household.run("serve")
        took_s = time.monotonic() - began
        assert second.returncode == 75
        within_s = 2 * stretched() + pulse.worst_ms / 1_000
        if took_s < within_s:
            break

    assert took_s < within_s
    assert f"an agent serves home '{household.root}' already (pid {agent.pid})" in second.stderr
    assert "Traceback" not in second.stderr
    assert agent.poll() is None


def test_a_tick_starts_an_agent_once_and_sums_up(household: Household) -> None:
    household.apply(task("tick", "true", schedule=EVERY_SECOND))

    first = household.json("tick")
    household.wait_for("tick", "success")
    second = household.json("tick")
    said = household.cli("tick")

    assert (first["agent"], second["agent"]) == ("started", "already serving")
    assert first["pid"] == second["pid"]
    # What an agent starts is for a moment called as the agent is.
    until(lambda: household.agents_alive() == [first["pid"]], "one agent only")
    assert os.getsid(first["pid"]) == first["pid"], "it would end with the cron job"
    assert second["executed"] >= 1
    assert said.splitlines()[:2] == ["✓ Master runner started", "✓ Loaded 1 tasks"]
    assert said.splitlines()[-1] == "✓ No errors"


def test_ten_ticks_at_the_same_instant_start_exactly_one_agent(household: Household) -> None:
    ticks = [
        subprocess.Popen(
            household.command("tick"),
            env=household.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(10)
    ]
    said = [tick.communicate(timeout=COMMAND_S)[0] for tick in ticks]

    # Ten of them and what they start may keep a busy host for longer than one of them waits.
    late = "the agent did not begin to serve within"
    fine = [words for tick, words in zip(ticks, said, strict=True) if tick.returncode == 0]
    assert len(fine) + sum(late in words for words in said) == 10, said
    # What an agent starts is for a moment called as the agent is.
    (serving,) = until(
        lambda: alive if len(alive := household.agents_alive()) == 1 else [], "one agent only"
    )
    assert all("✓ Master runner started" in words for words in fine)
    master = household.home.logs / "master.log"
    # What it says first waits a moment for what it says next.
    until(lambda: master.exists() and " serving " in master.read_text(), "a line about it")
    assert master.read_text().count(" serving ") == 1
    assert household.json("tick")["pid"] == serving


def test_a_tick_says_why_the_agent_does_not_come_up(household: Household) -> None:
    household.home.settings_file.write_text(
        household.home.settings_file.read_text().replace('"127.0.0.1"', "5")
    )

    done = household.run("tick")

    assert done.returncode == 2
    assert "settings.toml" in done.stderr
    assert "listen" in done.stderr
    assert household.agents_alive() == []


def test_one_shot_runs_what_is_due_and_leaves_nothing_behind(household: Household) -> None:
    household.apply(
        task("due", "echo did it", schedule='schedule = "@every 1s"'),
        task("not_due", "echo no"),
    )
    until(lambda: time.time() % 1 < 0.2, "the next second")
    time.sleep(1)

    household.cli("tick", "--one-shot")

    (run,) = household.runs("due", "success")
    assert run.output_tail == "did it\n"
    assert household.runs("not_due") == []
    assert household.agents_alive() == []
    until(lambda: not household.keepers(), "the end of its keeper")
    until(lambda: not list(household.home.runtime.glob("keeper-*")), "nothing left of it")
    assert household.check()["missing"] == 0


def test_one_shot_keeps_the_output_that_the_pass_before_could_not(household: Household) -> None:
    household.apply(task("due", "echo did it", schedule='schedule = "@every 1s"'))
    log = household.home.task_logs / "due.log"
    log.mkdir()  # so that nothing can be written there
    until(lambda: time.time() % 1 < 0.2, "the next second")
    time.sleep(1)
    household.cli("tick", "--one-shot")
    (run,) = household.runs("due", "success")
    spool = household.home.spool / f"{run.id}.out"
    was_lying = spool.exists()
    household.cli("tasks", "disable", "due")

    log.rmdir()
    household.cli("tick", "--one-shot")

    (kept,) = household.runs("due", "success")
    assert (run.log_file, was_lying) == (None, True)
    assert (kept.log_file, kept.log_bytes) == ("due.log", len("did it\n"))
    assert not spool.exists()


def known_since(household: Household, minutes: int, *tables: str) -> int:
    """Let these tasks be registered, and all be decided, so long ago; since when no agent served.

    Begins on a full hour or half, so that the test knows what was due. Returns that moment.
    """
    then_ms = time.time_ns() // 1_000_000 - minutes * MINUTE_MS
    definitions = load_definitions("\n".join(f"[[task]]\n{each}" for each in tables), "a test")
    household.database.write_now(
        partial(tasks.register, definitions=definitions, who="a test", why="", now_ms=then_ms)
    )
    household.database.write_now(partial(state.set_decided_until, at_ms=then_ms, now_ms=then_ms))
    return then_ms


def every_ten_minutes() -> str:
    """Six moments an hour, none of which comes while a test goes on, or came just before."""
    minute = datetime.now(UTC).minute
    minutes = ",".join(str((minute + 5 + ten) % 60) for ten in range(0, 60, 10))
    return f'schedule = "{minutes} * * * *"'


def test_after_a_downtime_each_policy_does_what_it_says(household: Household) -> None:
    every = every_ten_minutes()
    known_since(
        household,
        90,
        task("latest", "echo latest", 'missed = "latest"', schedule=every),
        task("skip", "echo skip", 'missed = "skip"', schedule=every),
        task("all", "echo all", 'missed = "all"', schedule=every),
    )

    household.serve()

    household.wait_for("all", "success", count=6)
    household.wait_for("latest", "success")
    until(lambda: not household.live(), "the end of every run")
    latest, skip, every_one = (household.runs(name) for name in ("latest", "skip", "all"))
    assert len(latest) == len(skip) == len(every_one) == 9
    assert [run.status for run in latest] == ["missed"] * 8 + ["success"]
    assert [run.status for run in skip] == ["missed"] * 9
    ran = [run for run in every_one if run.status == "success"]
    assert len(ran) == 6, "the last hour, and only that, is caught up"
    assert [run.status for run in every_one[: -len(ran)]] == ["missed"] * (9 - len(ran))
    starts = [run.started_ms or 0 for run in ran]
    assert starts == sorted(starts), "the oldest comes first"
    assert all(
        (later.started_ms or 0) >= (sooner.ended_ms or 0) for sooner, later in pairwise(ran)
    ), "one at a time"
    missed = [run for run in household.runs() if run.status == "missed"]
    assert {run.reason for run in missed} == {"agent_down"}
    assert {run.trigger for run in ran} == {"catchup"}
    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0)
    assert checked["expected"] == 27


def test_a_long_downtime_is_summed_up_in_one_row(household: Household) -> None:
    known_since(household, 120, task("often", "true", schedule='schedule = "@every 1s"'))

    household.serve()

    household.wait_for("often", "success")
    summed = [run for run in household.runs("often") if run.missed_count > 1]
    assert len(summed) == 1
    assert 6_000 < summed[0].missed_count < 6_400
    # What came while the agent began, or stood still since, is told by other decisions.
    at_once = [
        run for run in household.runs("often", "missed") if run.queued_ms == summed[0].queued_ms
    ]
    assert len(at_once) == 1_000
    household.cli("tasks", "disable", "often")
    until(lambda: not household.live(), "the end of every run")
    assert household.check()["missing"] == 0


def test_what_was_due_before_a_change_that_no_agent_saw_is_not_forgotten(
    household: Household,
) -> None:
    every = every_ten_minutes()
    known_since(
        household,
        60,
        task("disabled", "true", schedule=every),
        task("retimed", "true", schedule=every),
        task("paused", "true", schedule=every),
        task("resumed", "true", schedule=every),
    )
    household.cli("tasks", "disable", "disabled")
    household.apply(task("retimed", "true", schedule='schedule = "0 0 1 1 *"'))
    household.cli("tasks", "pause", "paused", "resumed")
    household.cli("tasks", "resume", "resumed")

    household.serve()

    until(lambda: len(household.runs()) >= 24 and not household.live(), "a row for each moment")
    for name in ("disabled", "retimed", "paused", "resumed"):
        rows = household.runs(name)
        assert [(run.status, run.reason) for run in rows] == [("missed", "agent_down")] * 6, name
    checked = household.check()
    assert (checked["missing"], checked["doubled"]) == (0, 0)
    assert checked["expected"] == 24


def test_a_row_spoilt_by_hand_is_put_back_and_a_sound_one_is_a_version(
    household: Household,
) -> None:
    def say(statement: str) -> list[tuple[Any, ...]]:
        file = household.home.database_file
        with closing(sqlite3.connect(file, timeout=WAIT_S)) as connection, connection:
            return connection.execute(statement).fetchall()

    household.apply(*(task(name, "true", schedule=EVERY_SECOND) for name in ("bad", "good")))
    say("UPDATE smart_cron_tasks_config SET priority = 'abc' WHERE task_name = 'bad'")

    household.serve()

    household.wait_for("good", "success")
    household.wait_for("bad", "success")
    refused = (
        "SELECT message FROM smart_cron_alerts WHERE kind = 'definition_refused' "
        "AND status = 'active'"
    )
    ((message,),) = until(lambda: say(refused), "the alert")
    assert "priority" in message
    assert "version 1, the last good definition, stays in force" in message

    say("UPDATE smart_cron_tasks_config SET timeout_seconds = 900 WHERE task_name = 'bad'")

    newest = (
        "SELECT changed_by, why, def_rev FROM smart_cron_task_versions "
        "WHERE task_name = 'bad' ORDER BY id DESC LIMIT 1"
    )
    until(
        lambda: say(newest) == [("database", "changed in the database", 2)],
        "a version of what was changed by hand",
    )
    until(lambda: not say(refused), "the end of the alert")
    until(lambda: household.runs("bad")[-1].def_rev == 2, "runs by the new version")


def test_what_was_spoilt_while_no_agent_served_is_put_back_before_anything_is_decided(
    household: Household,
) -> None:
    household.apply(task("spoilt", "true", schedule=EVERY_SECOND))
    with closing(sqlite3.connect(household.home.database_file)) as raw, raw:
        raw.execute("UPDATE smart_cron_tasks_config SET command = '[]', timeout_seconds = -5")

    household.serve()
    household.wait_for("spoilt", "success", count=2)

    ended = {run.status for run in household.runs("spoilt") if run.has_ended}
    # One that lasts into the next second skips that.
    assert ended <= {"success", "missed", "skipped"}, "nothing was started by nonsense"


def test_the_ledger_check_finds_a_row_that_was_deleted(household: Household) -> None:
    household.apply(task("tick", "true", schedule=EVERY_SECOND))
    agent = household.serve()
    household.wait_for("tick", "success", count=3)
    household.stop(agent)
    assert household.check()["exit_status"] == 0

    with closing(sqlite3.connect(household.home.database_file)) as connection, connection:
        victim = household.runs("tick")[1]
        connection.execute("DELETE FROM smart_cron_executions WHERE id = ?", (victim.id,))

    checked = household.check()
    assert (checked["exit_status"], checked["missing"], checked["doubled"]) == (1, 1, 0)
    assert checked["tasks"]["tick"]["missing"][0]["count"] == 1
    said = household.run("ledger", "check")
    assert said.returncode == 1
    assert "missing 1" in said.stdout


def test_a_database_of_a_newer_version_is_refused_by_name(household: Household) -> None:
    with closing(sqlite3.connect(household.home.database_file)) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608

    for words in (("serve",), ("tick",), ("tasks", "list"), ("health",), ("init",)):
        done = household.run(*words)
        assert done.returncode == 1, words
        assert "9999" in done.stderr + done.stdout, words
        assert "Traceback" not in done.stderr
    assert household.agents_alive() == []


def test_health_notices_that_the_agent_is_dead(household: Household) -> None:
    agent = household.serve()
    beat = until(lambda: household.database.read_now(state.last_beat), "a heartbeat")
    assert beat is not None
    alive = household.run("health", "--only", "master_runner", "--json")
    assert (alive.returncode, json.loads(alive.stdout)["ok"]) == (0, True)
    household.kill(agent)
    old = msgspec.structs.replace(beat, at_ms=beat.at_ms - 10 * MINUTE_MS)
    household.database.write_now(partial(state.beat, heartbeat=old))

    dead = household.run("health", "--only", "master_runner", "--only", "database")

    assert dead.returncode == 1
    assert re.search(r"✗ Master runner: crit, last heartbeat [67]\d\d s ago", dead.stdout)
    assert "✓ Database: OK" in dead.stdout
    until(lambda: not household.keepers(), "the end of the keeper that nobody calls")


def test_a_home_moved_by_a_reload_takes_new_definitions_at_once(household: Household) -> None:
    agent = household.serve()

    household.apply(task("new", "true", schedule=EVERY_SECOND))

    # Nobody who only looked at the database now and then would know of it already.
    with household.caller() as caller:
        known = caller.call(requests.Sync(scope="state"), Delta).rows.tasks
    assert [task.id for task in known] == ["new"]
    household.wait_for("new", "success")
    agent.send_signal(signal.SIGHUP)
    ran = len(household.runs("new", "success"))
    household.wait_for("new", "success", count=ran + 1)
    assert agent.poll() is None


def test_an_agent_that_stood_still_records_what_it_slept_through(household: Household) -> None:
    household.apply(task("tick", "true", schedule=EVERY_SECOND))
    agent = household.serve()
    household.wait_for("tick", "success")

    agent.send_signal(signal.SIGSTOP)
    time.sleep(4)  # this long it stands still
    agent.send_signal(signal.SIGCONT)

    household.wait_for("tick", "missed", count=2)
    household.cli("tasks", "disable", "tick")
    until(lambda: not household.live(), "the end of every run")
    assert household.check()["missing"] == 0


def test_a_run_gets_only_what_was_declared(household: Household) -> None:
    household.apply(
        task(
            "looks",
            'umask; pwd; ls /proc/self/fd; cat; tr "\\\\0" "\\\\n" < /proc/self/environ',
            "[task.environment]",
            'GREETING = "hello"',
        )
    )
    household.serve()
    household.json("tasks", "run", "looks")

    (run,) = household.wait_for("looks", "success")

    said = household.cli("runs", "log", run.id).splitlines()
    assert said[0] == "0077"
    names = {line.partition("=")[0] for line in said if "=" in line}
    assert {"GREETING", "SMARTCRON_TASK", "SMARTCRON_RUN_ID", "PATH"} <= names
    assert not any(name.startswith(("PYTEST", "VIRTUAL", "PYTHON")) for name in names)
    # 0, 1 and 2, and the one that `ls` itself opened.
    assert [line for line in said if line.isdigit()][1:] == ["0", "1", "2", "3"]


def test_the_keeper_is_the_only_child_of_an_idle_agent(household: Household) -> None:
    agent = household.serve()
    (keeper,) = household.keepers()

    mark = f"\nPPid:\t{agent.pid}\n".encode()

    assert [pid for pid in living() if mark in read(pid, "status")] == [keeper]
    assert Path(f"/proc/{keeper}/cwd").readlink() == Path("/")
