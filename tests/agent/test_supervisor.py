"""What is said to systemd, and which of its units are we?"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import supervisor
from agent.supervisor import Unit, own_unit, unit_of, unit_of_process


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield line


def test_the_service_manager_hears_what_is_told(manager: socket.socket) -> None:
    supervisor.tell(supervisor.ALIVE)

    assert manager.recv(100) == b"WATCHDOG=1"


def test_a_manager_with_an_abstract_address_hears_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"smartcron-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"\0{name}")
        line.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        supervisor.tell(supervisor.READY)

        assert line.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/no/such/socket"])
def test_without_one_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)

    supervisor.tell(supervisor.STOPPING)


def test_what_something_else_has_started_is_no_unit_of_its_own() -> None:
    assert own_unit() is None


@pytest.mark.parametrize(
    ("started_by", "unit"),
    [(4711, Unit(name="smartcron-agent.service", is_users=False)), (1, None), (None, None)],
)
def test_a_process_is_the_unit_s_whose_main_process_it_is(
    tmp_path: Path, started_by: int | None, unit: Unit | None
) -> None:
    place = tmp_path / "4711"
    place.mkdir()
    said = "" if started_by is None else f"SYSTEMD_EXEC_PID={started_by}\0"
    (place / "environ").write_text(f"A=1\0{said}B=2\0")
    (place / "cgroup").write_text("0::/system.slice/smartcron-agent.service\n")

    assert unit_of_process(4711, tmp_path) == unit
    assert unit_of_process(4712, tmp_path) is None


@pytest.mark.parametrize(
    ("line", "unit"),
    [
        (
            "0::/system.slice/smartcron-agent.service",
            Unit(name="smartcron-agent.service", is_users=False),
        ),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/cron-of-anna.service",
            Unit(name="cron-of-anna.service", is_users=True),
        ),
        ("0::/user.slice/user-1000.slice/user@1000.service", None),
        ("0::/user.slice/user-1000.slice/session-3.scope", None),
        ("0::/", None),
    ],
)
def test_the_unit_is_read_from_the_control_group(line: str, unit: Unit | None) -> None:
    assert unit_of(line) == unit
