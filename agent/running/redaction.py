"""Which bytes of an output must nobody see?"""

import bisect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from agent.log import log_of
from agent.running import spellings
from agent.running.spellings import SHORTEST_SECRET
from agent.running.stored import Stored

log = log_of(__name__)

# No span looked for is longer, so this much text on both sides decides over what lies between.
CONTEXT_BYTES: Final = 16 << 10
_BEGINNING: Final = 6
_CARD_DIGITS: Final = range(13, 20)
_MOST_CARD_GROUPS: Final = 5
_SHORTEST_FIRST_GROUP: Final = 4
# How cards are written, with 0 for each digit and a blank for a sign between.
_SHAPE: Final = bytes.maketrans(b"123456789-", b"000000000 ")
_CARD_SHAPES: Final = (b"0" * 13, b"0000 0000 0000", b"0000 000000 0000", b"00000000 00000")

# What stands behind a word such as `password`: quoted, or up to the next blank.
# PHP and Ruby write `=>` between, PHP's `var_dump` the length of the value on a line of its own.
_VALUE_BEHIND: Final = (
    rb"\\{0,4}[\"']?\]?[ \t]{0,3}"
    rb"(?:=>(?:\s{1,16}string\([0-9]{1,8}\))?[ \t]{0,3}|[=:][ \t]{0,3})"
    rb"(?:(?:bearer|basic|digest|negotiate|aws4-hmac-sha256)[ \t]{1,4})?\\{0,4}"
    rb"(?:\"([^\"\n\\]{0,4096}(?:\\.[^\"\n\\]{0,4096}){0,64})"
    rb"|'([^'\n\\]{0,4096}(?:\\.[^'\n\\]{0,4096}){0,64})"
    rb"|([^\s\"',;&]{3,}))"
)
_KEYS: Final = (
    rb"(?:(?<=api)|(?<=api[_-])|(?<=access)|(?<=access[_-])|(?<=private)|(?<=private[_-])"
    rb"|(?<=account))"
)
_QUOTED: Final = rb"(?:\"[^\"\n]{0,256}\"|'[^'\n]{0,256}')"
# Where the database is, who asks, and then the password: so it stands in PHP's traces, too.
_CONNECT: Final = (
    rb"\([ \t]{0,3}"
    + _QUOTED
    + rb",[ \t]{0,3}"
    + _QUOTED
    + rb",[ \t]{0,3}[\"']([^\"'\n]{1,256})[\"']"
)
_TOKEN: Final = rb"(?<![a-z0-9_-])((?:gh[pousr]_|github_pat_|xox[abprs]-|glpat-)[a-z0-9_-]{16,})"
# Each pattern is tried only where its needle stands, in small letters; its last group is what gets
# masked. None can need more than linear time: no repetition can end in two ways, or is bounded.
# A needle of several words is one for each, looked for by itself: that is the quickest there is.
_PATTERNS: Final[tuple[tuple[bytes | re.Pattern[bytes], re.Pattern[bytes]], ...]] = tuple(
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
            # Most of what has these letters is something that passed.
            re.compile(rb"pass(?:[^a-z]|w|phrase)"),
            rb"(?<=ssh)pass[ \t]{1,4}-p[ \t]{0,4}[\"']?([^\s\"']{3,})"
            rb"|(?:password|passwd|passwort|passphrase|(?:(?<![a-z])|(?<=db)|(?<=user)|(?<=sql))"
            rb"pass(?![a-z]))" + _VALUE_BEHIND,
        ),
        (
            b"pwd secret token authorization credential",
            rb"(?:pwd|secret|token|authorization|credentials?)" + _VALUE_BEHIND,
        ),
        (re.compile(rb"sess(?:ion)?id"), rb"sess(?:ion)?id" + _VALUE_BEHIND),
        (
            b"cookie",
            rb"cookie\\{0,4}[\"']?[ \t]{0,3}:[ \t]{0,3}\\{0,4}[\"']?"
            rb"([^\s=;\"']{1,256}=[^\r\n\"']{3,4096})",
        ),
        (
            b"define(",
            rb"define\([ \t]{0,3}[\"'][a-z0-9_]{0,64}(?:pass|pwd|secret|token|key|salt)"
            rb"[a-z0-9_]{0,32}[\"'][ \t]{0,3},[ \t]{0,3}[\"']([^\"'\n]{1,256})[\"']",
        ),
        (b"key", _KEYS + rb"key" + _VALUE_BEHIND),
        (
            b"curl",
            rb"curl[ \t][^\n|;]{0,512}?(?<=[ \t])(?:-u|--user|--proxy-user)[ \t=]{0,4}[\"']?"
            rb"[^\s:\"']{1,128}:([^\s\"']+)",
        ),
        (re.compile(rb"pdo(?:->|\()"), rb"pdo(?:->__construct)?" + _CONNECT),
        (
            b"mysql mariadb",
            rb"mysqli(?:->__construct|(?:->|_)(?:real_)?connect)?"
            + _CONNECT
            + rb"|(?:mysql|mariadb)[a-z_-]{0,16}[ \t][^\n|;]{0,512}?(?<=[ \t])-p([^\s-]\S{2,1024})",
        ),
        (
            re.compile(rb"a[ks]ia[a-z0-9]{16}"),
            rb"(?<![a-z0-9])((?:akia|asia)[a-z0-9]{16})(?![a-z0-9])",
        ),
        (b"aiza", rb"(?<![a-z0-9_-])(aiza[a-z0-9_-]{30,64})"),
        (
            b"hooks.slack.com",
            rb"hooks\.slack\.com\\?/[a-z]{1,16}\\?/([a-z0-9_/\\-]{16,256})",
        ),
        (re.compile(rb"gh[pousr]_"), _TOKEN),
        (b"github_pat_ xox glpat-", _TOKEN),
        (b"k_live_", rb"(?<=[sr])(?<![a-z0-9_-][sr])(k_live_[a-z0-9_-]{16,})"),
        (b"eyj", rb"(?<![a-z0-9_-])(eyj[a-z0-9_-]{8,}\.[a-z0-9_-]{8,}(?:\.[a-z0-9_-]*)?)"),
    )
    for needle in (needles.split() if isinstance(needles, bytes) else (needles,))
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

