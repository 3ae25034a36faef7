"""Bad input is answered by one sentence that names the field, the value and the way out."""

import os
import socket
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from agent.store import invites
from agent.wire.caller import Caller, Unreachable
from agent.wire.keyfiles import AGENT_KEY, load_pair, new_pair
from shared.protocol import requests
from shared.protocol.keys import key_id, read_link, to_base32
from tests.journeys.household import Household, until

GOOD = 'task_name = "good"\nschedule = "0 7 * * *"\ncommand = "true"\n'


def refused(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """It ended so, said one sentence with all of these words, and no trace."""
    said = done.stderr.strip()
    assert done.returncode == status, (done.returncode, said)
    assert len(said.splitlines()) == 1, said
    assert said.startswith("smartcron-agent: ")
    assert [word for word in words if word not in said] == [], said
    assert "Traceback" not in said
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('task_name = "x"\nschedule = "61 * * * *"\ncommand = "true"', ("schedule", "61")),
        ('task_name = "x"\nschedule = "nonsense"\ncommand = "true"', ("schedule", "nonsense")),
        ('task_name = "x"\nschedule = "0 0 30 2 *"\ncommand = "true"', ("schedule", "0 0 30 2 *")),
        (
            'task_name = "x"\nschedule = "0 7 * * *"\ncommand = "true"\ntimezone = "Mars/Base"',
            ("timezone", "Mars/Base"),
        ),
        (GOOD.replace("good", "x") + "\n[[task]]\n" + GOOD.replace("good", "x"), ("x", "twice")),
        (
            'task_name = "x"\nschedule = "0 7 * * *"\ncommand = "{app_root}/../../bin/sh"',
            ("command", "{app_root}/../../bin/sh", "leaves"),
        ),
        (
            'task_name = "x"\nschedule = "0 7 * * *"\ncommand = "true"\n'
            'working_directory = "{app_root}/.."',
            ("working_directory", "leaves"),
        ),
        (
            'task_name = "x"\nschedule = "0 7 * * *"\ncommand = "true"\ntimeout_secs = 5',
            ("timeout_secs", "timeout_seconds"),
        ),
        (
            'task_name = "x"\nschedule = "0 7 * * *"\ncommand = "true"\ntimeout_seconds = 0',
            ("timeout_seconds", "0", "from 1"),
        ),
        (
            'task_name = "x"\nschedule = "0 7 * * *"\ncommand = "true"\noverlap = "never"',
            ("overlap", "never", "forbid"),
        ),
        ('task_name = "x"\ncommand = "true"', ("schedule", "missing")),
        ('task_name = "X y"\nschedule = "@daily"\ncommand = "true"', ("task_name", "X y")),
        ("task_name = ", ("not TOML",)),
    ],
)
@pytest.mark.parametrize("verb", ["check", "apply"])
def test_a_bad_definition_is_refused_and_nothing_of_its_file_is_taken(
    household: Household, verb: str, table: str, words: tuple[str, ...]
) -> None:
    file = household.root / "tasks.toml"
    file.write_text(f"[[task]]\n{GOOD}\n[[task]]\n{table}\n")

    done = household.run("tasks", verb, str(file))

    refused(done, 2, "tasks.toml", *words)
    assert household.json("tasks", "list") == []


def test_a_file_that_is_not_there_is_wrong_use(household: Household) -> None:
    done = household.run("tasks", "apply", "/no/such/file.toml")

    assert done.returncode == 2
    assert "/no/such/file.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_tasks_and_runs_are_named(household: Household) -> None:
    refused(household.run("tasks", "show", "nobody"), 2, "nobody", "tasks list")
    refused(household.run("tasks", "pause", "nobody"), 2, "nobody")
    refused(household.run("runs", "show", "0" * 26), 2, "0" * 26, "runs list")
    refused(household.run("runs", "abort", "short"), 2, "short")
    refused(household.run("next", "--cron", "61 * * * *"), 2, "schedule", "61")
    refused(household.run("next", "--cron", "0 0 30 2 *"), 2, "0 0 30 2 *")
    refused(household.run("next", "--cron", "@daily", "--tz", "Mars/Base"), 2, "Mars/Base")
    refused(household.run("next", "--from", "someday"), 2, "--from", "someday")
    refused(household.run("ledger", "check", "--from", "2099-01-01"), 2, "--from", "2099-01-01")
    refused(household.run("tasks", "register", "--catalogue", "none"), 2, "none", "retail")


