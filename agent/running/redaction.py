"""Which bytes of an output must nobody see?"""

import base64
import bisect
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from agent.running.stored import Stored

# No span looked for is longer, so this much text on both sides decides over what lies between.
CONTEXT_BYTES: Final = 16 << 10
SHORTEST_SECRET: Final = 4
SHORTEST_LINE: Final = 8
# As `html.escape` does, whose module brings the names of 2 231 letters into memory with it.
_IN_HTML: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
)
_CARD_DIGITS: Final = range(13, 20)
_MOST_CARD_GROUPS: Final = 5
_SHORTEST_FIRST_GROUP: Final = 4
# How cards are written, with 0 for each digit and a blank for a sign between.
_SHAPE: Final = bytes.maketrans(b"123456789-", b"000000000 ")
_CARD_SHAPES: Final = (b"0" * 13, b"0000 0000 0000", b"0000 000000 0000", b"00000000 00000")

# What stands behind a word such as `password`: quoted, or up to the next blank.
_VALUE_BEHIND: Final = (
    rb"\\{0,4}[\"']?[ \t]{0,3}[=:][ \t]{0,3}"
    rb"(?:(?:bearer|basic|digest|negotiate|aws4-hmac-sha256)[ \t]{1,4})?\\{0,4}"
    rb"(?:\"([^\"\n\\]{0,4096}(?:\\.[^\"\n\\]{0,4096}){0,64})"
    rb"|'([^'\n\\]{0,4096}(?:\\.[^'\n\\]{0,4096}){0,64})"
    rb"|([^\s\"',;&]{3,}))"
)
_KEYS: Final = (
    rb"(?:(?<=api)|(?<=api[_-])|(?<=access)|(?<=access[_-])|(?<=private)|(?<=private[_-]))"
)
# Each pattern is tried only where its needle stands, in small letters; its last group is what gets
# masked. None can need more than linear time: no repetition can end in two ways, or is bounded.
_PATTERNS: Final = tuple(
    (needle, re.compile(pattern))
    for needles, pattern in (
        (b"bearer basic", rb"(?<![a-z0-9_])(?:bearer|basic)[ \t]{1,4}([a-z0-9._~+/=-]{8,})"),
        (b"://", rb"://[^\s/:@]{0,256}:([^\s/]{1,256})@"),
        (
            b"--",
            rb"(?<![a-z0-9-])--[a-z-]{0,32}(?:password|passwd|pass|secret|token|key)[ \t]{1,4}"
            rb"([^\s-]\S{2,1024})",
        ),
        (
            b"passw pwd secret token authorization credential",
            rb"(?:password|passwd|passwort|pwd|secret|token|authorization|credentials?)"
            + _VALUE_BEHIND,
        ),
        (b"key", _KEYS + rb"key" + _VALUE_BEHIND),
        (
            b"curl",
            rb"curl[ \t][^\n|;]{0,512}?(?<=[ \t])(?:-u|--user|--proxy-user)[ \t=]{0,4}[\"']?"
            rb"[^\s:\"']{1,128}:([^\s\"']+)",
        ),
        (
            b"mysql mariadb",
            rb"(?:mysql|mariadb)[a-z_-]{0,16}[ \t][^\n|;]{0,512}?(?<=[ \t])-p([^\s-]\S{2,1024})",
        ),
        (b"sshpass", rb"sshpass[ \t]{1,4}-p[ \t]{0,4}[\"']?([^\s\"']{3,})"),
        (b"akia asia", rb"(?<![a-z0-9])((?:akia|asia)[a-z0-9]{16})(?![a-z0-9])"),
        (
            b"ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ xox glpat-",
            rb"(?<![a-z0-9_-])((?:gh[pousr]_|github_pat_|xox[abprs]-|glpat-)[a-z0-9_-]{16,})",
        ),
        (b"k_live_", rb"(?<=[sr])(?<![a-z0-9_-][sr])(k_live_[a-z0-9_-]{16,})"),
        (b"eyj", rb"(?<![a-z0-9_-])(eyj[a-z0-9_-]{8,}\.[a-z0-9_-]{8,}(?:\.[a-z0-9_-]*)?)"),
    )
    for needle in needles.split()
)
# The shell's working folder and the one before; no password is called just so.
_FOLDER: Final = re.compile(rb"(?:(?<![A-Za-z0-9_])|(?<=\bOLD))PWD=/")
# In what was found, the last bytes may be the word before another value.
_NESTED_BYTES: Final = 64
_DASHES: Final = b"-----BEGIN "
_KEY_BEGIN: Final = re.compile(rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END: Final = re.compile(rb"-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_DIGITS: Final = re.compile(rb"(?<![0-9])(?<![0-9]\.)[2-6][0-9]{3}(?:[ -]?[0-9]){9,}")
_GROUP: Final = re.compile(rb"[0-9]+")
_CARDS_BEGIN: Final = b"23456"
_VALUE: Final = bytes(max(0, byte - 48) for byte in range(256))
_DOUBLED: Final = bytes(sum(divmod(2 * (max(0, byte - 48) % 10), 10)) for byte in range(256))
_ESCAPE: Final = b"\x1b"
_COLOUR: Final = re.compile(rb"\x1b\[[0-9;:?]{0,32}[ -/]?[@-~]")
_WORTHLESS: Final = re.compile(rb"[^\r\n]")


class Redactor:
    """Masks known secret values and whatever looks like a secret, byte for byte.

    Of the owner's own patterns the first group is masked, or all of one that has none.
    """

    def __init__(self, secrets: Iterable[str] = (), own: Iterable[re.Pattern[bytes]] = ()) -> None:
        self._known = tuple(sorted({form for secret in secrets for form in _forms(secret)}))
        self._own = tuple(own)
        self.context_bytes = max(CONTEXT_BYTES, *map(len, self._known), 0)

    def mask(self, data: bytes, *, is_end: bool = False) -> bytes:
        """The same number of bytes, with `*` for each byte of a secret; lines stay lines.

        At the end of all there is, the beginning of a known value counts as one, too.
        """
        spans = list(self._spans(data, is_end=is_end))
        if _ESCAPE in data:
            spans.extend(self._coloured_spans(data, is_end=is_end))
        if not spans:
            return data
        masked = bytearray(data)
        for begin, end in spans:
            masked[begin:end] = _WORTHLESS.sub(b"*", data[begin:end])
        return bytes(masked)

    def mask_text(self, text: str) -> str:
        """The same for a text that is all there is."""
        return self.mask(text.encode(errors="replace"), is_end=True).decode(errors="replace")

    def masked(self, stored: Stored, begin: int, end: int, bounds: tuple[int, int]) -> bytes:
        """Bytes from begin to end, masked in the light of what stands before and behind them."""
        if end <= begin:
            return b""
        first = max(bounds[0], begin - self.context_bytes)
        last = min(bounds[1], end + self.context_bytes)
        data = self.mask(stored.read(first, last), is_end=last == bounds[1])
        return data[begin - first : end - first]

    def _spans(self, data: bytes, *, is_end: bool) -> Iterator[tuple[int, int]]:
        yield from self._known_spans(data)
        yield from _pattern_spans(data)
        yield from _key_spans(data)
        yield from _card_spans(data)
        yield from self._own_spans(data)
        if is_end:
            yield from self._begun_spans(data)

    def _coloured_spans(self, data: bytes, *, is_end: bool) -> Iterator[tuple[int, int]]:
        """What is a secret once colours, which may part it or touch it, are left out."""
        yield from self._spans(_COLOUR.sub(lambda found: b" " * len(found[0]), data), is_end=is_end)
        pieces, begins, raw_begins = [], [], []
        at = length = 0
        for begin, end in [*(found.span() for found in _COLOUR.finditer(data)), (len(data),) * 2]:
            pieces.append(data[at:begin])
            begins.append(length)
            raw_begins.append(at)
            length += begin - at
            at = end

        def raw(place: int) -> int:
            piece = bisect.bisect_right(begins, place) - 1
            return raw_begins[piece] + place - begins[piece]

        for begin, end in self._spans(b"".join(pieces), is_end=is_end):
            if begin < end:
                yield raw(begin), raw(end - 1) + 1

    def _known_spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        for form in self._known:
            at = data.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = data.find(form, at + 1)

    def _own_spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        for pattern in self._own:
            for match in pattern.finditer(data):
                if match.end() > match.start():
                    yield match.span(1 if pattern.groups and match[1] is not None else 0)

    def _begun_spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        for form in self._known:
            first = form[:SHORTEST_SECRET]
            at = data.find(first, max(0, len(data) - len(form) + 1))
            while at >= 0:
                if form.startswith(data[at:]):
                    yield at, len(data)
                    break
                at = data.find(first, at + 1)


def _forms(secret: str) -> set[bytes]:
    """All spellings in which a value may turn up."""
    raw = secret.encode()
    if len(raw) < SHORTEST_SECRET:
        return set()
    forms = {raw, quote(secret, safe="").encode(), quote(secret).encode()}
    forms.add(quote_plus(secret).encode())
    forms.update(json.dumps(secret, ensure_ascii=ascii)[1:-1].encode() for ascii in (True, False))
    forms |= {repr(secret)[1:-1].encode(), secret.translate(_IN_HTML).encode()}
    forms.update(secret.replace("'", quoted).encode() for quoted in ("'\\''", "'\"'\"'"))
    forms.update(line.strip() for line in raw.splitlines() if len(line.strip()) >= SHORTEST_LINE)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # As a part of something longer it is shifted by 0, 1 or 2 bytes; what surely stays is
        # the middle, without the letters that also depend on its neighbours.
        for shift in range(3):
            text = encode(b"\0" * shift + raw).rstrip(b"=")
            whole_letters = (shift + len(raw)) // 3 * 4
            middle = text[(0, 2, 3)[shift] : whole_letters]
            if len(middle) >= SHORTEST_LINE:
                forms.add(middle)
        forms.add(encode(raw).rstrip(b"="))
    return forms


def _pattern_spans(data: bytes) -> Iterator[tuple[int, int]]:
    lowered = data.lower()
    for needle, pattern in _PATTERNS:
        at = lowered.find(needle)
        while at >= 0:
            after = at + len(needle)
            match = pattern.match(lowered, at)
            if match is not None and not _FOLDER.match(data, at):
                begin, end = match.span(match.lastindex or 0)
                yield begin, end
                after = max(after, end - _NESTED_BYTES)
            at = lowered.find(needle, after)


def _key_spans(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while _DASHES in data and (begin := _KEY_BEGIN.search(data, at)):
        limit = begin.end() + CONTEXT_BYTES
        end = _KEY_END.search(data, begin.end(), limit)
        at = end.start() if end is not None else min(limit, len(data))
        yield begin.end(), at


def _card_spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Every stretch of whole groups of digits that is a card's number, also amid other numbers."""
    shapes = data.translate(_SHAPE)
    if not any(shape in shapes for shape in _CARD_SHAPES):
        return
    for run in _DIGITS.finditer(data):
        groups = [group.span() for group in _GROUP.finditer(data, *run.span())]
        for first, (begin, end) in enumerate(groups):
            if data[begin] not in _CARDS_BEGIN or end - begin < _SHORTEST_FIRST_GROUP:
                continue
            count = 0
            for group_begin, group_end in groups[first : first + _MOST_CARD_GROUPS]:
                count += group_end - group_begin
                if count >= _CARD_DIGITS.stop:
                    break
                if count in _CARD_DIGITS and _passes_luhn(data[begin:group_end]):
                    yield begin, group_end


def _passes_luhn(number: bytes) -> bool:
    digits = number.translate(None, b" -")
    plain, doubled = digits[-1::-2].translate(_VALUE), digits[-2::-2].translate(_DOUBLED)
    return (sum(plain) + sum(doubled)) % 10 == 0
