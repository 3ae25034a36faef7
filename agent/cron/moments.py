"""What the due moments of one span of time look like to those who decide on them."""

from typing import Literal

import msgspec

Tag = Literal["normal", "moved", "first_of_two", "second_of_two"]


class Moments(msgspec.Struct, frozen=True):
    """The newest due moments of a span in order, and the sum of those before them."""

    newest: tuple[int, ...] = ()
    older_count: int = 0
    first_older_ms: int | None = None
    last_older_ms: int | None = None

    @property
    def count(self) -> int:
        """All due moments of the span."""
        return self.older_count + len(self.newest)


class DueMoment(msgspec.Struct, frozen=True):
    """A due moment to come, and what a change of the clocks did to it."""

    at_ms: int
    tag: Tag = "normal"
