"""What this desktop remembers between two starts: connections, looks, window."""

import os
import secrets
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import platformdirs
import tomlkit

from shared.protocol.keys import key_bytes

HOME_VARIABLE: Final = "SMARTCRON_DESKTOP_HOME"

Environment = Literal["production", "staging", "test", "demo"]
Asking = Literal["each_time", "irreversible", "only_look"]
ThemeChoice = Literal["system", "light", "dark", "contrast"]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class SettingsError(Exception):
    """The profile folder, or a file in it, cannot be used."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One agent this desktop is enrolled with; `agent_key` is its public key in Z85.

    `events_port` is None while the port the agent tells in `hello` is right; behind a tunnel
    or an address translation it names the port to use instead.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    name: Name
    host: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    agent_key: Annotated[str, msgspec.Meta(min_length=40, max_length=40)]
    control_port: Port = 7460
    events_port: Port | None = None
    environment: Environment = "production"
    asking: Asking = "each_time"
    density: Literal["comfortable", "compact"] = "comfortable"


class WindowState(msgspec.Struct, frozen=True, kw_only=True):
    """Where the window stood; Qt's own bytes as base64 text, empty when never saved."""

    geometry: str = ""
    layout: str = ""
    view: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All of `desktop.toml`.

    `key_place` pins where the secret key was put, so that a key store that is away today is
    reported, not silently replaced by a new key the agents do not know.
    """

    theme: ThemeChoice = "system"
    last: str = ""
    key_place: str = ""
    window: WindowState = WindowState()
    connections: tuple[Connection, ...] = ()

    def with_connection(self, connection: Connection) -> "Settings":
        """Add the connection, or put it in the place of the one with the same agent."""
        others = tuple(one for one in self.connections if one.id != connection.id)
        return msgspec.structs.replace(self, connections=(*others, connection), last=connection.id)

    def without_connection(self, connection_id: str) -> "Settings":
        """Forget one agent."""
        kept = tuple(one for one in self.connections if one.id != connection_id)
        last = "" if self.last == connection_id else self.last
        return msgspec.structs.replace(self, connections=kept, last=last)

    def renamed(self, connection_id: str, name: str) -> "Settings":
        """Call one agent otherwise; whatever else is kept stays."""
        connections = tuple(
            msgspec.structs.replace(one, name=name) if one.id == connection_id else one
            for one in self.connections
        )
        return msgspec.structs.replace(self, connections=connections)

    def preferred(self) -> Connection | None:
        """The connection used last, else the first, else none."""
        named = [one for one in self.connections if one.id == self.last]
        return next(iter(named or self.connections), None)


class Profile:
    """One folder that holds everything this desktop keeps; only its owner may read it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "desktop.toml"

    def load(self) -> Settings:
        """What was saved last, or the defaults; a damaged file is refused by its name."""
        try:
            text = self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Settings()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self._file} cannot be read: {error}") from error
        try:
            settings = msgspec.convert(tomllib.loads(text), Settings)
            for connection in settings.connections:
                key_bytes(connection.agent_key)
        except (ValueError, RecursionError) as error:
            raise SettingsError(
                f"{self._file} is damaged ({error}); mend it or move it away and connect anew"
            ) from error
        return settings

    def save(self, settings: Settings) -> None:
        """Put the settings in place of the old ones in one step."""
        plain = msgspec.to_builtins(settings)
        for connection in plain["connections"]:
            if connection["events_port"] is None:
                del connection["events_port"]  # TOML has no null
        write_private(self._file, tomlkit.dumps(plain))


def profile_folder(chosen: str | None = None) -> Path:
    """The folder named on the command line, else by the environment, else the usual one."""
    named = chosen or os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_config_dir("smart-cron", appauthor=False)) / "desktop"


def make_private_folder(folder: Path) -> None:
    """Make the folder for its owner alone; raise `SettingsError` when it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.name == "posix" and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise SettingsError(
            f"the profile folder {folder} cannot be used: {error.strerror}; "
            "choose another with --profile"
        ) from error


def write_private(file: Path, text: str) -> None:
    """Write a file only its owner may read, whole or not at all."""
    make_private_folder(file.parent)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from error