def test_what_needs_an_agent_says_how_to_start_one(household: Household) -> None:
    refused(household.run("tasks", "run", "x"), 1, "no agent serves", "serve")
    refused(household.run("runs", "abort", "0" * 26), 1, "no agent serves")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("controll_port = 1", ("controll_port",)),
        ("max_running = 0", ("max_running", "0", "from 1")),
        ('max_running = "many"', ("max_running",)),
        ("max_running = ", ("not TOML",)),
        ('database_url = "oracle://x"', ("database_url", "oracle")),
    ],
)
def test_a_bad_setting_stops_every_command_with_its_name(
    household: Household, line: str, words: tuple[str, ...]
) -> None:
    with household.home.settings_file.open("a") as file:
        file.write(f"{line}\n")

    for command in (("serve",), ("tick",), ("tick", "--one-shot"), ("tasks", "list")):
        refused(household.run(*command), 2, *words)
    assert household.agents_alive() == []


def test_init_with_bad_values_leaves_no_settings(bare: Household) -> None:
    done = bare.run("init", "--control-port", "7000", "--events-port", "7000")

    refused(done, 2, "events_port", "7000", "control_port")
    assert not bare.home.settings_file.exists()
    assert not bare.home.database_file.exists()


def test_a_folder_that_is_no_home_yet_says_how_it_becomes_one(bare: Household) -> None:
    for command in (("serve",), ("tick",), ("tick", "--one-shot"), ("tasks", "list"), ("status",)):
        refused(bare.run(*command), 1, str(bare.root), "init")
    assert list(bare.root.iterdir()) == []


def test_a_home_that_is_not_there_says_how_to_make_it(bare: Household) -> None:
    bare.root = bare.root / "elsewhere"
    try:
        refused(bare.run("serve"), 1, str(bare.root), "init")
        assert not bare.root.exists()
    finally:
        bare.root = bare.root.parent


def test_a_home_open_to_all_is_refused(household: Household) -> None:
    household.root.chmod(0o777)

    refused(household.run("serve"), 1, str(household.root), "777", "chmod 700")
    refused(household.run("tasks", "list"), 1, "777")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_home_of_another_user_is_refused(household: Household) -> None:
    os.chown(household.root, 65_534, 65_534)
    try:
        refused(household.run("serve"), 1, str(household.root), "65534")
        refused(household.run("init"), 1, "65534")
    finally:
        os.chown(household.root, 0, 0)


def test_a_home_that_cannot_be_made_is_refused(bare: Household) -> None:
    # Nobody, not even root, makes folders here.
    bare.root = Path("/proc/smartcron")
    done = bare.run("init")
    bare.root = bare.home.root

    refused(done, 1, "/proc/smartcron", "--home")


@pytest.mark.parametrize("taken", ["control_port", "events_port"])
def test_a_port_in_use_is_named_by_its_setting(household: Household, taken: str) -> None:
    port = getattr(household, taken)
    with socket.create_server(("127.0.0.1", port)):
        done = household.run("serve", "--quiet")
        refused(done, 1, f"127.0.0.1 port {port}", taken, "another")

        loud = household.run("serve")
        assert loud.returncode == 1
        assert "Traceback" not in loud.stderr
        assert "Exception Group" not in loud.stderr

        tick = household.run("tick")
        refused(tick, 1, f"port {port}", taken)
    assert household.agents_alive() == []
    assert household.keepers() == []


def test_a_damaged_key_file_is_named(household: Household) -> None:
    file = household.home.keys / AGENT_KEY
    file.write_text("public = 'x'\n")

    refused(household.run("serve", "--quiet"), 1, str(file), "damaged", "backup")
    assert household.agents_alive() == []
    assert file.read_text() == "public = 'x'\n", "a key is never replaced by itself"


def test_a_key_file_open_to_others_is_refused(household: Household) -> None:
    file = household.home.keys / AGENT_KEY
    file.chmod(0o644)

    refused(household.run("serve", "--quiet"), 1, str(file), "644", "chmod 600")


def test_a_file_that_is_no_database_is_named(household: Household) -> None:
    household.home.database_file.write_bytes(b"this is no database, whatever it says " * 200)

    for command in (("serve", "--quiet"), ("tasks", "list"), ("tick", "--one-shot")):
        refused(household.run(*command), 1, str(household.home.database_file), "damaged")


def test_a_missing_database_says_how_to_get_one(household: Household) -> None:
    for file in household.home.database_file.parent.iterdir():
        file.unlink()

    refused(household.run("tasks", "list"), 1, str(household.home.database_file), "init")
    assert not household.home.database_file.exists()


def test_a_secrets_file_that_is_no_toml_is_named(household: Household) -> None:
    household.home.secrets_file.write_text("hunter2 hunter3")

    done = household.run("serve", "--quiet")

    refused(done, 1, str(household.home.secrets_file), "TOML")
    assert "hunter2" not in done.stderr


def test_a_fault_of_our_own_is_one_sentence_with_its_trace_in_the_log(
    household: Household,
) -> None:
    # A folder where a file belongs: nobody has foreseen this.
    household.home.secrets_file.unlink(missing_ok=True)
    household.home.database_file.unlink()
    household.home.database_file.mkdir()

    for command in (("tasks", "list"), ("serve", "--quiet")):
        done = household.run(*command)
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "Traceback" not in done.stderr


