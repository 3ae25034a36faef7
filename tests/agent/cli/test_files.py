"""Cleaning a folder takes its old files and never anything that lies elsewhere."""

import os
import threading
from pathlib import Path

import pytest

from agent.cli.files import _clean
from tests.journeys.household import Household

LONG_AGO = (1_000_000_000, 1_000_000_000)


def old(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, LONG_AGO)
    return path


def test_old_files_go_and_everything_else_stays(household: Household, tmp_path: Path) -> None:
    gone = [old(tmp_path / "cache/a"), old(tmp_path / "cache/deep/er/b")]
    outside = old(tmp_path / "outside/c")
    new = tmp_path / "cache/new"
    new.write_text("x")
    (tmp_path / "cache/link").symlink_to(outside)
    (tmp_path / "cache/folder").symlink_to(outside.parent)
    words = ("files", "clean", "--folder", str(tmp_path / "cache"), "--older-than", "7d")

    planned = household.json(*words, "--dry-run")
    assert all(path.exists() for path in gone)
    done = household.json(*words)

    assert planned["files"] == done["files"] == 2
    assert not any(path.exists() for path in gone)
    assert outside.exists()
    assert new.exists()
    assert (tmp_path / "cache/link").is_symlink()


def test_a_folder_swapped_for_a_link_again_and_again_loses_nothing_outside(
    tmp_path: Path,
) -> None:
    outside = old(tmp_path / "outside/victim")
    inner, away = tmp_path / "cache/inner", tmp_path / "away"
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            inner.rename(away)
            inner.symlink_to(outside.parent)
            inner.unlink()
            away.rename(inner)

    old(inner / "own")
    attacker = threading.Thread(target=swap)
    attacker.start()
    try:
        for _ in range(300):
            try:
                _clean(tmp_path / "cache", 2e9, dry_run=False)
            except OSError:
                continue
    finally:
        stop.set()
        attacker.join()

    assert outside.exists()


@pytest.mark.parametrize("folder", ["/", "link"])
def test_a_link_or_a_whole_disk_is_refused(
    household: Household, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    path = folder if folder == "/" else str(tmp_path / folder)

    done = household.run("files", "clean", "--folder", path, "--older-than", "7d")

    assert done.returncode == 2
    assert "plain folder" in done.stderr
