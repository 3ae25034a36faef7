"""Commands that take over from other schedulers and give back to them: import and export."""

import getpass
import gzip
import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from tests.agent.cli.test_bad_input import refused
from tests.journeys.household import Household

CRONTAB = """\
# Nightly dump
15 2 * * * /usr/bin/backup --all
MAILTO=ops@example.com
*/30 8-17 * * 1-5 sync | logger
0~30 4 * * * report
"""


@pytest.fixture
def crontab(household: Household) -> Path:
    file = household.root / "shop.crontab"
    file.write_text(CRONTAB)
    return file


def test_without_apply_each_line_gets_a_verdict_and_nothing_is_written(
    household: Household, crontab: Path
) -> None:
    said = household.cli("import", "crontab", str(crontab))

    rows = [line.split()[:3] for line in said.splitlines() if line[:1].isdigit()]
    assert rows[:3] == [["2", "ok", "backup"], ["4", "changed", "sync"], ["5", "refused", "-"]]
    assert "mail to ops@example.com becomes alerts" in said
    assert "H(0-30) 4 * * *" in said
    assert "--apply" in said
    assert household.json("tasks", "list") == []
    assert crontab.read_text() == CRONTAB


def test_applied_tasks_are_switched_off_and_a_second_import_adds_none(
    household: Household, crontab: Path
) -> None:
    first = household.json("import", "crontab", str(crontab), "--apply", "--tz", "Europe/Berlin")
    assert first["added"] == ["backup", "sync"]
    tasks = household.json("tasks", "list")
    assert [(task["task_name"], task["state"], task["timezone"]) for task in tasks] == [
        ("backup", "disabled", "Europe/Berlin"),
        ("sync", "disabled", "Europe/Berlin"),
    ]

    again = household.json("import", "crontab", str(crontab), "--apply")

    assert again["added"] == []
    assert [line["verdict"] for line in again["lines"]] == ["skipped", "skipped", "refused"]
    assert "as backup" in again["lines"][0]["note"]
    assert len(household.json("tasks", "list")) == 2


def test_tasks_are_enabled_only_when_that_is_confirmed(household: Household, crontab: Path) -> None:
    # Its stdin is empty: nobody answers.
    asked = household.run("import", "crontab", str(crontab), "--apply", "--enable")
    assert asked.returncode != 0
    assert "Enable backup, sync?" in asked.stdout
    assert {task["state"] for task in household.json("tasks", "list")} == {"disabled"}

    # Also those of an earlier import.
    household.cli("import", "crontab", str(crontab), "--apply", "--enable", "--yes")
    assert {task["state"] for task in household.json("tasks", "list")} == {"enabled"}


def test_a_dry_run_needs_no_home(bare: Household) -> None:
    bare.root = bare.root / "none-yet"
    file = bare.root.parent / "shop.crontab"
    file.write_text(CRONTAB)
    try:
        found = bare.json("import", "crontab", str(file))
        assert [line["task_name"] for line in found["lines"]] == ["backup", "sync", None]
        refused(bare.run("import", "crontab", str(file), "--apply", "--json"), 1, "init")
    finally:
        bare.root = bare.root.parent