def enroll(household: Household, invite_secret: str, label: str) -> requests.EnrollReply:
    agent_key = load_pair(household.home.keys / AGENT_KEY).public
    with Caller(f"127.0.0.1:{household.control_port}", agent_key, invite_secret) as caller:
        caller.hello()
        request = requests.Enroll(pub=to_base32(new_pair().public), label=label)
        return caller.call(request, requests.EnrollReply)


def test_an_invite_lets_one_in_and_says_no_to_the_next(household: Household) -> None:
    link = household.json("invite", "--role", "operator", "--label", "Anna")["invite"]
    secret = read_link(link, time.time_ns() // 1_000_000).secret
    assert secret is not None
    household.serve()

    first = enroll(household, secret, "Anna")
    assert first.role == "operator"
    with pytest.raises(Unreachable, match="invite that was used"):
        enroll(household, secret, "Eve")

    assert [key["label"] for key in household.json("keys", "list")] == ["Anna"]


def test_an_expired_invite_is_not_admitted(household: Household) -> None:
    pair = new_pair()
    now_ms = time.time_ns() // 1_000_000
    expired = invites.Invite(
        invite_id=key_id(pair.public),
        public=pair.public,
        role="admin",
        label="Bert",
        created_ms=now_ms - 60_000,
        created_by="a test",
        expires_ms=now_ms - 1,
    )
    household.database.write_now(partial(invites.create, invite=expired))
    household.serve()

    with pytest.raises(Unreachable, match="expired"):
        enroll(household, pair.secret, "Bert")

    assert household.json("keys", "list") == []


def test_a_stranger_is_told_nothing_but_no(household: Household) -> None:
    household.serve()
    agent_key = load_pair(household.home.keys / AGENT_KEY).public

    with (
        Caller(f"127.0.0.1:{household.control_port}", agent_key, new_pair().secret) as caller,
        pytest.raises(Unreachable, match="does not admit this key"),
    ):
        caller.hello()

    log = household.home.logs / "master.log"
    until(
        lambda: log.exists() and "connection refused" in log.read_text(),
        "a line about the stranger",
    )


def test_a_revoked_key_is_named_when_it_is_unknown(household: Household) -> None:
    stranger = key_id(new_pair().public)

    refused(household.run("keys", "revoke", stranger), 2, stranger)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("next", "nobody"), ("nobody", "tasks list")),
        (("next", "--until", "someday"), ("--until", "someday", "2026-11-24T08:00+13:00", "-1h")),
        (("next", "--until", "yesterday"), ("--until", "yesterday", "later")),
        (("next", "--until", "2020-01-01T00:00Z"), ("--until", "later")),
        (("next", "--cron", "@daily", "--without", "good"), ("--cron", "--what-if")),
        (("next", "--without", "nobody"), ("nobody",)),
        (("forecast", "--until", "2999-01-01T00:00Z"), ("until", "62 days")),
        (("forecast", "--until", "2020-01-01T00:00Z"), ("until", "later")),
        (("why", "nobody", "2026-11-24T12:30"), ("nobody", "tasks list")),
        (("why", "good", "noon"), ("MOMENT", "noon", "08:00")),
        (("why", "good", "9999-12-31T00:00Z"), ("at", "year 9000")),
        (("tasks", "pause", "nobody", "--dry-run"), ("nobody",)),
        (("tasks", "pause", "good", "--until", "2020-01-01T00:00Z"), ("--until", "past")),
        (
            ("tasks", "pause", "good", "--for", "5", "--until", "2099-01-01T00:00Z"),
            ("--until", "--for"),
        ),
    ],
)
def test_a_look_ahead_that_cannot_be_is_refused(
    household: Household, words: tuple[str, ...], said: tuple[str, ...]
) -> None:
    household.apply(GOOD)

    refused(household.run(*words), 2, *said)


def test_a_file_that_is_only_thought_of_changes_nothing(household: Household) -> None:
    household.apply(GOOD)
    draft = household.root / "draft.toml"
    draft.write_text("[[task]]\n" + GOOD.replace("0 7", "30 8"))

    found = household.json("next", "--what-if", str(draft))

    (change,) = found["tasks"]
    # From 7:00 to 8:30 the first new moment is of a day whose old one has passed.
    begun = len(change["added"])
    assert (change["task_name"], len(change["moved"]) + begun) == ("good", 7)
    assert begun == len(change["removed"]) <= 1
    assert household.json("tasks", "show", "good")["definition"]["schedule"] == ["0 7 * * *"]


def test_a_span_of_runs_that_ends_before_it_begins_is_refused(household: Household) -> None:
    said = household.run("runs", "list", "--from", "2026-01-02", "--to", "2026-01-01")

    assert said.returncode == 2
    assert "--from 2026-01-02: must be earlier than --to" in said.stderr
