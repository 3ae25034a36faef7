"""What runs write, on its way to the log, the row and those who watch, with real processes."""

import shutil
import subprocess
from pathlib import Path

from agent.running.stored import PACKED_SUFFIX
from shared.protocol import requests
from shared.protocol.rows import Delta
from tests.journeys.household import Household, until
from tests.journeys.test_agent_runs import task

SECRET = "correct-horse-battery"


def test_progress_is_seen_while_a_run_lives_and_stored_with_it(household: Household) -> None:
    (household.root / "go").touch()
    household.apply(
        task(
            "import",
            'echo "::progress 40 importing products::"; echo "::metric rows=1200::"; '
            "while [ -e {home}/go ]; do sleep 0.05; done; "
            'echo "{\\"progress\\": 100, \\"metrics\\": {\\"errors\\": 2}}" >> "$SMARTCRON_REPORT"'
            '; stat -c %a "$SMARTCRON_REPORT"',
        )
    )
    household.serve()
    run_id = household.json("tasks", "run", "import")["run_id"]

    with household.caller() as agent:  # somebody who watches

        def told() -> bool:
            rows = agent.call(requests.Sync(scope="state"), Delta).rows
            return any(
                (row.progress, row.progress_note, row.metrics)
                == (40, "importing products", (("rows", 1200.0),))
                for row in rows.runs
                if row.id == run_id
            ) and any(
                (row.progress, row.progress_note) == (40, "importing products")
                for row in rows.tasks
            )

        until(told, "the progress of a living run, and of its task")
        assert "progress:     40 % importing products" in household.cli("runs", "show", run_id)
        (row,) = agent.call(requests.RunsPage(limit=1), requests.RunsPageReply).rows
        assert row.progress == 40
    (household.root / "go").unlink()

    (run,) = household.wait_for("import", "success")
    assert run.progress == 100
    assert run.metrics == {"rows": 1200, "errors": 2}
    assert (run.output_tail or "").splitlines()[2] == "600"
    assert "progress:     100 %" in household.cli("runs", "show", run_id)
    until(household.has_cleared_away, "an empty spool")


def test_no_secret_is_found_in_any_place_that_output_reaches(bare: Household, made: Path) -> None:
    household = bare.copy(made, redact=["MYCO-[0-9]{6}"])
    household.home.secrets_file.write_text(f'KEY = "{SECRET}"\n')
    household.home.secrets_file.chmod(0o600)
    card = "4111 1111 1111 1111"
    household.apply(
        task(
            "leak",
            f'echo "begin {SECRET} MYCO-123456"; printf "::progress 10 {card}::\\n"; '
            f'printf "Traceback (most recent call last):\\n  File x\\nValueError: {SECRET}\\n"; '
            "exit 1",
        )
    )
    household.serve()
    run_id = household.json("tasks", "run", "leak")["run_id"]
    (run,) = household.wait_for("leak", "error")
    until(household.has_cleared_away, "an empty spool")

    with household.caller() as agent:
        _, wire = agent.call_for_bytes(requests.LogRead(run_id=run_id, offset=0))
        detail = agent.call(requests.RunGet(run_id=run_id), requests.RunDetail)
        found = agent.call(requests.LogSearch(pattern="begin"), requests.LogSearchReply)
    household.stop(household.agents[0])
    logs = b"".join(path.read_bytes() for path in household.home.logs.rglob("*") if path.is_file())

    assert run.error_message == f"ValueError: {'*' * len(SECRET)}"
    assert run.progress == 10
    assert [hit.run_id for hit in found.hits] == [run_id]
    for secret in (SECRET, "MYCO-123456", "1111 1111"):
        assert secret.encode() not in logs
        assert secret.encode() not in wire
        for text in (repr(run), repr(detail), repr(found), household.cli("runs", "log", run_id)):
            assert secret not in text


def test_kept_output_is_searched_and_rotated_from_the_command_line(household: Household) -> None:
    household.apply(
        task("noisy", 'for n in 1 2 3; do echo "needle $n"; done; head -c 2000000 /dev/zero')
    )
    household.serve()
    run_id = household.json("tasks", "run", "noisy")["run_id"]
    household.wait_for("noisy", "success")

    before = household.json("logs", "search", "needle [23]", "--regex", "--task", "noisy")
    rotated = household.json("logs", "rotate", "--larger-than-mb", "1")
    after = household.json("logs", "search", "needle 3")

    assert [hit["line"] for hit in before["hits"]] == ["needle 2", "needle 3"]
    assert before["complete"]
    assert before["hits"][0]["run_id"] == run_id
    assert len(rotated["rotated"]) == 1
    assert rotated["packed"] == [rotated["rotated"][0] + PACKED_SUFFIX]
    assert after["hits"] == before["hits"][1:]
    assert household.cli("runs", "log", run_id).startswith("needle 1\nneedle 2\n")
    assert "needle 2" in household.cli("logs", "search", "NEEDLE 2", "-i")
    assert household.cli("logs", "search", "haystack") == "No kept output holds that.\n"


