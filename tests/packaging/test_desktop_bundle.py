"""Does the packaged desktop start without Python, connect to an agent and show its tasks?"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
AGENT = Path(sys.executable).with_name("smartcron-agent")
WAIT_S = 60

pytestmark = pytest.mark.bundle


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the bundle as `make bundle` does; return its program."""
    dist = tmp_path_factory.mktemp("dist")
    built = subprocess.run(
        ["make", "bundle"],
        cwd=ROOT,
        env={**os.environ, "DIST": str(dist)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return dist / "smartcron-desktop" / "smartcron-desktop"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose agent serves the 29 tasks while the test lasts."""
    folder = tmp_path / "home"
    control, events = map(str, free_ports(2))
    ports = ["--control-port", control, "--events-port", events]
    agent(folder, "init", "--environment", "demo", *ports)
    agent(folder, "tasks", "register", "--catalogue", "retail")
    serving = subprocess.Popen(
        [AGENT, "--home", folder, "serve", "--quiet"], stdin=subprocess.DEVNULL
    )
    try:
        wait_until_it_answers(folder, serving)
        yield folder
    finally:
        serving.terminate()
        serving.wait(WAIT_S)


def agent(home: Path, *words: str) -> str:
    done = subprocess.run(
        [AGENT, "--home", home, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until_it_answers(home: Path, serving: subprocess.Popen[bytes]) -> None:
    settings = (home / "settings.toml").read_text(encoding="utf-8")
    port = int(settings.partition("control_port = ")[2].partition("\n")[0])
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        assert serving.poll() is None, "the agent ended by itself"
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the agent does not listen")


def start(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the bundle as on a machine that has neither our environment nor a screen."""
    return subprocess.run(
        [program, *words],
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=WAIT_S * 2,
        check=False,
    )


def lines_of_text(picture: QImage) -> int:
    """Count the lines of a list: bands of pixel rows that are not all of one colour."""
    left, right = int(picture.width() * 0.25), int(picture.width() * 0.5)
    bands, inside = 0, False
    for y in range(picture.height()):
        colours = {picture.pixel(x, y) for x in range(left, right, 2)}
        bands += len(colours) > 2 and not inside
        inside = len(colours) > 2
    return bands


def test_the_bundle_names_its_version(desktop: Path) -> None:
    told = start(desktop, "--version")

    assert told.returncode == 0, told.stderr
    assert "0.1.0" in told.stdout


def test_the_bundle_connects_to_an_agent_and_shows_the_grid(
    desktop: Path, home: Path, tmp_path: Path
) -> None:
    link = agent(home, "invite", "--role", "viewer", "--label", "bundle").splitlines()[-1]
    picture_file = tmp_path / "grid.png"
    profile = str(tmp_path / "profile")

    shown = start(
        desktop,
        *("--profile", profile, "--connect", link),
        *("--screenshot", str(picture_file), "--after", "20"),
    )

    assert shown.returncode == 0, shown.stderr
    enrolled = json.loads(agent(home, "keys", "list", "--json"))
    assert [key["label"] for key in enrolled].count("bundle") == 1
    picture = QImage(str(picture_file))
    assert picture.width() >= 1000
    assert lines_of_text(picture) >= 15
