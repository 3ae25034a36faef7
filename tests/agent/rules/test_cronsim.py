"""Due moments against another library: wherever both differ, the documentation says why."""

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from agent.cron.zones import BLOCK_S, Stretch, stretches
from agent.rules import schedule
from agent.rules.schedule import Timing
from tests.agent.rules import reference
from tests.agent.rules.dice import SEED, WINDOWS, random_window, seeded


@dataclass(frozen=True)
class Question:
    """What cronsim is asked, and until when its answers and ours reach."""

    text: str
    zone: str
    from_s: int
    until_s: int = 0


def has_step_of_one_value(asked: Question) -> bool:
    names = {name.lower(): str(place) for place, name in enumerate(reference.WEEKDAYS)}
    names |= {name.lower(): str(place) for place, name in enumerate(reference.MONTHS, start=1)}
    pairs = re.findall(r"(\w+)-(\w+)/", asked.text.lower())
    return any(int(names.get(one, one)) == int(names.get(two, two)) for one, two in pairs)


def changes_met(asked: Question) -> list[Stretch]:
    """What follows each change of clocks from a day before to a day after what was answered."""
    from_s, until_s = asked.from_s - 86_400, asked.until_s + 86_400
    blocks = range(from_s // BLOCK_S, until_s // BLOCK_S + 1)
    found = [one for block in blocks for one in stretches(asked.zone, block)]
    return [
        one
        for one in found
        if one.offset_s != one.before_s and from_s <= one.changed_s == one.start_s <= until_s
    ]


def changes_off_the_hour(asked: Question) -> bool:
    return any(
        (one.offset_s - one.before_s) % 3600 or (one.changed_s + one.before_s) % 3600
        for one in changes_met(asked)
    )


def loses_midnight(asked: Question) -> bool:
    return any(
        one.gap_s and (one.changed_s + one.before_s) % 86_400 == 0 for one in changes_met(asked)
    )


# Where cronsim may differ, as docs/schedules.md explains; anywhere else it must agree.
EXPLAINED = {
    "step of one value": has_step_of_one_value,
    "change off the hour": changes_off_the_hour,
    "gap at midnight": loses_midnight,
}


def test_each_difference_to_cronsim_is_one_that_the_documentation_explains() -> None:
    dice = seeded(SEED + 2)
    asked: list[Question] = []
    for _ in range(10 * WINDOWS):
        zone, from_s, _ = random_window(dice)
        asked.append(Question(reference.random_text(dice).text, zone, from_s))

    oracle = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("cronsim_oracle.py"))],
        input="\n".join(
            json.dumps({"text": one.text, "zone": one.zone, "from_s": one.from_s, "count": 4})
            for one in asked
        ),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )

    answers = [json.loads(line) for line in oracle.stdout.splitlines()]
    different: Counter[str] = Counter()
    for one, answer in zip(asked, answers, strict=True):
        moments = schedule.next_moments(Timing((one.text,), one.zone), one.from_s * 1000, 4)
        found = [moment.at_ms // 1000 for moment in moments]
        if found != answer:
            reached = replace(one, until_s=max(found[-1], answer[-1] if answer else 0))
            kind = next((kind for kind, holds in EXPLAINED.items() if holds(reached)), None)
            assert kind is not None, (reached, found, answer)
            different[kind] += 1
    sys.stdout.write(f"cronsim: {len(asked)} questions, explained differences {dict(different)}\n")
    assert different.total() < len(asked) / 10
