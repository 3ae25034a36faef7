"""Where does room come from on a full disk?"""

from pathlib import Path

from agent.store.reserve import Reserve


def test_the_reserve_really_takes_its_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", size=1_000_000)

    assert reserve.renew()

    status = reserve.path.stat()
    assert (status.st_size, status.st_mode & 0o777) == (1_000_000, 0o600)
    assert status.st_blocks * 512 >= 1_000_000


def test_it_is_given_up_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", size=1_000)
    reserve.renew()

    assert reserve.release()
    assert not reserve.is_there
    assert not reserve.release()
    assert reserve.renew()


def test_it_is_not_made_where_it_would_fill_the_disk(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", size=1 << 50)

    assert not reserve.renew()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_file_is_no_reason_to_fail(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "gone" / "reserve", size=1_000)

    assert not reserve.renew()
    assert not reserve.release()
