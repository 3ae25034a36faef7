"""The desktop's secret key: kept safely, pinned to its place, refused when exposed."""

import os
import stat
from pathlib import Path
from typing import Final

import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from desktop.keystore import ClientKey, KeyStore, usable_backend
from desktop.settings import Profile, SettingsError

KEY: Final = ClientKey("p" * 40, "s" * 40)


class MemoryKeyring(KeyringBackend):
    """A key store that keeps its promise, in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring has no types here
        self.kept: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise KeyringLocked("the collection is locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.is_locked:
            raise KeyringLocked("the collection is locked")
        self.kept[service, username] = password


class Chain(MemoryKeyring):
    """Asks several backends in turn, as keyring's own chain does."""

    def __init__(self, *backends: KeyringBackend) -> None:
        super().__init__()
        self.backends = backends


class PlainTextKeyring(MemoryKeyring):
    """Stands for the file backends that keep a secret readable."""


def nothing() -> KeyringBackend:
    """What keyring gives on a server without any key store."""
    backend: KeyringBackend = fail.Keyring()  # type: ignore[no-untyped-call]  # as above
    return backend


def drain() -> KeyringBackend:
    """What keyring gives where somebody switched it off."""
    backend: KeyringBackend = null.Keyring()  # type: ignore[no-untyped-call]  # as above
    return backend


def test_a_new_profile_has_no_key(tmp_path: Path) -> None:
    assert KeyStore(Profile(tmp_path), backend=MemoryKeyring()).load() is None


def test_the_key_goes_to_the_key_store_and_no_file_is_left(tmp_path: Path) -> None:
    backend = MemoryKeyring()
    store = KeyStore(Profile(tmp_path), backend=backend)

    store.save(KEY)

    assert store.load() == KEY
    assert store.warning() == ""
    assert not (tmp_path / "client.key").exists()
    assert "s" * 40 not in (tmp_path / "desktop.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("backend", [nothing(), drain(), PlainTextKeyring()])
def test_a_backend_that_keeps_no_secret_is_passed_over_with_a_warning(
    tmp_path: Path, backend: KeyringBackend
) -> None:
    store = KeyStore(Profile(tmp_path), backend=backend)

    store.save(KEY)

    assert store.load() == KEY
    assert "client.key" in store.warning()
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "client.key").stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_file_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    store = KeyStore(Profile(tmp_path), backend=nothing())
    store.save(KEY)
    (tmp_path / "client.key").chmod(mode)

    with pytest.raises(SettingsError, match="chmod 600"):
        store.load()


def test_a_key_store_that_is_away_is_reported_instead_of_replaced(tmp_path: Path) -> None:
    KeyStore(Profile(tmp_path), backend=MemoryKeyring()).save(KEY)

    with pytest.raises(SettingsError, match="MemoryKeyring"):
        KeyStore(Profile(tmp_path), backend=nothing()).load()


def test_a_locked_key_store_says_so_when_asked_and_yields_when_told(tmp_path: Path) -> None:
    backend = MemoryKeyring()
    store = KeyStore(Profile(tmp_path / "told"), backend=backend)
    store.save(KEY)
    backend.is_locked = True

    with pytest.raises(SettingsError, match="unlock"):
        store.load()
    other = KeyStore(Profile(tmp_path / "locked"), backend=backend)
    other.save(KEY)
    assert other.warning() != ""


@pytest.mark.parametrize("text", ["", "short", f"{'p' * 40} {'s' * 39}", f"{'p' * 40}"])
def test_a_damaged_key_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    store = KeyStore(Profile(tmp_path), backend=nothing())
    store.save(KEY)
    (tmp_path / "client.key").write_text(text, encoding="ascii")

    with pytest.raises(SettingsError, match="damaged") as refused:
        store.load()
    assert "s" * 39 not in str(refused.value)


def test_the_secret_is_not_shown_when_the_key_is_printed() -> None:
    assert KEY.secret not in repr(KEY)
    assert KEY.secret not in f"{[KEY]}"


def test_of_a_chain_the_first_good_backend_counts() -> None:
    good = MemoryKeyring()

    assert usable_backend(Chain(nothing(), good)) is good
    assert usable_backend(Chain(nothing())) is None
