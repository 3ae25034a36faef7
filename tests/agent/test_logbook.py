"""Where do the agent's own log lines go?"""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import logbook
from agent.log import log_of
from agent.settings import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    home.make()
    logbook.open_logbook(home, to_terminal=False)
    yield home
    logbook.only_bad_to_stderr()


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_what_is_bad_stands_in_both_files_and_the_rest_in_one(home: Home) -> None:
    log = log_of("test")

    log.info("serving", tasks=29)
    log.error("the database refuses", cause="locked by another")

    assert len(lines(home.logs / "master.log")) == 2
    (bad,) = lines(home.logs / "errors.log")
    assert bad.endswith("error    the database refuses cause='locked by another'")


async def test_what_a_loop_says_is_written_together_and_what_is_bad_at_once(home: Home) -> None:
    log, master = log_of("test"), home.logs / "master.log"

    log.info("run ended", run_id="R1")
    log.info("run ended", run_id="R2")
    assert not master.exists()
    log.warning("the disk is slow")
    assert [line.split()[-1] for line in lines(master)] == ["run_id=R1", "run_id=R2", "slow"]

    log.info("run ended", run_id="R3")
    async with asyncio.timeout(30):
        while len(lines(master)) < 4:  # noqa: ASYNC110 - it is a file that is waited for
            await asyncio.sleep(0.01)


def test_what_a_loop_said_last_is_written_though_it_is_over(home: Home) -> None:
    said = said_by(
        home,
        "open_logbook(home, to_terminal=True)\n"
        "async def say(text): log_of('test').info(text)\n"
        "asyncio.run(say('first'))\n"
        "asyncio.run(say('second'))\n",
    )

    assert [line.split()[-1] for line in lines(home.logs / "master.log")] == ["first", "second"]
    assert [line.split()[-1] for line in said.splitlines()] == ["first", "second"]


def test_what_a_disk_takes_only_a_part_of_is_said_whole_to_whoever_listens(home: Home) -> None:
    said = said_by(
        home,
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
        "open_logbook(home, to_terminal=False)\n"
        "async def say():\n"
        "    for number in range(20): log_of('test').info('run ended', number=number)\n"
        "    log_of('test').warning('the disk is slow')\n"
        "asyncio.run(say())\n",
    )

    assert all(f" number={number}\n" in said for number in range(20))
    assert "the disk is slow" in said
    assert (home.logs / "master.log").stat().st_size == 500


def said_by(home: Home, program: str) -> str:
    """What a process of its own with these lines says on stderr until it ends."""
    known = (
        "import asyncio, pathlib, sys\n"
        "from agent.log import log_of\n"
        "from agent.logbook import open_logbook\n"
        "from agent.settings import Home\n"
        "home = Home(pathlib.Path(sys.argv[1]))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", known + program, home.root],
        capture_output=True,
        text=True,
        check=True,
    ).stderr


def test_a_line_stays_one_line_whatever_is_in_it(home: Home) -> None:
    log_of("test").info("run ended", message="a\nb", colour="\x1b[31m")

    (line,) = lines(home.logs / "master.log")
    assert "\\n" in line
    assert "\x1b" not in line


def test_a_trace_follows_its_line_and_log_files_are_private(home: Home) -> None:
    try:
        int("told")
    except ValueError:
        log_of("test").exception("a handler failed")

    text = (home.logs / "errors.log").read_text()
    assert "    ValueError: invalid literal" in text
    assert (home.logs / "errors.log").stat().st_mode & 0o777 == 0o600


def test_a_log_that_has_grown_is_set_aside(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logbook, "ROTATE_BYTES", 100)
    log = log_of("test")

    for _ in range(3):
        log.info("x" * 80)

    assert (home.logs / "master.log.1").exists()


def test_a_log_folder_that_is_gone_does_not_stop_the_agent(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.task_logs.rmdir()
    home.logs.rmdir()

    log_of("test").info("serving")

    assert "serving" in capsys.readouterr().err


def test_a_terminal_on_a_full_disk_stops_nobody(home: Home) -> None:
    program = (
        "import sys; from pathlib import Path; from agent.log import log_of\n"
        "from agent.logbook import open_logbook; from agent.settings import Home\n"
        f"home = Home(Path({str(home.root)!r})); open_logbook(home, to_terminal=True)\n"
        "log = log_of(__name__)\n"
        "for _ in range(1000): log.error('the disk is full, and so is what the agent says to')\n"
        "home.logs.joinpath('master.log').unlink(); home.logs.joinpath('master.log').mkdir()\n"
        "log.error('nor is there a file')\n"
        "print('went on')\n"
    )

    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, check=False
        )

    assert done.stdout == b"went on\n"
    assert len(lines(home.logs / "errors.log")) == 1_001


def test_what_the_loop_complains_of_stands_in_the_book(home: Home) -> None:
    try:
        int("told")
    except ValueError as error:
        logging.getLogger("asyncio").error("never retrieved\nfuture: %s", "x", exc_info=error)

    said = lines(home.logs / "errors.log")
    assert said[0].endswith(" error    never retrieved")
    assert said[1:3] == ["    future: x", "    Traceback (most recent call last):"]


def test_without_a_logbook_only_what_is_bad_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    logbook.only_bad_to_stderr()
    log = log_of("test")

    log.info("serving")
    log.warning("mail waits", cause="the network")

    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("warning  mail waits cause='the network'")
