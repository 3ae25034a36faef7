"""Reading secrets.toml, and refusing one that others can read."""

from pathlib import Path

import pytest

from agent.errors import HomeError
from agent.running.secrets import load_secrets


def write(home: Path, text: str, mode: int = 0o600) -> Path:
    path = home / "secrets.toml"
    path.write_text(text, encoding="latin-1")
    path.chmod(mode)
    return path


def test_values_are_read_by_name_and_no_file_means_none(home: Path) -> None:
    assert load_secrets(home / "secrets.toml") == {}
    assert load_secrets(write(home, 'A = "x"\nB = "y"\n')) == {"A": "x", "B": "y"}


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ('A = "x"', 0o640, "chmod 600"),
        ("A = 3", 0o600, "A must be text"),
        ("A = ", 0o600, "is not TOML"),
        ('A = "\xff"', 0o600, "is not TOML"),
        ("A = " + "[" * 5_000, 0o600, "is not TOML"),
    ],
)
def test_a_bad_file_is_refused_without_its_values(
    home: Path, text: str, mode: int, message: str
) -> None:
    with pytest.raises(HomeError, match=message):
        load_secrets(write(home, text, mode))
