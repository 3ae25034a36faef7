"""What does the host say of itself?"""

import time
from pathlib import Path

import psutil
import pytest

from agent.health import probes
from agent.rules.clocks import Happening
from agent.rules.thresholds import CRIT, OK, WARN, judge
from agent.settings import Home
from tests.agent.store.makings import NOW_MS

SET_FORWARD = Happening(
    kind="clock_forward", size_ms=7_200_000, at_ms=NOW_MS, message="The clock was set forward."
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    return home


def test_every_look_at_the_host_gives_a_share_or_a_reason(home: Home) -> None:
    looks = [probes.Cpu().look(), *probes.host_readings(home)]
    readings = {reading.id: reading for reading in looks}

    assert set(readings) - {"swap"} == {"cpu", "memory", "logs"}
    for name in readings.keys() - {"logs"}:
        value = readings[name].value
        assert value is not None
        assert 0 <= value <= 1, readings[name]


def test_the_share_of_the_processors_is_that_since_the_look_before() -> None:
    began_s, cpu = time.monotonic(), probes.Cpu()
    busy_until_s = psutil.Process().cpu_times().user + 0.2
    while psutil.Process().cpu_times().user < busy_until_s:
        sum(range(10_000))

    first = cpu.share()
    lasted_s = time.monotonic() - began_s

    # One processor of however many was busy for as long as we had it.
    assert first >= 0.8 * 0.2 / lasted_s / (psutil.cpu_count() or 1)


@pytest.mark.parametrize(
    ("size", "words"),
    [(459_000, "0.5 MB"), (12_345, "12.3 kB"), (99_900_000, "99.9 MB"), (3_800_000_000, "3.8 GB")],
)
def test_a_size_is_never_said_to_be_nothing(size: int, words: str) -> None:
    assert probes.in_bytes(size) == words


def test_a_log_folder_that_is_gone_is_a_fault(home: Home) -> None:
    home.task_logs.rmdir()

    reading = probes.log_folder(home)

    assert judge(reading.value, reading.threshold, before=OK) == CRIT
    assert str(home.task_logs) in reading.message


@pytest.mark.parametrize(("age_ms", "state"), [(0, "ok"), (89_000, "ok"), (150_000, "crit")])
def test_an_old_heartbeat_is_critical(age_ms: int, state: str) -> None:
    reading = probes.master_runner(age_ms)

    assert judge(reading.value, reading.threshold, before=OK) == state


CLOCKS = (
    (None, NOW_MS, OK, "in step"),
    (SET_FORWARD, NOW_MS + 59 * 60_000, WARN, "set forward"),
    (SET_FORWARD, NOW_MS + 60 * 60_000, OK, "in step"),
    (None, 12_000, CRIT, "1970-01-01"),
)


@pytest.mark.parametrize(("last", "now_ms", "verdict", "words"), CLOCKS)
def test_the_clock_is_in_step_or_says_what_happened_to_it(
    last: Happening | None, now_ms: int, verdict: str, words: str
) -> None:
    reading = probes.clock(last, now_ms)

    assert judge(reading.value, reading.threshold, before=CRIT) == verdict
    assert words in reading.message