def test_system_crontabs_have_users_and_files_that_cron_leaves_out_are_named(
    household: Household,
) -> None:
    folder = household.root / "cron.d"
    folder.mkdir()
    (folder / "backup").write_text("@daily root /usr/bin/backup\n@daily nobody-here x\n")
    (folder / "backup.dpkg-old").write_text("@daily root /usr/bin/old\n")

    found = household.json("import", "cron.d", str(folder))["lines"]

    assert [(line["verdict"], line["task_name"]) for line in found] == [
        ("ok" if os.geteuid() == 0 else "refused", "backup" if os.geteuid() == 0 else None),
        ("refused", None),
        ("skipped", None),
    ]
    assert "dot" in found[2]["note"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only an agent of root runs services of root")
def test_timers_are_read_with_their_services_and_drop_ins(household: Household) -> None:
    folder = household.root / "units"
    folder.mkdir()
    (folder / "dump.timer").write_text("[Timer]\nOnCalendar=daily\nPersistent=yes\n")
    (folder / "dump.service").write_text("[Service]\nType=oneshot\nExecStart=/usr/bin/dump -x\n")
    (folder / "dump.timer.d").mkdir()
    (folder / "dump.timer.d" / "when.conf").write_text("[Timer]\nOnCalendar=\nOnCalendar=06:30\n")

    for named in (folder, folder / "dump.timer"):
        (found,) = household.json("import", "systemd-timers", str(named))["lines"]
        assert (found["verdict"], found["task_name"]) == ("ok", "dump")
        assert found["definition"]["schedule"] == ["30 6 * * *"]
        assert found["definition"]["command"] == ["/usr/bin/dump", "-x"]


def log_of_two_days() -> list[str]:
    """What cron writes for the two good lines on a Tuesday and a Wednesday."""
    user = getpass.getuser()
    lines = ["Nov 24 00:00:01 shop systemd[1]: Started something."]
    for day in ("Nov 24", "Nov 25"):
        moments = [("02:15", "/usr/bin/backup --all")]
        moments += [
            (f"{hour:02}:{minute}", "sync | logger")
            for hour in range(8, 18)
            for minute in ("00", "30")
        ]
        lines += [
            f"{day} {at}:01 shop CRON[7]: ({user}) CMD ({command})" for at, command in moments
        ]
    return [*lines, "Nov 26 00:05:01 shop systemd[1]: Started something else."]


def write_log(file: Path, lines: list[str]) -> None:
    """A compressed log; the year of its lines is told by the file."""
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    at = datetime.fromisoformat("2026-11-26T00:10:00+00:00").timestamp()
    os.utime(file, (at, at))


def test_a_shadow_that_agrees_with_the_log_ends_well(household: Household, crontab: Path) -> None:
    log = household.root / "syslog.1.gz"
    write_log(log, log_of_two_days())

    done = household.run(
        "import", "crontab", str(crontab), "--shadow", "--log", str(log), "--tz", "UTC"
    )

    assert done.returncode == 0, done.stdout
    assert "cron started the same at the same moments" in done.stdout
    assert "line 5 was not compared: refused" in done.stdout
    assert household.json("tasks", "list") == []


def test_a_shadow_that_differs_names_the_moments_and_ends_with_1(
    household: Household, crontab: Path
) -> None:
    log = household.root / "syslog.1.gz"
    lines = [line for line in log_of_two_days() if not line.startswith("Nov 24 02:15")]
    lines.append(f"Nov 26 00:06:00 shop CRON[7]: ({getpass.getuser()}) CMD (sync | logger)")
    write_log(log, lines)
    words = ("import", "crontab", str(crontab), "--shadow", "--log", str(log), "--tz", "UTC")
    span = ("--from", "2026-11-24", "--to", "2026-11-26T00:10")

    done = household.run(*words, *span)
    told = json.loads(household.run(*words, *span, "--json").stdout)

    assert done.returncode == 1
    assert "backup: cron did not start it at 2026-11-24T02:15:00+00:00" in done.stdout
    assert "sync: not due, but cron started it at 2026-11-26T00:06:00+00:00" in done.stdout
    assert told["same"] is False
    assert [(one["expected"], one["seen"]) for one in told["compared"]] == [(2, 1), (40, 41)]


def test_an_export_is_a_crontab_that_imports_to_what_was_exported(household: Household) -> None:
    household.apply(
        'task_name = "a"\nschedule = "0 7 * * *"\ncommand = "date +%F"\ntimezone = "Etc/UTC"',
        'task_name = "b"\nschedule = "0 7 L * *"\ncommand = "true"\ntimezone = "Etc/UTC"',
        'task_name = "c"\nschedule = "@daily"\ncommand = "true"\nenabled = false',
    )

    text = household.cli("export", "--crontab", "--tz", "UTC")

    assert "# a\n0 7 * * * " in text
    assert r"date +\%F" in text
    assert "# b: not written, as cron knows no L and no #" in text
    assert "# c" not in text
    file = household.root / "out.crontab"
    file.write_text(text)
    (found,) = household.json("import", "crontab", str(file))["lines"]
    assert found["definition"]["schedule"] == ["0 7 * * *"]
    assert [line["task_name"] for line in household.json("export", "--crontab")] == ["a", "b"]


def test_options_that_say_nothing_alone_are_refused(household: Household, crontab: Path) -> None:
    words = ("import", "crontab", str(crontab))

    refused(household.run(*words, "--enable"), 2, "--enable", "--apply")
    refused(household.run(*words, "--apply", "--yes"), 2, "--yes", "--enable")
    refused(household.run(*words, "--shadow"), 2, "--shadow", "--log")
    refused(household.run(*words, "--from", "2026-11-24"), 2, "--from", "--shadow")
    refused(household.run(*words, "--tz", "Mars/Base"), 2, "Mars/Base")
    refused(household.run(*words, "--shadow", "--log", str(crontab)), 2, "--log", str(crontab))
    refused(household.run("export"), 2, "--crontab")


def test_an_anacrontab_is_told_that_it_is_another_kind_of_file(household: Household) -> None:
    file = household.root / "anacrontab"
    file.write_text("1\t5\tcron.daily\trun-parts /etc/cron.daily\n")

    refused(household.run("import", "crontab", str(file)), 2, "anacrontab", "@daily")


def test_a_user_without_a_crontab_is_told_so(
    household: Household, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Installing cron would start it; this says and ends as its `crontab -l` does.
    program = tmp_path / "crontab"
    program.write_text('#!/bin/sh\necho "no crontab for $(id -un)" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    refused(household.run("import", "crontab"), 2, "no crontab", "name a file")
