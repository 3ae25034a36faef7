"""Compressed bytes are found at their offset, and damage is never taken for output."""

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.running.stored import BLOCK_BYTES, Packed, open_plain_file, open_stored, pack

SIZE = 3 * BLOCK_BYTES + 1000
DATA = b"".join(b"%09d\n" % number for number in range(SIZE // 10))


@pytest.fixture(scope="module")
def packed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    (folder / "plain").write_bytes(DATA)
    path = folder / "packed.gz"
    path.write_bytes(b"".join(pack(open_stored(folder / "plain"))))
    return path


@settings(deadline=None, max_examples=60)
@given(begin=st.integers(0, SIZE + 10), length=st.integers(0, 2 * BLOCK_BYTES))
def test_a_packed_file_reads_like_the_plain_one(packed_file: Path, begin: int, length: int) -> None:
    stored = open_stored(packed_file)

    assert stored.read(begin, begin + length) == DATA[begin : begin + length]
    assert stored.size == len(DATA)
    stored.close()


def test_the_usual_tools_read_a_packed_file(packed_file: Path) -> None:
    assert gzip.decompress(packed_file.read_bytes()) == DATA
    assert packed_file.stat().st_size < len(DATA) // 3


def test_only_the_blocks_that_are_asked_for_are_unpacked(
    packed_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[int] = []
    block = Packed._block

    def noted(self: Packed, number: int) -> bytes:
        unpacked.append(number)
        return block(self, number)

    monkeypatch.setattr(Packed, "_block", noted)

    open_stored(packed_file).read(2 * BLOCK_BYTES - 5, 2 * BLOCK_BYTES + 5)

    assert unpacked == [1, 2]


def test_nothing_packs_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.gz").write_bytes(b"")

    stored = open_stored(tmp_path / "empty.gz")

    assert (stored.size, stored.read(0, 10)) == (0, b"")


@pytest.mark.parametrize("at", [0, 12, 16, 40, -3])
def test_a_damaged_file_is_said_to_be_damaged(packed_file: Path, tmp_path: Path, at: int) -> None:
    whole = bytearray(packed_file.read_bytes())
    first = int.from_bytes(whole[16:20], "little")
    whole[at if at >= 0 else first + at] ^= 0xFF
    damaged = tmp_path / "damaged.gz"
    damaged.write_bytes(whole)

    with pytest.raises(OSError, match="damaged"):
        open_stored(damaged).read(0, 10)


def test_links_pipes_and_folders_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")

    for name in ("link", "pipe", "."):
        with pytest.raises(OSError, match=r"plain file|symbolic|directory"):
            open_stored(tmp_path / name)
    with pytest.raises(OSError, match=r"plain file|No such device"):
        open_plain_file(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK)
