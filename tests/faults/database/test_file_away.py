"""The database is a file: another program holds it, or the disk has no room for it."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from agent.store import journal, state
from agent.store.reserve import SIZE
from tests.faults.database.test_server_away import MAILED_S, REPLAY_S
from tests.journeys.household import Household, until
from tests.journeys.test_agent_kill_loop import TASKS, finish, hold_against, start_tasks, told
from tests.journeys.test_health import make_old
from tests.postoffice import Sink, let_mail, mail_server
from tests.pulse import Pulse, stretched

DISK_MB = 128
HELD_S = 7.0
FULL = ("disk_low", "disk_full", "database_away")
"""What is wrong when a disk is full."""

may_mount = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="only root may make a small disk"
)


def kept(household: Household) -> int:
    return journal.look(household.home.journal_file).number


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Another program writes into the database, and takes its time."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("COMMIT")


def test_a_file_that_another_program_holds_keeps_no_run_from_its_start(
    household: Household,
) -> None:
    truth = start_tasks(household)
    agent = household.serve()
    until(lambda: told(truth)[0].total() > 3, "some runs")

    began_ms = time.time() * 1000
    with Pulse() as pulse, held(household.home.database_file):
        time.sleep(HELD_S)  # longer than SQLite itself would wait
        while_held = told(truth)[0].total()
    ended_ms = time.time() * 1000
    host = stretched()
    until(lambda: not kept(household), "the replay", within_s=REPLAY_S)
    finish(household, agent)

    hold_against(household, truth)
    meanwhile = [
        run.late_ms
        for run in household.runs()
        if began_ms < run.scheduled_ms < ended_ms and run.late_ms is not None
    ]
    assert while_held > len(meanwhile) // 2 > 5
    assert max(meanwhile) < 4_000 * host + pulse.worst_ms


@pytest.fixture
def small_disk(bare: Household, made: Path) -> Iterator[Household]:
    """A home on a disk of its own, that has room for little more than the reserve."""
    disk = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "tmpfs", str(bare.root)]
    if subprocess.run(disk, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield bare.copy(made)
    finally:
        bare.leave()
        subprocess.run(["umount", str(bare.root)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room there is."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 65_536)
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x")
    return filler


@may_mount
def test_a_full_disk_costs_no_run_its_row_or_its_exit_status(small_disk: Household) -> None:
    household = small_disk
    truth = household.root / "truth"
    truth.touch()
    tables = [
        f'task_name = "ends_with_{status}"\nschedule = "@every 1s"\nshell = "always"\n'
        'missed = "all"\noverlap = "allow"\n'
        f"command = '''echo \"$SMARTCRON_RUN_ID\" > /dev/null; exit {status}'''"
        for status in (0, 3)
    ]
    household.apply(*tables)
    agent = household.serve()
    reserve = household.home.reserve_file
    until(lambda: reserve.exists() and reserve.stat().st_size == SIZE, "the reserve")
    household.wait_for("ends_with_3", "error", count=2)

    filler = fill(household.root)
    until(lambda: not reserve.exists(), "the reserve given up")
    filled_ms = time.time() * 1000
    assert agent.poll() is None
    time.sleep(5)  # so long the disk is as full as the reserve lets it be
    filler.unlink()
    freed_ms = time.time() * 1000
    until(lambda: not kept(household), "the replay", within_s=REPLAY_S)
    until(reserve.exists, "a new reserve")
    household.cli("tasks", "disable", "ends_with_0", "ends_with_3")
    until(lambda: not household.live(), "the end of every run")

    assert household.stop(agent) == 0
    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked
    rows = [run for run in household.runs() if filled_ms < run.scheduled_ms < freed_ms]
    assert len(rows) >= 8
    assert {(run.task_name, run.status, run.exit_status) for run in rows} == {
        ("ends_with_0", "success", 0),
        ("ends_with_3", "error", 3),
    }
    assert journal.refused(household.home.journal_file) == ()


def fill_really(household: Household) -> Path:
    """Take all the room, also what the reserve keeps and what lies unused in the files."""
    household.home.reserve_file.unlink()
    for file in (household.home.database_file, household.home.journal_file):
        with closing(sqlite3.connect(file, timeout=10)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return fill(household.root)


@may_mount
def test_a_moment_that_even_the_journal_had_no_room_for_was_missed_for_want_of_storage(
    small_disk: Household,
) -> None:
    household = small_disk
    household.apply(
        'task_name = "often"\nschedule = "@every 1s"\nstart_deadline_s = 1\ncommand = "true"'
    )
    agent = household.serve()
    until(household.home.reserve_file.exists, "the reserve")
    household.wait_for("often", "success", count=2)

    filler = fill_really(household)
    filled_ms = time.time() * 1000
    time.sleep(10)  # so long nothing can be written down
    freed_ms = time.time() * 1000
    filler.unlink()

    def goes_on() -> bool:
        return any(run.scheduled_ms > freed_ms for run in household.runs("often", "success"))

    until(goes_on, "runs again", within_s=60)
    household.cli("tasks", "disable", "often")
    until(lambda: not household.live(), "the end of every run")
    assert household.stop(agent) == 0
    checked = household.check()
    assert (checked["missing"], checked["doubled"]) == (0, 0), checked
    rows = [run for run in household.runs() if filled_ms < run.scheduled_ms < freed_ms]
    ends = {(run.status, run.reason) for run in rows}
    assert ("missed", "storage") in ends
    # A host that lets nobody go on for a second takes a start or an end beyond the next moment.
    of_the_host = {("missed", "too_late"), ("skipped", "overlap")}
    assert ends - of_the_host <= {("missed", "storage"), ("success", None)}


def messages(household: Household) -> int:
    """How many stand in the outbox, asked in a way that writes nothing."""
    file = household.home.database_file
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as looking:
        return int(looking.execute("SELECT count(*) FROM smart_cron_outbox").fetchone()[0])


@may_mount
def test_a_disk_so_full_that_no_alert_can_be_written_is_mailed_once_and_so_is_its_end(
    small_disk: Household,
) -> None:
    household = small_disk
    with mail_server() as sink:
        let_mail(household.home, sink)
        agent = household.serve()
        until(household.home.reserve_file.exists, "the reserve")
        before = messages(household)

        filler = fill_really(household)
        for words in ("Less than 10 % of the disk is free", "The disk is full"):
            until(partial(is_told, sink, words), f"mail: {words}", within_s=MAILED_S)
        # The third is that of the database.
        until(lambda: len(sink.mails) >= len(FULL), "the mail of all three", within_s=MAILED_S)
        assert agent.poll() is None
        assert messages(household) == before, "the outbox took it, so the disk was not full"
        titles = [str(mail["Subject"]).partition("critical: ")[2] for mail in sink.mails]
        filler.unlink()
        over = dict.fromkeys(FULL, "resolved")
        until(lambda: states(household) == over, "the end of all three", within_s=MAILED_S)
        # A minute lies between two critical mails of one agent; nobody waits for it to be over.
        household.stop(agent)
        agent = household.serve()
        for title in titles:
            words = f"[over] {title}"
            until(partial(is_told, sink, words), f"mail: {words}", within_s=MAILED_S)
        household.stop(agent)

    assert len(titles) == 3
    assert [sink.text().count(f"[critical] {title}") for title in titles] == [1, 1, 1]


def states(household: Household) -> dict[str, str]:
    """How it stands with each of those alerts that has a row."""
    listed = household.json("alerts", "list", "--all")
    return {alert["kind"]: alert["status"] for alert in listed if alert["kind"] in FULL}


def is_told(sink: Sink, words: str) -> bool:
    return words in sink.text()


@may_mount
def test_a_dead_agent_on_a_full_disk_is_mailed_by_another_process_once(
    small_disk: Household,
) -> None:
    household = small_disk.calm()
    with mail_server() as sink:
        let_mail(household.home, sink)
        agent = household.serve()
        until(household.home.reserve_file.exists, "the reserve")
        until(lambda: household.database.read_now(state.last_beat), "a heartbeat")
        household.kill(agent)
        make_old(household, 200_000)
        filler = fill_really(household)

        looks = [household.run("health", "--alert", "--only", "master_runner") for _ in range(2)]
        while_full = [str(mail["Subject"]) for mail in sink.mails]
        filler.unlink()
        household.serve()
        until(lambda: is_fine(household), "an agent that is seen to live")
        until(lambda: len(sink.mails) > 1, "the mail that it is over", within_s=MAILED_S)

    assert [look.returncode for look in looks] == [1, 1]
    assert "told, without the database" in looks[0].stdout
    assert len(while_full) == 1
    assert "The agent is dead or frozen" in while_full[0]
    assert [str(mail["Subject"]) for mail in sink.mails[1:]] == [
        while_full[0].replace("critical", "over")
    ]


def is_fine(household: Household) -> bool:
    return household.run("health", "--alert", "--only", "master_runner").returncode == 0


def damage(household: Household, *, keep_header: bool) -> None:
    """Write nonsense over a part of the pages, or over all that says what the file is."""
    household.database.close()
    household._database = None  # another file will lie there
    file = household.home.database_file
    with closing(sqlite3.connect(file)) as sound:
        sound.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sound_bytes = file.read_bytes()
    if not keep_header:
        file.write_bytes(b"nonsense" * 1_024 + sound_bytes[8_192:])
        return
    # What says which tables there are may lie anywhere: pages of rows are wanted.
    for eighth in (4, 5, 6, 3, 7, 2):
        at = len(sound_bytes) * eighth // 8
        spoilt = sound_bytes[:at] + b"nonsense" * 4_096
        file.write_bytes(spoilt + sound_bytes[len(spoilt) :])
        if knows_its_tables(file):
            return
    pytest.fail("no pages were found that hold rows alone")


def knows_its_tables(file: Path) -> bool:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as raw:
        try:
            return bool(raw.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        except sqlite3.DatabaseError:
            return False


@pytest.mark.parametrize("keep_header", [True, False], ids=["some pages", "the header"])
def test_a_damaged_file_is_found_and_made_whole_and_nothing_runs_again(
    household: Household, keep_header: bool
) -> None:
    truth = start_tasks(household)
    agent = household.serve()
    until(lambda: told(truth)[0].total() > 20, "runs before the backup")
    household.cli("db", "backup")
    until(lambda: told(truth)[0].total() > 60, "runs after it", within_s=90)
    finish(household, agent)
    household.cli("db", "maintain")
    damage(household, keep_header=keep_header)
    begun = told(truth)[0]

    found = household.run("db", "status")
    made = household.json("db", "recover", "--yes")
    recovered_ms = time.time() * 1000
    again = household.serve()
    household.cli("tasks", "disable", *TASKS)
    until(lambda: not household.live(), "the end of every run")
    assert household.stop(again) == 0

    assert found.returncode != 0
    assert "damaged" in found.stderr
    assert Path(made["aside"]).exists()
    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked
    rows = {run.id: run for run in household.runs()}
    later = [rows[run_id] for run_id in told(truth)[0] - begun]
    assert all(run.queued_ms >= recovered_ms - 1_000 for run in later), "what ran once ran again"
    assert max(told(truth)[0].values()) == 1
    if keep_header:
        assert sum(made["rows"].values()) > 0, "nothing was read from the damaged file"
    assert len(rows.keys() & begun.keys()) >= 20
    assert household.json("db", "recover", "--yes") == {"damage": []}
    audited = household.cli("audit", "verify")
    # Rows of the audit went with the file only where nothing of it could be read.
    assert ("a damaged file was made whole" in audited) == (not keep_header), audited


def test_without_a_backup_a_damaged_file_gives_what_can_still_be_read(
    household: Household,
) -> None:
    truth = start_tasks(household)
    agent = household.serve()
    until(lambda: told(truth)[0].total() > 20, "some runs")
    finish(household, agent)
    damage(household, keep_header=True)

    made = household.json("db", "recover", "--yes")

    assert made["backup"] is None
    assert sum(made["rows"].values()) > 20
    assert {run.id for run in household.runs()} <= set(told(truth)[0]) | {
        run.id for run in household.runs(None, "skipped", "missed")
    }


def test_a_file_that_is_deleted_under_the_agent_comes_back_with_all_that_was_in_it(
    household: Household,
) -> None:
    truth = start_tasks(household)
    agent = household.serve()
    until(lambda: told(truth)[0].total() > 20, "some runs")
    household.database.close()
    household._database = None
    file = household.home.database_file

    with household.standing_still(agent):  # so that it never finds a part of it
        for part in file.parent.glob(f"{file.name}*"):
            part.unlink()
    until(file.exists, "the file")
    before = told(truth)[0].total()
    until(lambda: told(truth)[0].total() > before + 20, "more runs")
    until(lambda: not kept(household), "the replay", within_s=REPLAY_S)
    finish(household, agent)

    hold_against(household, truth)
    assert "was deleted or moved away; it was written anew" in household.said()
