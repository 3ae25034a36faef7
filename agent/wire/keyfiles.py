"""Which key pair lies in this file, and may it be trusted?"""

import errno
import os
import secrets
import stat
import tomllib
from pathlib import Path

import msgspec
import zmq

from agent.errors import HomeError

AGENT_KEY = "agent.key"
LOCAL_KEY = "local.key"
_LARGEST_BYTES = 4096
_HEADING = "# A key pair of this Smart Cron agent. Whoever can read it can act in its name.\n"


class KeyPair(msgspec.Struct, frozen=True):
    """A CURVE key pair, both halves as Z85 text."""

    public: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public!r})"  # the secret half never reaches a log


def new_pair() -> KeyPair:
    """A fresh random key pair."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode("ascii"), secret.decode("ascii"))


def pair_of(secret: str) -> KeyPair:
    """The pair that belongs to a secret half; raises ValueError when it is not a key."""
    try:
        public = zmq.curve_public(secret.encode("ascii"))
    except (zmq.ZMQError, ValueError) as error:
        raise ValueError("not a key: 40 characters of Z85 are needed") from error
    return KeyPair(public.decode("ascii"), secret)


def make_pair(path: Path) -> KeyPair:
    """Write a fresh pair for the owner's eyes only; raises HomeError when the file exists."""
    pair = new_pair()
    text = f'{_HEADING}public = "{pair.public}"\nsecret = "{pair.secret}"\n'
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike rename, never replaces a key that is there
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as error:
        raise HomeError(f"key file {path} exists already; it is never replaced") from error
    except OSError as error:
        raise HomeError(f"key file {path} cannot be written: {error.strerror}") from error
    return pair


def load_pair(path: Path) -> KeyPair:
    """Read a pair; raises HomeError when the file is missing, open to others or damaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise HomeError(
            f"key file {path} is missing; put it back from a backup, or make a new one with "
            "`smartcron-agent init`"
        ) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise HomeError(
                f"key file {path} is a symbolic link; put the file itself there"
            ) from error
        raise HomeError(f"key file {path} cannot be read: {error.strerror}") from error
    try:
        _check_owner(path, os.fstat(descriptor))
        content = os.read(descriptor, _LARGEST_BYTES)
    finally:
        os.close(descriptor)
    return _parse(path, content)


def load_or_make_pair(path: Path) -> KeyPair:
    """The pair of this file, made first when there is none."""
    return load_pair(path) if os.path.lexists(path) else make_pair(path)


def _check_owner(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise HomeError(f"key file {path} is not a regular file; put the key file itself there")
    if status.st_uid != os.geteuid():
        raise HomeError(
            f"key file {path} belongs to user {status.st_uid}, not to you ({os.geteuid()}); "
            f"mend it with `chown {os.geteuid()} {path}`"
        )
    if status.st_mode & 0o077:
        raise HomeError(
            f"key file {path} can be used by others (mode {stat.S_IMODE(status.st_mode):o}); "
            f"mend it with `chmod 600 {path}`"
        )


def _parse(path: Path, content: bytes) -> KeyPair:
    damaged = HomeError(
        f"key file {path} is damaged; put it back from a backup, or move it away and make a new "
        "one with `smartcron-agent init` (all clients then need a new invite)"
    )
    try:
        pair = msgspec.convert(tomllib.loads(content.decode("ascii")), KeyPair)
        derived = pair_of(pair.secret)
    except (ValueError, RecursionError):
        # `from None`: the cause may quote the secret.
        raise damaged from None
    if derived.public != pair.public:
        raise damaged
    return pair
