"""Which libzmq may carry what is said between agent and desktop?"""

from typing import Final

LEAST: Final = (4, 3, 5)
"""Older ones have faults that a stranger can reach before anybody knows who it is."""


def refusal_of(version: tuple[int, ...], *, has_curve: bool) -> str:
    """Why this one may not, and what to do; nothing when it may."""
    shown = ".".join(map(str, version))
    if version < LEAST:
        least = ".".join(map(str, LEAST))
        return f"libzmq {shown} is too old, {least} is the least; renew it: pip install -U pyzmq"
    if not has_curve:
        return (
            f"this libzmq {shown} was built without encryption; install pyzmq as it is published: "
            "pip install --force-reinstall --only-binary pyzmq pyzmq"
        )
    return ""