def test_a_pattern_that_never_ends_is_answered_with_a_sentence(household: Household) -> None:
    household.apply(task("letters", 'head -c 50000 /dev/zero | tr "\\\\0" a; echo b'))
    household.serve()
    household.json("tasks", "run", "letters")
    household.wait_for("letters", "success")

    done = household.run("logs", "search", "(a+)+$", "--regex")

    assert done.returncode == 1
    assert "write a simpler one" in done.stderr


def test_nothing_that_a_run_writes_reaches_the_terminal_as_an_order(household: Household) -> None:
    evil = r"\033]0;owned\007\033[2J\302\2332J\342\200\256gnp.exe needle"
    household.apply(task("evil", f'printf "{evil}\\nerror: {evil}\\n"; exit 1'))
    household.serve()
    run_id = household.json("tasks", "run", "evil")["run_id"]
    household.wait_for("evil", "error")
    log = (household.home.task_logs / "evil.log").read_bytes()

    said = "".join(
        household.run(*words).stdout  # a failure needs attention, which status ends with
        for words in (
            ("runs", "log", run_id),
            ("runs", "show", run_id),
            ("runs", "show", run_id, "--json"),
            ("runs", "list"),
            ("report", "errors"),
            ("status",),
            ("logs", "search", "needle"),
            ("logs", "search", "needle", "--json"),
        )
    )

    assert b"\x1b[2J" in log, "kept as it was written"
    assert "gnp.exe" in said
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said)


def test_runs_use_one_file_again_for_their_outputs_whatever_became_of_them(
    household: Household,
) -> None:
    household.apply(task("speaks", "echo $SMARTCRON_RUN_ID"), task("wrong", "/no/such/program"))
    agent = household.serve()
    numbers = set()
    for count in (1, 2, 3):
        for name, status in (("speaks", "success"), ("wrong", "error")):
            household.json("tasks", "run", name)
            household.wait_for(name, status, count=count)
        until(household.has_cleared_away, "a spool without it")
        numbers |= {path.stat().st_ino for path in household.home.spool.iterdir()}
    household.stop(agent)

    runs = household.runs("speaks")

    assert [run.output_tail for run in runs] == [f"{run.id}\n" for run in runs]
    if not is_on_an_overlay(household.home.spool):
        assert len(numbers) == 1, "not each run has a file of its own"


def is_on_an_overlay(folder: Path) -> bool:
    said = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, check=True)
    return said.stdout.strip() == b"overlayfs"


def test_folders_removed_under_the_agent_cost_no_output_and_no_start(household: Household) -> None:
    household.apply(task("speaks", "echo precious; exit 3"))
    agent = household.serve()
    home = household.home
    for folder in (home.task_logs, home.spool):
        shutil.rmtree(folder)

    run_id = household.json("tasks", "run", "speaks")["run_id"]

    (run,) = household.wait_for("speaks", "error")
    assert (run.output_tail, run.error_message) == ("precious\n", "precious")
    assert run.log_file == "speaks.log"
    assert {folder.stat().st_mode & 0o777 for folder in (home.task_logs, home.spool)} == {0o700}
    assert "precious" in household.cli("runs", "log", run_id)
    household.stop(agent)


def test_what_could_not_be_kept_is_kept_by_the_next_agent(household: Household) -> None:
    household.apply(task("speaks", "echo precious; exit 3"))
    agent = household.serve()
    logs = household.home.task_logs
    shutil.rmtree(logs)
    logs.touch()
    run_id = household.json("tasks", "run", "speaks")["run_id"]
    (run,) = household.wait_for("speaks", "error")
    shown = household.cli("runs", "log", run_id)
    household.kill(agent)
    logs.unlink()
    logs.mkdir(mode=0o700)

    household.serve()

    until(lambda: household.runs("speaks")[0].log_file == "speaks.log", "its log")
    assert (run.output_tail, run.error_message, run.log_file) == ("precious\n", "precious", None)
    assert "precious" in shown
    assert "precious" in household.cli("runs", "log", run_id)
    until(household.has_cleared_away, "an empty spool")
