"""The profile: private, whole, refused by name when damaged."""

import os
import stat
from pathlib import Path

import pytest

from desktop.settings import (
    HOME_VARIABLE,
    Connection,
    Profile,
    Settings,
    SettingsError,
    WindowState,
    profile_folder,
)

ANNA = Connection(id="0123456789abcdef", name="anna", host="::1", agent_key="a" * 40)
BERN = Connection(
    id="fedcba9876543210",
    name='bern "two"',
    host="bern.example",
    agent_key="b" * 40,
    events_port=9000,
    environment="demo",
)


def test_what_was_saved_is_loaded_again(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    settings = Settings(theme="dark", window=WindowState(geometry="AAEC", view="tasks"))
    settings = settings.with_connection(ANNA).with_connection(BERN)

    profile.save(settings)

    assert profile.load() == settings


def test_a_profile_never_saved_has_the_defaults(tmp_path: Path) -> None:
    assert Profile(tmp_path / "none").load() == Settings()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_only_the_owner_may_read_folder_and_file(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    folder.mkdir(mode=0o755)

    Profile(folder).save(Settings())

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "desktop.toml").stat().st_mode) == 0o600
    assert [one.name for one in folder.iterdir()] == ["desktop.toml"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("theme = ", "desktop.toml"),
        ('theme = "pink"', "theme"),
        (
            '[[connections]]\nid = "0123456789abcdef"\nname = "a"\nhost = "b"\n'
            f'agent_key = "{"k" * 40}"\ncontrol_port = 70000\n',
            "control_port",
        ),
        (
            '[[connections]]\nid = "0123456789abcdef"\nname = "a"\nhost = "b"\n'
            f'agent_key = "{"k" * 39}\u00e4"\n',
            "a character that no key has",
        ),
        (
            '[[connections]]\nid = "0123456789abcdef"\nname = "a"\nhost = "b"\n'
            f'agent_key = "{"#" * 40}"\n',
            "this key is damaged",
        ),
        ("a = " + "[" * 5_000, "is damaged"),
    ],
)
def test_a_damaged_file_is_refused_by_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "desktop.toml").write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match=named):
        Profile(tmp_path).load()


def test_a_folder_that_cannot_be_made_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="--profile"):
        Profile(tmp_path / "file" / "profile").save(Settings())


def test_connecting_again_replaces_the_same_agent_and_prefers_it() -> None:
    settings = Settings().with_connection(ANNA).with_connection(BERN)
    renamed = Connection(id=ANNA.id, name="new", host="h", agent_key="a" * 40)

    again = settings.with_connection(renamed)

    assert again.connections == (BERN, renamed)
    assert again.preferred() == renamed
    assert again.without_connection(ANNA.id).preferred() == BERN
    assert Settings().preferred() is None


def test_the_command_line_wins_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "environment"))

    assert profile_folder(str(tmp_path / "chosen")) == tmp_path / "chosen"
    assert profile_folder() == tmp_path / "environment"
