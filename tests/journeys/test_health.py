"""Each trouble of the host and of the agent itself is really caused, and found from outside."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.store import state
from agent.supervisor import Unit
from tests.journeys.household import WAIT_S, Household, until
from tests.postoffice import Sink, let_mail, mail_server
from tests.pulse import Pulse, stretched

AT_ONCE_S = 25.0
IN_CI = bool(os.environ.get("CI"))


@pytest.fixture
def sink() -> Iterator[Sink]:
    with mail_server() as sink:
        yield sink


@pytest.fixture
def mailing(household: Household, sink: Sink) -> Household:
    let_mail(household.home, sink)
    return household


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "smartcron-test", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        assert not IN_CI, "CI mounts a file system, or this is not tried anywhere"
        pytest.skip("nobody but root may mount a file system here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def health(household: Household, *words: str) -> tuple[int, dict[str, Any]]:
    done = household.run("health", *words, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def open_kinds(household: Household) -> list[str]:
    """Also of whatever else is wrong with the host that this runs on."""
    return [alert["kind"] for alert in household.json("alerts", "list")]


def make_old(household: Household, by_ms: int, *, unit: Unit | None = None) -> None:
    """Let the last heartbeat have been so long ago."""
    beat = household.database.read_now(state.last_beat)
    assert beat is not None
    old = msgspec.structs.replace(beat, at_ms=beat.at_ms - by_ms, unit=unit)
    household.database.write_now(partial(state.beat, heartbeat=old))


def soon(is_so: Callable[[], object], what: str) -> None:
    """It comes to be as soon as is promised, beside what the host itself lets it wait."""
    began = time.monotonic()
    with Pulse() as pulse:
        until(is_so, what)
    took_s = time.monotonic() - began
    assert took_s < AT_ONCE_S * stretched() + pulse.worst_ms / 1_000, what


def started(household: Household) -> "subprocess.Popen[bytes]":
    agent = household.serve()
    until(lambda: household.database.read_now(state.last_beat), "a heartbeat")
    return agent


def test_a_disk_that_fills_up_is_mailed_at_once_and_over_when_there_is_room_again(
    mailing: Household, sink: Sink, small_disk: Path
) -> None:
    file = mailing.home.settings_file
    file.write_text(f"{file.read_text()}[health]\nmounts = ['{small_disk}']\n")
    mailing.serve()
    filling = small_disk / "filling"
    filling.write_bytes(b"x" * 3_900_000)

    soon(lambda: "Less than 10 % of the disk is free" in sink.text(), "mail")
    status, found = health(mailing, "--only", f"disk:{small_disk}")
    filling.unlink()
    soon(lambda: "disk_low" not in open_kinds(mailing), "the end of it")

    assert str(small_disk) in sink.text()
    assert any("critical" in str(mail["Subject"]) for mail in sink.mails)
    assert (status, found["ok"]) == (1, False)
    assert [one["state"] for one in found["checks"]] == ["crit"]


def test_a_frozen_agent_is_mailed_once_by_another_process_and_over_when_it_goes_on(
    mailing: Household, sink: Sink
) -> None:
    agent = started(mailing.calm())
    looks, mails = [], []
    with mailing.standing_still(agent):
        make_old(mailing, 60_000)
        for _ in range(2):
            looks.append(health(mailing, "--alert", "--only", "master_runner"))
            mails.append(len(sink.mails))
        sent = mails[-1]
        alerts = open_kinds(mailing)
    until(lambda: health(mailing, "--alert", "--only", "master_runner")[0] == 0, "an agent")
    soon(lambda: len(sink.mails) > sent, "the mail that it is over")

    assert [status for status, _ in looks] == [1, 1]
    assert "does not answer" in looks[0][1]["checks"][0]["message"]
    assert (mails, alerts.count("agent_stopped")) == ([1, 1], 1)
    assert "agent_stopped" not in open_kinds(mailing)
    assert "over" in str(sink.mails[-1]["Subject"])


def test_a_dead_agent_is_critical_after_three_beats_and_a_single_pass_is_none(
    household: Household,
) -> None:
    household.kill(started(household))
    at_once, soon = health(household, "--only", "master_runner")
    make_old(household, 46_000)
    later, found = health(household, "--only", "master_runner")
    household.cli("tick", "--one-shot")
    make_old(household, 46_000)
    between, _ = health(household, "--only", "master_runner")

    assert (at_once, later, between) == (0, 1, 0)
    assert [each["checks"][0]["state"] for each in (soon, found)] == ["warn", "crit"]
    for each in (soon, found):
        assert "no agent serves this home" in each["checks"][0]["message"]


def test_a_frozen_agent_is_ended_and_another_one_started(household: Household) -> None:
    agent = started(household)
    with household.standing_still(agent):
        make_old(household, 60_000)
        status, found = health(household, "--restart", "--only", "master_runner")
        agent.wait(WAIT_S)
    after, _ = health(household, "--only", "master_runner")

    assert (status, found["done"]) == (1, ["Master runner: started a new agent"])
    assert after == 0
    until(lambda: len(household.agents_alive()) == 1, "one agent only")


def test_a_dead_agent_is_started_again_and_one_that_lives_is_left_alone(
    household: Household,
) -> None:
    agent = started(household)
    status, found = health(household, "--restart")
    household.kill(agent)
    make_old(household, 200_000)

    dead, done = health(household, "--restart")

    assert found["done"] == []
    assert next(c for c in found["checks"] if c["id"] == "master_runner")["state"] == "ok"
    assert (dead, done["done"]) == (1, ["Master runner: started a new agent"])
    assert status in (0, 1)  # other checks are those of whatever host this runs on


def test_the_unit_of_an_agent_is_restarted_by_its_service_manager(
    household: Household, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = started(household)
    household.kill(agent)
    make_old(household, 200_000, unit=Unit(name="smartcron-agent.service", is_users=True))
    asked = tmp_path / "asked"
    command = " ".join(household.command("tick"))
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(
        f'#!/bin/sh\necho "$@" >> {asked}\ncase "$*" in *" restart "*) {command};; esac\n'
    )
    systemctl.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    _, found = health(household, "--restart", "--only", "master_runner")

    assert found["done"] == ["Master runner: restarted smartcron-agent.service"]
    assert asked.read_text().splitlines() == [
        "--user reset-failed smartcron-agent.service",
        "--user restart smartcron-agent.service",
    ]


@pytest.mark.parametrize("is_frozen", [False, True])
def test_while_the_database_is_away_a_restart_says_what_it_waits_for_and_is_soon_over(
    household: Household, is_frozen: bool
) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if is_frozen:
            server.listen(8)  # it takes whoever comes, and never answers
        with household.home.settings_file.open("a") as file:
            url = f"mysql+pymysql://u:p@127.0.0.1:{server.getsockname()[1]}/x"
            file.write(f'database_url = "{url}"\n')
        began = time.monotonic()

        with Pulse() as pulse:
            said = household.run("health", "--restart")
        took_s = time.monotonic() - began
        found = household.run("health", "--restart", "--json")

    assert (said.returncode, found.returncode) == (1, 1)
    assert "! Master runner: not started again while the database is away" in said.stdout
    assert f"`smartcron-agent --home {household.root} tick`" in said.stdout
    assert "not started again" in json.loads(found.stdout)["waits"][0]
    assert took_s < 15 * stretched() + pulse.worst_ms / 1_000
    assert household.agents_alive() == []


def test_what_a_service_manager_gave_up_is_dead_at_once(household: Household) -> None:
    agent = started(household)
    alive, _ = health(household, "--failed", "--only", "master_runner")
    household.kill(agent)

    fresh, _ = health(household, "--only", "master_runner")
    failed, found = health(household, "--failed", "--only", "master_runner")

    assert (alive, fresh, failed) == (0, 0, 1)
    assert "given up by the service manager" in found["checks"][0]["message"]


def test_an_agent_given_up_for_its_settings_is_told_by_those_that_held(
    mailing: Household, sink: Sink
) -> None:
    file = mailing.calm().home.settings_file
    agent = started(mailing)
    held = mailing.home.journal_file.with_name("standby.settings")
    until(held.exists, "the settings that hold")
    mailing.kill(agent)
    file.write_text(f"nonsense = [\n{file.read_text()}")

    looked = mailing.run("health", "--alert", "--failed", "--only", "master_runner")
    mails = until(lambda: list(sink.mails), "a mail")

    assert looked.returncode == 1
    assert "settings.toml is not TOML" in looked.stdout
    (mail,) = mails
    assert "critical" in str(mail["Subject"])
    assert "settings.toml is not TOML" in mail.as_string().replace("=\n", "")


def test_broken_settings_without_any_agent_before_are_refused_as_ever(
    household: Household,
) -> None:
    household.home.settings_file.write_text("nonsense = [")

    said = household.run("health", "--alert", "--failed")

    assert said.returncode == 2
    assert "settings.toml is not TOML" in said.stderr


def test_a_critical_check_is_never_said_to_have_passed(household: Household) -> None:
    file = household.home.settings_file
    file.write_text(
        f"{file.read_text()}[health.limits.memory]\nwarn = 0\ncrit = 0\nfor_s = 0\n"
        "[health.limits.disk]\nwarn = 0\ncrit = 1\n"
        "[health.limits.cpu]\nwarn = 0\ncrit = 0\n"
    )

    critical = household.run("health", "--only", "memory", "--only", "logs")
    doubtful = household.run("health", "--only", "disk")
    at_first_sight = household.run("health", "--only", "cpu")
    passed = household.run("health", "--only", "logs")
    wrong = household.run("health", "--only", "dsik")

    assert critical.returncode == 1
    assert critical.stdout.splitlines()[0] == "✗ 1 of 2 health checks are critical"
    assert "passed" not in critical.stdout
    assert doubtful.returncode == 0
    assert "passed" not in doubtful.stdout
    assert at_first_sight.returncode == 0
    assert "CPU: warn" in at_first_sight.stdout
    assert passed.stdout.splitlines() == ["✓ All health checks passed", "✓ Log folder: OK"]
    assert wrong.returncode == 2
    assert "there is no such check; known are clock, cpu" in wrong.stderr


def test_a_check_of_ones_own_is_done_told_shown_and_forgotten(
    mailing: Household, sink: Sink, tmp_path: Path
) -> None:
    fire = tmp_path / "fire"
    fire.touch()
    mailing.calm().serve()
    script = f"test ! -e {fire} || {{ echo 'it burns | heat=99C'; exit 2; }}"
    mailing.cli(
        "checks", "add", "fire", script, "--severity", "critical", "--every=10", "--timeout=5"
    )
    mailing.cli("checks", "add", "gone", "--", "/bin/sh", "-c", "exit 3")

    soon(lambda: "Check fire is critical" in sink.text(), "the mail")
    status, found = health(mailing, "--only", "check:fire")
    tried = mailing.run("checks", "run", "fire")
    until(lambda: open_kinds(mailing).count("check_bad") == 2, "both alerts")
    (listed, _) = mailing.json("checks", "list")
    mailing.cli("checks", "remove", "gone")
    fire.unlink()
    soon(lambda: "check_bad" not in open_kinds(mailing), "no alert")

    assert (status, found["checks"][0]["message"]) == (1, "it burns")
    assert (tried.returncode, "heat = 99" in tried.stdout) == (1, True)
    assert (listed["name"], listed["last"]["state"]) == ("fire", "crit")
    assert [one["name"] for one in mailing.json("checks", "list")] == ["fire"]
    assert mailing.run("checks", "remove", "gone").returncode == 2


def test_the_service_manager_is_told_that_the_agent_is_ready_lives_and_stops(
    household: Household, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(WAIT_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        agent = household.serve()
        first = {manager.recv(100) for _ in range(2)}
        household.stop(agent)
        # It may have told that it lives once more before.
        while (last := manager.recv(100)) == b"WATCHDOG=1":
            pass

    assert first == {b"READY=1", b"WATCHDOG=1"}
    assert last == b"STOPPING=1"