_Groups = tuple[tuple[bytes, tuple[bytes, ...]], ...]


class Redactor:
    """Masks known secret values and whatever looks like a secret, byte for byte.

    Of the owner's own patterns the first group is masked, or all of one that has none.
    """

    def __init__(self, secrets: Iterable[str] = (), own: Iterable[re.Pattern[bytes]] = ()) -> None:
        values = tuple(secrets)
        exact = {form for secret in values for form in spellings.base64_forms(secret)}
        small = {form for secret in values for form in spellings.forms(secret)}
        self._exact, self._small = _by_beginning(exact), _by_beginning(small)
        self._own = tuple(own)
        self.context_bytes = max(CONTEXT_BYTES, 0, *map(len, exact | small))

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
        lowered = data.lower()
        yield from _places(data, self._exact)
        yield from _places(lowered, self._small)
        yield from _pattern_spans(data, lowered)
        yield from _key_spans(data)
        yield from _card_spans(data)
        yield from self._own_spans(data)
        if is_end:
            yield from _begun_spans(data, self._exact)
            yield from _begun_spans(lowered, self._small)

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

    def _own_spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        for pattern in self._own:
            for match in pattern.finditer(data):
                if match.end() > match.start():
                    yield match.span(1 if pattern.groups and match[1] is not None else 0)


def redactor_of(known: Mapping[str, str], own: Iterable[re.Pattern[bytes]] = ()) -> Redactor:
    """One that masks the values of secrets.toml; says which of them are too short for that."""
    short = sorted(name for name, value in known.items() if len(value.encode()) < SHORTEST_SECRET)
    if short:
        log.warning(
            "secrets.toml: values this short are masked nowhere; choose longer ones",
            names=short,
            shortest=SHORTEST_SECRET,
        )
    return Redactor(known.values(), own)


def _by_beginning(forms: Iterable[bytes]) -> _Groups:
    """Those that begin alike are looked for together, by what they have in common."""
    alike: dict[bytes, list[bytes]] = {}
    for form in sorted(forms):
        alike.setdefault(form[:_BEGINNING], []).append(form)
    return tuple((_in_common(these[0], these[-1]), tuple(these)) for these in alike.values())


def _in_common(first: bytes, last: bytes) -> bytes:
    """How a sorted list begins, of which these are the ends."""
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[:length]


def _places(data: bytes, groups: _Groups) -> Iterator[tuple[int, int]]:
    for beginning, forms in groups:
        at = data.find(beginning)
        while at >= 0:
            for form in forms:
                if data.startswith(form, at):
                    yield at, at + len(form)
            at = data.find(beginning, at + 1)


def _begun_spans(data: bytes, groups: _Groups) -> Iterator[tuple[int, int]]:
    for form in (form for _, forms in groups for form in forms):
        first = form[:SHORTEST_SECRET]
        at = data.find(first, max(0, len(data) - len(form) + 1))
        while at >= 0:
            if form.startswith(data[at:]):
                yield at, len(data)
                break
            at = data.find(first, at + 1)


def _pattern_spans(data: bytes, lowered: bytes) -> Iterator[tuple[int, int]]:
    for needle, pattern in _PATTERNS:
        at, after = _next(needle, lowered, 0)
        while at >= 0:
            match = pattern.match(lowered, at)
            if match is not None and not _FOLDER.match(data, at):
                begin, end = match.span(match.lastindex or 0)
                yield begin, end
                after = max(after, end - _NESTED_BYTES)
            at, after = _next(needle, lowered, after)


def _next(needle: bytes | re.Pattern[bytes], lowered: bytes, at: int) -> tuple[int, int]:
    """Where it stands next, and where it ends; -1 where it does not."""
    if isinstance(needle, bytes):
        found = lowered.find(needle, at)
        return found, found + len(needle)
    match = needle.search(lowered, at)
    return (-1, -1) if match is None else match.span()


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
