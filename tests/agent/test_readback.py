"""Whatever became of a file of ours, what is read of it is what was written, or nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from agent import halting, readback, sealed
from agent.errors import StorageError
from agent.readback import NotWhole
from agent.recovery import make_up
from agent.rules.pinging import Ping
from agent.running import pings
from agent.settings import Home
from agent.store import anchor, mark
from agent.store.alerts import Alert
from agent.store.chain import Link
from agent.store.standby import Copy, Known
from tests.agent.store.makings import NOW_MS, a_run
from tests.damages import damages

DATABASE: Final = "a file.sqlite3"
PING: Final = Ping(op="a" * 32, task_name="backup", at_ms=NOW_MS, message="Größe", exit_status=0)
KNOWN: Final = Known(database=DATABASE, boot_id="this boot", boots=(NOW_MS,), highest_ms=NOW_MS)
RUN: Final = a_run(status="running", note="Größe")
LINK: Final = Link(7, f"{7:064d}")
ALERT: Final = Alert(
    id="A", dedupe_key="k", kind="k", severity="high", title="Größe", message="m",
    status="active", occurrences=1, opened_ms=NOW_MS, last_seen_ms=NOW_MS,
)  # fmt: skip


def read_anchor(home: Home) -> Any:
    try:
        return anchor.read(home.root)
    except StorageError:
        return None


class Kept(msgspec.Struct, frozen=True):
    """A file of a home: how it comes to be there, and what is read of it."""

    path: str
    write: Callable[[Home], object]
    read: Callable[[Home], object]


def data(home: Home) -> Path:
    return home.journal_file.parent


FILES: Final = (
    Kept(
        "data/decided",
        lambda home: mark.Mark(data(home), DATABASE, make_up=make_up).put(NOW_MS),
        lambda home: mark.read(data(home), DATABASE),
    ),
    Kept(
        "data/standby.tasks",
        lambda home: Copy(data(home)).keep(KNOWN),
        lambda home: Copy(data(home)).read(DATABASE),
    ),
    Kept(
        "data/standby.runs",
        lambda home: Copy(data(home)).keep_runs([RUN]),
        lambda home: Copy(data(home)).read_begun() or None,
    ),
    Kept(
        "data/standby.alerts",
        lambda home: Copy(data(home)).keep_alerts([ALERT]),
        lambda home: Copy(data(home)).read_alerts() or None,
    ),
    Kept("audit.anchor", lambda home: anchor.raise_to(home.root, LINK), read_anchor),
    Kept(
        f"pings/{NOW_MS:015d}-{PING.op}.json",
        lambda home: pings.leave(home, PING),
        lambda home: [ping for _, ping in pings.waiting(home)] or None,
    ),
)


@pytest.mark.parametrize("kept", FILES, ids=lambda kept: kept.path)
def test_a_damaged_file_is_read_as_it_was_written_or_not_at_all(kept: Kept, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    kept.write(home)
    path = home.root / kept.path
    body = path.read_bytes()
    whole = kept.read(home)
    assert whole is not None

    told = {}
    for how, damaged in damages(body).items():
        path.write_bytes(damaged)
        told[how] = kept.read(home)

    # What stands after the end, as in a file that is larger than what it says, is none of it.
    assert [how for how, found in told.items() if found not in (None, whole)] == []
    assert any(found is None for found in told.values())


def test_a_halt_that_cannot_be_read_keeps_no_agent_from_running(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    halting.note(home, halting.Halt(at_ms=NOW_MS, by="Jörg", why="Größe"))
    path = home.runtime / "stopped"
    for damaged in damages(path.read_bytes()).values():
        path.write_bytes(damaged)
        halting.standing(home)  # whatever it says, it is no fault

    path.write_bytes(b'{"at_ms":1,"by":"\xff"}')
    assert halting.standing(home) is None


@pytest.mark.parametrize("read", [readback.from_json, readback.from_msgpack])
@pytest.mark.parametrize("body", [b"", b'"\xff"', b"\xa1\xff", b"[" * 20_000, b"\x91" * 20_000])
def test_there_is_one_word_for_all_that_can_be_wrong(
    read: Callable[[bytes, Any], object], body: bytes
) -> None:
    with pytest.raises(NotWhole):
        read(body, object)


def test_what_an_earlier_version_wrote_without_a_sum_is_read() -> None:
    assert readback.from_json(b'{"a":1}  ', dict[str, int]) == {"a": 1}
    assert readback.from_msgpack(msgspec.msgpack.encode({"a": 1}), dict[str, int]) == {"a": 1}


def test_a_sum_goes_with_what_it_is_of() -> None:
    line = sealed.seal(b'{"a":",\\"c\\":1"}')

    assert sealed.opened(line) == b'{"a":",\\"c\\":1"}'
    assert msgspec.json.decode(line)["a"] == ',"c":1'
    assert sealed.opened_packed(sealed.seal_packed(b"\x01")) == b"\x01"
