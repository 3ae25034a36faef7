"""Which zones, moments and dice are thrown to hold schedules against the judgement of others."""

import os
import random

from agent.cron.zones import stretches

SEED = int(os.environ.get("SMARTCRON_TEST_SEED", "20261124"))
# Each run throws dice of its own as well; a failure names the seed that throws them again.
FRESH_SEED = int(os.environ.get("SMARTCRON_TEST_SEED", random.SystemRandom().randrange(10**9)))
WINDOWS = int(os.environ.get("SMARTCRON_TEST_WINDOWS", "200"))

ZONES = (
    "UTC",
    "America/New_York",
    "America/Havana",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Asia/Gaza",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Atlantic/Azores",
)


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - dice for tests, the same at each run


def random_window(dice: random.Random) -> tuple[str, int, int]:
    """A zone and a day and a half in it, most often one in which its clocks change."""
    zone = dice.choice(ZONES)
    at_s = dice.randrange(0, 4_000_000_000, 60)
    changes = [one.start_s for one in stretches(zone, dice.randrange(0, 90))[1:]]
    if changes and dice.random() < 0.8:
        at_s = dice.choice(changes) - dice.randrange(3600, 86_400, 60)
    at_s = max(at_s - at_s % 60, 86_400)
    return zone, at_s, at_s + 129_600
