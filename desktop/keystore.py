"""Where this desktop's secret key lies: the system's key store, else a private file."""

import os
import re
import stat
from pathlib import Path
from typing import Final

import keyring
import msgspec
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError

from desktop.settings import Profile, SettingsError, write_private

SERVICE: Final = "smart-cron-desktop"
FILE_PLACE: Final = "file"
_Z85_KEY: Final = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")

# Backends that keep nothing, keep it readable, or only hand on to such a one.
_UNSAFE: Final = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")


class ClientKey(msgspec.Struct, frozen=True):
    """A CURVE key pair in Z85; its `repr` never shows the secret half."""

    public: str
    secret: str

    def __repr__(self) -> str:
        return f"ClientKey(public={self.public!r})"


class KeyStore:
    """Keeps one key pair for a profile, and says in words where."""

    def __init__(self, profile: Profile, *, backend: KeyringBackend | None = None) -> None:
        self._profile = profile
        self._file = profile.folder / "client.key"
        self._backend = usable_backend(keyring.get_keyring() if backend is None else backend)

    @property
    def _account(self) -> str:
        return str(self._profile.folder)

    def warning(self) -> str:
        """A sentence to show while the key lies in a file, else nothing."""
        if self._profile.load().key_place != FILE_PLACE:
            return ""
        return (
            "This system has no key store, so the key of this desktop lies in the file "
            f"{self._file}, readable by you alone."
        )

    def load(self) -> ClientKey | None:
        """The key of this profile, None when none was made yet.

        Raises `SettingsError` when there is one that cannot be had or must not be trusted.
        """
        place = self._profile.load().key_place
        if not place:
            return None
        text = self._read_file() if place == FILE_PLACE else self._ask_backend(place)
        public, _, secret = text.strip().partition(" ")
        if not (_Z85_KEY.fullmatch(public) and _Z85_KEY.fullmatch(secret)):
            raise SettingsError(
                "the key of this desktop is damaged; move the profile folder "
                f"{self._profile.folder} away and connect with a new invite"
            )
        return ClientKey(public, secret)

    def save(self, key: ClientKey) -> None:
        """Put the key where it is safest here, and remember where that was."""
        text = f"{key.public} {key.secret}"
        place = self._tell_backend(text)
        if place is None:
            write_private(self._file, text)
            place = FILE_PLACE
        settings = self._profile.load()
        self._profile.save(msgspec.structs.replace(settings, key_place=place))

    def _tell_backend(self, text: str) -> str | None:
        if self._backend is None:
            return None
        try:
            self._backend.set_password(SERVICE, self._account, text)
        except KeyringError:  # locked, or refused by the user: the file remains
            return None
        return _place(self._backend)

    def _ask_backend(self, place: str) -> str:
        if self._backend is None or _place(self._backend) != place:
            raise SettingsError(
                f"the key of this desktop was put into {place}, which is not available now; "
                "log in to your desktop session so that it can be opened"
            )
        try:
            text = self._backend.get_password(SERVICE, self._account)
        except KeyringError as error:
            raise SettingsError(
                f"the key store {place} did not give the key: {error}; unlock it and start again"
            ) from error
        if text is None:
            raise SettingsError(
                f"the key store {place} holds no key for {self._account}; move the profile "
                "folder away and connect with a new invite"
            )
        return text

    def _read_file(self) -> str:
        try:
            _refuse_readable_by_others(self._file)
            return self._file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"the key file {self._file} cannot be read: {error}; move the profile folder "
                "away and connect with a new invite"
            ) from error


def usable_backend(backend: KeyringBackend) -> KeyringBackend | None:
    """The backend, or the first good one of a chain; None when none keeps a secret."""
    for one in getattr(backend, "backends", None) or [backend]:
        module = type(one).__module__
        if not module.startswith(_UNSAFE) and "PlainText" not in type(one).__name__:
            found: KeyringBackend = one
            return found
    return None


def _place(backend: KeyringBackend) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _refuse_readable_by_others(file: Path) -> None:
    if os.name != "posix":
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise SettingsError(
            f"the key file {file} may be read by others (mode {mode:04o}); somebody may have "
            f"copied it: run `chmod 600 {file}`, and have the key revoked if others use this "
            "machine"
        )
