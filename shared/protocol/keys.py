"""How keys, invites and addresses are written for people."""

import base64
import hashlib
import re
import struct
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

SCHEME: Final = "smartcron"
CONTROL_PORT: Final = 7460
LINK_LIMIT: Final = 2_000
_KEY_BYTES: Final = 32
_HOST: Final = re.compile(r"[a-z0-9._:%-]{1,253}")
# rfc.zeromq.org/spec/32: base 85 with an alphabet that C and shell strings can hold.
_Z85: Final = (
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
)
_Z85_VALUES: Final = {letter: value for value, letter in enumerate(_Z85)}


class BadKey(ValueError):
    """A text that is no key."""


_NO_ADDRESS: Final = "is not an address; write host:port, such as server:7460"
_CUT: Final = "the link is cut off or was changed on its way; copy it again, whole"


class BadLink(ValueError):
    """A link that cannot be used; the message is one sentence for the person who pasted it."""


def key_bytes(z85: str) -> bytes:
    """The 32 bytes of a key written in Z85 (40 characters); raises BadKey."""
    if len(z85) != _KEY_BYTES * 5 // 4:
        raise BadKey(f"a key has 40 characters, this has {len(z85)}")
    words: list[int] = []
    for start in range(0, len(z85), 5):
        word = 0
        for letter in z85[start : start + 5]:
            if letter not in _Z85_VALUES:
                raise BadKey("this key holds a character that no key has")
            word = word * 85 + _Z85_VALUES[letter]
        if word >= 1 << 32:
            raise BadKey("this key is damaged")
        words.append(word)
    return struct.pack(f">{len(words)}I", *words)


def z85_key(raw: bytes) -> str:
    """32 bytes written in Z85, as ZeroMQ wants a key."""
    if len(raw) != _KEY_BYTES:
        raise BadKey(f"a key has {_KEY_BYTES} bytes, this has {len(raw)}")
    letters: list[str] = []
    for (word,) in struct.iter_unpack(">I", raw):
        letters.extend(_Z85[word // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return "".join(letters)


def to_base32(z85: str) -> str:
    """A key from Z85 to the 52 letters and digits that links and people bear."""
    return base64.b32encode(key_bytes(z85)).decode().rstrip("=")


def from_base32(text: str) -> str:
    """A key from base32 (52 characters, either case, spaces and hyphens ignored) to Z85."""
    letters = "".join(text.split()).replace("-", "").upper()
    if len(letters) != 52:
        raise BadKey(f"a key has 52 letters and digits, this has {len(letters)}")
    try:
        raw = base64.b32decode(f"{letters}====")
    except ValueError as error:
        raise BadKey("this key holds a character that no key has") from error
    return z85_key(raw)


def key_id(public_z85: str) -> str:
    """The short name of a public key: 16 hex digits of its SHA-256."""
    return hashlib.sha256(key_bytes(public_z85)).hexdigest()[:16]


class Address(msgspec.Struct, frozen=True):
    """Where an agent listens."""

    host: str
    port: int = CONTROL_PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def endpoint(self) -> str:
        """The address as ZeroMQ wants it."""
        return f"tcp://{self}"


def read_address(text: str) -> Address:
    """An address from "host", "host:port", "[IPv6]:port" or a bare IPv6; raises BadLink."""
    text = text.strip()
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadLink(f"{text!r} {_NO_ADDRESS}") from error
    is_plain = host is not None and _HOST.fullmatch(host) and parts.netloc == text
    if host is None or not is_plain or port == 0 or "@" in text:
        raise BadLink(f"{text!r} {_NO_ADDRESS}")
    return Address(host, CONTROL_PORT if port is None else port)


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent is and how it is known; with an invite secret it also lets one key in.

    Keys are in Z85. `secret` is the secret half of the invite's one-time key.
    """

    address: Address
    agent_key: str
    name: str = ""
    secret: str | None = None
    expires_ms: int | None = None

    def __repr__(self) -> str:
        # The secret opens a door: it must not reach a log through a careless repr.
        kind = "an invite" if self.is_invite else "an address card"
        return f"<Card {kind} for {self.address}, agent {self.agent_id}>"

    @property
    def is_invite(self) -> bool:
        """Whoever holds this may enrol."""
        return self.secret is not None

    @property
    def agent_id(self) -> str:
        """The agent's short name, from its key."""
        return key_id(self.agent_key)


def write_link(card: Card) -> str:
    """The card as one link; the moment of expiry is cut to whole seconds."""
    fields = {"a": to_base32(card.agent_key)}
    if card.secret is not None:
        fields["i"] = to_base32(card.secret)
    if card.expires_ms is not None:
        fields["x"] = str(card.expires_ms // 1000)
    if card.name:
        fields["n"] = card.name
    fields["k"] = _checksum(card.address, fields)
    query = "&".join(f"{field}={quote(value, safe='')}" for field, value in fields.items())
    return f"{SCHEME}://{card.address}/?{query}"


def read_link(text: str, now_ms: int) -> Card:
    """The card in a pasted link, line breaks of a mail forgiven; raises BadLink."""
    link = "".join(text.split())
    if not link.lower().startswith(f"{SCHEME}://"):
        raise BadLink(
            f"this is no link to an agent: one begins with {SCHEME}:// and holds the agent's key"
        )
    if len(link) > LINK_LIMIT:
        raise BadLink("the link is too long; copy the link alone")
    try:
        parts = urlsplit(link)
        pairs = parse_qsl(parts.query, strict_parsing=True, max_num_fields=16)
    except ValueError as error:
        raise BadLink(_CUT) from error
    fields = dict(pairs)
    if len(fields) != len(pairs) or "a" not in fields or "k" not in fields:
        raise BadLink(_CUT)
    address = read_address(parts.netloc)
    if fields.pop("k") != _checksum(address, fields):
        raise BadLink(
            "the link was changed on its way (its checksum is wrong); copy it again, whole"
        )
    return _card(address, fields, now_ms)


def _card(address: Address, fields: dict[str, str], now_ms: int) -> Card:
    try:
        agent_key = from_base32(fields["a"])
        secret = from_base32(fields["i"]) if "i" in fields else None
        expires_ms = int(fields["x"]) * 1000 if "x" in fields else None
    except ValueError as error:
        raise BadLink(f"the link was changed on its way ({error}); copy it again, whole") from error
    if expires_ms is not None and now_ms >= expires_ms:
        raise BadLink(f"expired on {_day_and_time(expires_ms)}; ask for a new invite")
    return Card(
        address=address,
        agent_key=agent_key,
        name=fields.get("n", ""),
        secret=secret,
        expires_ms=expires_ms,
    )


def _checksum(address: Address, fields: dict[str, str]) -> str:
    """Eight hex digits over what the link says; they find slips, they keep no secret."""
    said = "\n".join(
        [str(address).lower(), *(f"{field}={fields[field]}" for field in sorted(fields))]
    )
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def _day_and_time(at_ms: int) -> str:
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d at %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return "a day long past"
