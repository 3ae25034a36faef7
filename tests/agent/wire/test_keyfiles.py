"""Is a key file only taken when it can be trusted?"""

from pathlib import Path

import pytest

from agent.errors import HomeError
from agent.wire.keyfiles import load_or_make_pair, load_pair, make_pair, new_pair, pair_of


def test_a_made_key_is_for_the_owner_only_and_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "agent.key"

    made = make_pair(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert load_pair(path) == made
    assert pair_of(made.secret) == made
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "agent.key"
    made = make_pair(path)

    with pytest.raises(HomeError, match="exists already"):
        make_pair(path)

    assert load_or_make_pair(path) == made
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_key_names_the_file_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"agent\.key is missing; .*smartcron-agent init"):
        load_pair(tmp_path / "agent.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "agent.key"
    make_pair(path)
    path.chmod(mode)

    with pytest.raises(HomeError, match=f"mode {mode:o}.*chmod 600"):
        load_pair(path)


def test_a_link_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    make_pair(tmp_path / "real.key")
    (tmp_path / "agent.key").symlink_to(tmp_path / "real.key")

    with pytest.raises(HomeError, match="symbolic link"):
        load_pair(tmp_path / "agent.key")


def test_a_dangling_link_is_not_followed_to_make_a_key_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "agent.key").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(HomeError):
        load_or_make_pair(tmp_path / "agent.key")

    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "agent.key").mkdir()

    with pytest.raises(HomeError, match="not a regular file"):
        load_pair(tmp_path / "agent.key")


@pytest.mark.parametrize("damage", ["empty", "cut", "swapped", "letters", "bytes"])
def test_a_damaged_key_is_refused_without_showing_it(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "agent.key"
    pair, other = make_pair(path), new_pair()
    text = path.read_text()
    path.write_bytes(
        {
            "empty": b"",
            "cut": text[: text.index(pair.secret) + 10].encode(),
            "swapped": text.replace(pair.public, other.public).encode(),
            "letters": text.replace(pair.secret, "," * 40).encode(),
            "bytes": b"\xff\x00" * 50,
        }[damage]
    )

    with pytest.raises(HomeError, match=r"agent\.key is damaged") as refused:
        load_pair(path)

    assert pair.secret not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_key_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="cannot be written"):
        make_pair(tmp_path / "nowhere" / "agent.key")


def test_a_secret_never_shows_in_a_repr() -> None:
    pair = new_pair()

    assert pair.secret not in f"{pair!r} {pair}"
    assert pair.public in repr(pair)


def test_what_is_no_secret_half_is_refused() -> None:
    for text in ("", "x" * 39, "ü" * 40, ";" * 40):
        with pytest.raises(ValueError, match="not a key"):
            pair_of(text)
