"""In which lines does a look at the health say how it is?"""

from collections.abc import Sequence
from typing import Final

import msgspec

GOOD: Final = "good"
DOUBTFUL: Final = "doubtful"
BAD: Final = "bad"
MARKS: Final = {GOOD: "✓", DOUBTFUL: "!", BAD: "✗"}
MUST_BE_KNOWN: Final = ("database", "master_runner")
"""Not to know how these are is as bad as to know that they are bad."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How one check is, and why in a sentence of one line."""

    id: str
    name: str
    state: str
    message: str

    @property
    def is_fault(self) -> bool:
        """It is what a look at the health ends with 1 for."""
        return self.state == "crit" or (self.state == "unknown" and self.id in MUST_BE_KNOWN)


def lines(found: Sequence[Verdict]) -> list[tuple[str, str]]:
    """What is said of all and then of each, every line with how good it is."""
    faults = [one for one in found if one.is_fault]
    doubtful = [one for one in found if one.state != "ok" and not one.is_fault]
    if faults:
        said = [(BAD, f"{len(faults)} of {len(found)} health checks are critical")]
    elif doubtful:
        words = f"No health check is critical, {len(doubtful)} of {len(found)} want a look"
        said = [(DOUBTFUL, words)]
    else:
        said = [(GOOD, "All health checks passed")]
    for one in found:
        if one.state == "ok":
            said.append((GOOD, f"{one.name}: OK"))
        else:
            words = f"{one.name}: {one.state}, {one.message}"
            said.append((BAD if one.is_fault else DOUBTFUL, words))
    return said
