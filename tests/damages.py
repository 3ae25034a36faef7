"""In which ways is a file damaged: of all kinds, each at some places that are always the same."""


def damages(body: bytes, *, places: int = 24) -> dict[str, bytes]:
    """Damaged bodies by what was done to them; a shape of another version is among them."""
    size = len(body)
    found = {
        "nothing left": b"",
        "its first half": body[: size // 2],
        "its last byte gone": body[:-1],
        "zeros": bytes(size),
        "too long": body + b"x" * 1_000_000,
        "nested": b"[" * 20_000,
        "nested in msgpack": b"\x91" * 20_000,
        "an empty object": b"{}",
        "another shape": b'{"database": 3, "at_ms": "soon", "last": null}',
        "a number": b"7",
    }
    for at in range(0, size, max(1, size // places)):
        rest = body[at + 1 :]
        found[f"a bit at {at}"] = body[:at] + bytes([body[at] ^ 1]) + rest
        found[f"no text at {at}"] = body[:at] + b"\xff" + rest
        found[f"nonsense at {at}"] = body[:at] + b"nonsense" + body[at + 8 :]
        found[f"a byte less at {at}"] = body[:at] + rest
    return {how: damaged for how, damaged in found.items() if damaged != body}
