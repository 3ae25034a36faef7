"""What a keeper of another version wrote is understood as far as it goes."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.boot import boot_id
from agent.running.keeping import Keepers
from agent.running.terms import Ended

ENDED_OF_OLD: dict[str, Any] = {
    "e": "ended", "run": "R", "pid": 2_000_000_000, "started_ms": 1, "ended_ms": 5,
    "duration_ms": 4, "exit_status": 7, "signal": None, "cause": "", "cpu_ms": 1,
    "peak_rss": 2, "leftovers": 0, "detail": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "read_bytes"),
    [({}, None), ({"read_bytes": 9, "written_bytes": 8, "not_known_yet": [1]}, 9)],
)
async def test_an_end_of_an_older_or_newer_keeper_is_learned(
    home: Path, more: dict[str, Any], read_bytes: int | None
) -> None:
    runtime = home / "run"
    runtime.mkdir(mode=0o700)
    order = {"e": "order", "run": "R", "output_file": "/none", "timeout_ms": 0, "kill_grace_ms": 1}
    lines: list[dict[str, Any]] = [
        {"e": "keeper", "v": 1, "pid": 2_000_000_000, "start": 0, "boot": boot_id(), "new": 1},
        {**order, "memory_limit_bytes": None},
        {**ENDED_OF_OLD, **more},
    ]
    journal = runtime / "keeper-0.journal"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    keepers = Keepers(runtime, on_ended=lambda _: None)
    try:
        (standing,) = await keepers.open()
    finally:
        await keepers.close()

    assert isinstance(standing, Ended)
    assert (standing.exit_status, standing.read_bytes) == (7, read_bytes)
