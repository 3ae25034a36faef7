"""Secrets planted anywhere in a stream, however it comes and is read, are found in no place."""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.running.keptlogs import compress, rotate
from agent.running.output import Outputs
from agent.running.patterns import own_patterns
from agent.running.redaction import Redactor
from agent.settings import Home
from tests.agent.running.test_output import end_of, recorded, run_of

KNOWN = "k3y+of/Ålesund=="
OWN = own_patterns([r"MYCO-[0-9]{6}"], is_known=True)
ON_TWO_LINES = ('["password"]=>\n  string(11) "correcthors"', "correcthors")
# What a run may write: the text, and the part of it that nobody may see.
PLANTS = [
    (KNOWN, KNOWN),
    (json.dumps(KNOWN).replace("/", "\\/"), json.dumps(KNOWN).replace("/", "\\/")[1:-1]),
    (KNOWN.encode().hex(), KNOWN.encode().hex()),
    (KNOWN.encode().hex().upper(), KNOWN.encode().hex().upper()),
    (quote(KNOWN, safe="").lower(), quote(KNOWN, safe="").lower()),
    (quote(quote(KNOWN, safe=""), safe=""), quote(quote(KNOWN, safe=""), safe="")),
    ON_TWO_LINES,
    ("[DB_PASSWORD] => correcthorse", "correcthorse"),
    ("DB_PASS=correcthorse", "correcthorse"),
    ("Set-Cookie: shop=correcthorse; Path=/", "correcthorse"),
    ("new PDO('mysql:host=x', 'root', 'correcthorse')", "correcthorse"),
    (quote(KNOWN, safe=""), quote(KNOWN, safe="")),
    (base64.b64encode(KNOWN.encode()).decode(), base64.b64encode(KNOWN.encode()).decode()[:16]),
    ("Authorization: Bearer Zm9vYmFyYmF6LnF1dXg", "Zm9vYmFyYmF6LnF1dXg"),
    ("https://robot:hUnter2-hUnter2@db.example/x", "hUnter2-hUnter2"),
    ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCY", "wJalrXUtnFEMIK7MDENGbPxRfiCY"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "eyJzdWIiOiIxMjM0In0"),
    ("4111 1111 1111 1111", "4111 1111 1111"),
    ("378282246310005", "378282246310005"),
    ("password=correcthorse", "correcthorse"),
    ('{"client_secret": "two words here"}', "two words here"),
    ("mysql --password s3cr3tw0rd", "s3cr3tw0rd"),
    ("id MYCO-123456", "MYCO-123456"),
    (
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1\n"
        "-----END EC PRIVATE KEY-----",
        "MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1",
    ),
]
NOISE = st.one_of(
    st.binary(max_size=40).filter(lambda data: not data[-1:].isalnum()),
    st.sampled_from(
        [
            b"2026-11-24T07:05:00Z rows=4111 took 3.5 s ",
            b"on 2026-11-24 3 ",
            b"https://example.com:8080/path?x=1 ",
            b'{"a": "b", ',
            b"\x1b[31m",
            b"\xff\xfe\x00",
            "ümläut ".encode(),
            b"\r\n",
            b"password: ",
            b"token ring ",
            b"x" * 5000 + b" ",
            b"=" * 70_000 + b"\n",
        ]
    ),
)
STREAMS = st.lists(st.tuples(NOISE, st.sampled_from(PLANTS)), min_size=1, max_size=6)


@contextmanager
def home() -> Iterator[tuple[Home, Outputs]]:
    with tempfile.TemporaryDirectory() as folder:
        place = Home(Path(folder) / "place")
        for each in place.folders():
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield place, Outputs(place, Redactor([KNOWN], OWN), limit_bytes=50_000_000)


def stream_of(parts: list[tuple[bytes, tuple[str, str]]]) -> tuple[bytes, list[bytes]]:
    """The stream, and what must not be seen of it."""
    text = b"".join(noise + plant.encode() + b"\n" for noise, (plant, _) in parts)
    return text, [hidden.encode() for _, (_, hidden) in parts]


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(parts=STREAMS, cuts=st.lists(st.floats(0, 1), max_size=5), size=st.integers(1, 70_000))
def test_no_secret_is_seen_live_however_the_stream_grows_and_is_read(
    parts: list[tuple[bytes, tuple[str, str]]], cuts: list[float], size: int
) -> None:
    text, hidden = stream_of(parts)
    size = max(size, len(text) // 100)
    with home() as (place, outputs):
        spool = place.spool / "R1.out"
        seen, offset, written = b"", 0, 0
        for cut in [*sorted(cuts), 1.0]:
            with spool.open("ab") as stream:
                stream.write(text[written : (written := int(len(text) * cut))])
            while (chunk := outputs.read(run_of(), offset, size)).data:
                seen += chunk.data
                offset = chunk.next
        rest = outputs.read(run_of(status="success"), offset, len(text)).data
        told = outputs.look("R1")

    seen += rest
    assert len(seen) == len(text)
    assert [secret for secret in hidden if secret in seen] == []
    assert [secret for secret in hidden if secret.decode() in repr(told)] == []


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(
    parts=STREAMS,
    size=st.integers(1, 70_000),
    limit=st.sampled_from([50_000_000, 2_000, 300]),
    is_packed=st.booleans(),
)
@example(parts=[(b"", ON_TWO_LINES)], size=1, limit=50_000_000, is_packed=False)
def test_no_secret_is_kept_or_recorded_wherever_output_is_cut(
    parts: list[tuple[bytes, tuple[str, str]]], size: int, limit: int, is_packed: bool
) -> None:
    text, hidden = stream_of(parts)
    size = max(size, len(text) // 100)
    text += b"Traceback (most recent call last):\n  File x\nValueError: " + parts[0][1][0].encode()
    with home() as (place, _):
        outputs = Outputs(place, Redactor([KNOWN], OWN), limit_bytes=limit)
        (place.spool / "R1.out").write_bytes(text)
        (place.spool / "R1.report").write_bytes(
            msgspec.json.encode({"progress": 5, "note": parts[0][1][0]}) + b"\n"
        )
        kept = outputs.keep(run_of(), end_of())
        log = (place.task_logs / kept.file).read_bytes()
        if is_packed:
            compress(rotate(place.task_logs / kept.file))
        seen, offset = b"", 0
        while (chunk := outputs.read(recorded(run_of(), kept), offset, size)).data:
            seen += chunk.data
            offset = chunk.next

    for secret in hidden:
        assert secret not in log
        assert secret not in seen
        assert secret.decode() not in repr(kept)
