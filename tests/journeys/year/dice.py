"""Which chance befalls whom: dice by name, so that one throw more shifts no other's."""

import random


def dice(seed: int, *names: object) -> random.Random:
    """The dice of this name; the same seed brings back the same throws."""
    # Texts are hashed by `random` itself, the same way in every process.
    return random.Random(f"{seed} {names}")  # noqa: S311 - a test's dice
