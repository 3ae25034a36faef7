"""Is the database's file still where it was opened?"""

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.errors import StorageError
from agent.store import state
from agent.store.database import Database
from agent.store.placing import Place
from tests.agent.store.makings import NOW_MS

put = partial(state.put, name="trial", value="before", now_ms=NOW_MS)
get = partial(state.get, name="trial")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "smartcron.sqlite3"


@pytest.fixture
def at_file(file: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{file}")
    database.write_now(put)
    database.read_now(get)
    yield database
    database.close()


def test_a_file_that_was_deleted_is_written_anew_from_what_is_open(
    at_file: Database, file: Path
) -> None:
    place = Place(at_file)
    for each in list(file.parent.iterdir()):
        each.unlink()
    was_kept = place.is_kept

    said = place.put_back()

    assert "was deleted" in said
    assert (was_kept, place.is_kept) == (False, True)
    again = Database.open(f"sqlite:///{file}", migrate=False)
    assert again.read_now(get) == "before"
    again.close()
    at_file.write_now(partial(state.put, name="trial", value="after", now_ms=NOW_MS))
    assert at_file.read_now(get) == "after"


def test_a_file_that_nobody_has_read_yet_is_written_anew_from_what_the_writer_has_open(
    file: Path,
) -> None:
    database = Database.open(f"sqlite:///{file}")
    database.write_now(put)
    place = Place(database)
    for each in list(file.parent.iterdir()):
        each.unlink()

    place.put_back()

    assert database.read_now(get) == "before"
    database.close()


def test_a_file_that_nothing_has_open_cannot_be_put_back(file: Path) -> None:
    database = Database.open(f"sqlite:///{file}")
    place = Place(database)
    file.unlink()

    with pytest.raises(StorageError, match="not there"):
        place.put_back()

    assert not file.exists()
    database.close()


def test_another_file_in_its_place_is_used_from_then_on(at_file: Database, file: Path) -> None:
    place = Place(at_file)
    other = Database.open(f"sqlite:///{file.with_name('other.sqlite3')}")
    other.write_now(partial(state.put, name="trial", value="other", now_ms=NOW_MS))
    other.close()
    shutil.move(file.with_name("other.sqlite3"), file)

    said = place.put_back()

    assert "replaced" in said
    assert at_file.read_now(get) == "other"


def test_a_file_is_at_rest_once_nobody_has_written_to_it_between_two_looks(
    at_file: Database, file: Path
) -> None:
    place = Place(at_file)
    file.unlink()
    asked = [place.is_at_rest(), place.is_at_rest()]
    with file.open("wb") as copying:
        asked.append(place.is_at_rest())
        copying.write(b"half")
        copying.flush()
        asked.append(place.is_at_rest())
    asked.append(place.is_at_rest())

    assert asked == [False, True, False, False, True]


def test_a_whole_file_is_at_rest_though_commands_write_to_it(at_file: Database, file: Path) -> None:
    place = Place(at_file)
    at_file.close()
    whole = file.read_bytes()
    file.unlink()
    asked = [place.is_at_rest()]
    for part in (whole[: len(whole) // 2], whole[len(whole) // 2 :]):
        with file.open("ab") as copying:
            copying.write(part)
        asked.append(place.is_at_rest())
    os.utime(file, ns=(1, 1))
    asked.append(place.is_at_rest())

    assert asked == [False, False, True, True]


def test_what_somebody_puts_there_meanwhile_is_not_replaced(
    at_file: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(at_file)
    for each in list(file.parent.iterdir()):
        each.unlink()
    link = os.link

    def linked(source: Path, target: Path) -> None:
        target.write_bytes(b"theirs")
        link(source, target)

    monkeypatch.setattr(os, "link", linked)

    with pytest.raises(StorageError, match="cannot be put back"):
        place.put_back()

    assert file.read_bytes() == b"theirs"
    assert [each.name for each in file.parent.glob(".*.half")] == []


def test_no_empty_file_is_begun_where_a_database_was(at_file: Database, file: Path) -> None:
    at_file.reopen()
    file.unlink()

    with pytest.raises(StorageError, match="not there"):
        at_file.read_now(get)

    assert not file.exists()
