"""Which task does a systemd timer become, together with its service."""

import pytest

from agent.foreign.from_systemd import TimerFile, from_timers
from agent.foreign.proposals import Proposal, settle
from tests.agent.foreign.makings import HOST

SERVICE = "[Service]\nType=oneshot\nExecStart=/usr/bin/backup --all\n"


def proposal(*lines: str, service: str | None = SERVICE, name: str = "backup.timer") -> Proposal:
    text = "\n".join(["[Unit]", "Description=Nightly backup", "[Timer]", *lines])
    timer = TimerFile(name=name, texts=(text,), user="root", is_system=True)
    services = {} if service is None else {("backup.service", True): (service,)}
    (found,) = settle(from_timers([timer], services, host=HOST), [])
    return found


def test_a_timer_and_its_service_become_one_task() -> None:
    found = proposal("OnCalendar=*-*-* 02:15", "AccuracySec=1h", "Persistent=true")

    assert (found.verdict, found.origin, found.line) == ("ok", "backup.timer", 4)
    assert found.task is not None
    assert found.task.task_name == "backup"
    assert found.task.schedule == ("15 2 * * *",)
    assert found.task.timezone == "Europe/Berlin"
    assert found.task.command == ("/usr/bin/backup", "--all")
    assert found.task.description == "Nightly backup"
    assert found.task.timeout_seconds == 30 * 86_400
    # Made up for however long ago it was, as far as a task can.
    assert found.task.missed == "latest"
    assert found.task.start_deadline_s == 366 * 86_400
    assert not found.task.enabled


@pytest.mark.parametrize(
    ("said", "umask"), [("", "022"), ("UMask=0077\n", "077"), ("UMask=27\n", "027")]
)
def test_new_files_get_the_rights_that_the_service_says_or_those_of_systemd(
    said: str, umask: str
) -> None:
    found = proposal("OnCalendar=daily", service=SERVICE + said)

    assert (found.verdict, found.note) == ("ok", "")
    assert found.task is not None
    assert found.task.umask == umask


def test_a_timer_that_is_not_persistent_makes_up_for_nothing() -> None:
    found = proposal("OnCalendar=daily")

    assert found.task is not None
    assert found.task.missed == "skip"


def test_monotonic_times_become_boot_and_fixed_moments_and_say_so() -> None:
    found = proposal("OnBootSec=15min", "OnUnitActiveSec=1d")

    assert found.verdict == "changed"
    assert found.task is not None
    assert found.task.schedule == ("@reboot", "@every 1d")
    assert "not 15min after it" in found.note
    assert "fixed moments" in found.note


def test_a_random_delay_becomes_a_steady_one() -> None:
    found = proposal("OnCalendar=daily", "RandomizedDelaySec=1h")
    assert found.task is not None
    assert found.task.spread_s == 3600
    assert found.verdict == "changed"

    steady = proposal("OnCalendar=daily", "RandomizedDelaySec=1h", "FixedRandomDelay=yes")
    assert steady.verdict == "ok"


def test_the_zone_of_a_calendar_time_is_the_tasks() -> None:
    found = proposal("OnCalendar=daily Pacific/Auckland", "OnCalendar=12:00 Pacific/Auckland")

    assert found.task is not None
    assert found.task.timezone == "Pacific/Auckland"
    assert found.task.schedule == ("0 0 * * *", "0 12 * * *")


def test_an_empty_value_of_one_time_drops_all_times() -> None:
    found = proposal("OnCalendar=daily", "OnBootSec=", "OnCalendar=weekly")

    assert found.task is not None
    assert found.task.schedule == ("0 0 * * 1",)


def test_what_a_service_loses_is_said() -> None:
    found = proposal("OnCalendar=daily", service=f"{SERVICE}Nice=19\n")

    assert found.verdict == "changed"
    assert "not kept: Nice" in found.note


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([], "names no time"),
        (["OnActiveSec=5min"], "OnActiveSec"),
        (["OnUnitInactiveSec=5min"], "end of a run"),
        (["OnClockChange=yes"], "change of the clock"),
        (["OnUnitActiveSec=0.5s"], "whole number"),
        (["OnUnitActiveSec=often"], "OnUnitActiveSec"),
        (["OnCalendar=often"], "no weekday"),
        (["OnCalendar=1:00 UTC", "OnCalendar=2:00 Europe/Paris"], "several time zones"),
        (["OnCalendar=1:00 UTC", "OnCalendar=2:00"], "some times only"),
        (["OnCalendar=daily", "RandomizedDelaySec=2d"], "spread_s"),
        (["OnCalendar=daily", "RandomizedDelaySec=x"], "RandomizedDelaySec"),
        (["OnCalendar=daily", "Persistent=perhaps"], "Persistent"),
        (["OnCalendar=daily", "Unit=other.service"], "other.service"),
        (["OnCalendar=daily", "Unit=some.target"], "no service"),
    ],
)
def test_a_timer_that_no_schedule_says_is_refused(lines: list[str], word: str) -> None:
    found = proposal(*lines)

    assert found.verdict == "refused"
    assert word in found.note


def test_a_timer_without_its_service_and_a_template_are_refused() -> None:
    assert "not found beside it" in proposal("OnCalendar=daily", service=None).note
    assert "template" in proposal("OnCalendar=daily", name="backup@.timer").note


def test_a_broken_file_is_refused_and_the_next_is_read() -> None:
    timers = [
        TimerFile(name="a.timer", texts=("nonsense",), user="root", is_system=True),
        TimerFile(
            name="b.timer", texts=("[Timer]\nOnCalendar=daily",), user="root", is_system=True
        ),
    ]

    found = from_timers(timers, {("b.service", True): (SERVICE,)}, host=HOST)

    assert [one.verdict for one in found] == ["refused", "ok"]
