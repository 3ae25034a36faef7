"""What will be decided on a moment to come, as far as is known now."""

from agent.definitions import Definition
from agent.expected import Expected
from agent.rules.why.facts import (
    ORDER,
    STOPS,
    Explanation,
    Facts,
    Step,
    pause_words,
    told,
    window_words,
)
from agent.rules.why.words import length, wall


def of_future(
    facts: Facts, definition: Definition, at_ms: int, expected: Expected, steps: list[Step]
) -> Explanation:
    """What is expected of a moment to come, and what stands in its way."""
    zone = definition.timezone
    stop = STOPS.get(expected.reason or "") if expected.outcome == "skipped" else None
    stops = {
        "enabled": "the task is switched off",
        "paused": f"the task will be paused{pause_words(facts, zone)}",
        "skip_next": f"moments up to {wall(facts.skip_until_ms or at_ms, zone)} are left out",
        "blackout": window_words(facts, zone),
        "overlap": f"the run of {wall(expected.meets_ms or at_ms, zone)} is expected to be "
        f"alive still; overlap = {definition.overlap!r}",
    }
    passes = {
        "enabled": "the task is on the schedule",
        "paused": "it is not paused then",
        "blackout": f"{window_words(facts, zone)}; in_blackout = 'delay' starts it then"
        if expected.window
        else "",
        "overlap": _beside(expected, zone),
    }
    for code in ORDER:
        if code == stop:
            steps.append(Step(code, ok=False, say=stops[code]))
            return told(facts, at_ms, "will_not_run", expected.reason or "skipped", steps)
        if passes.get(code):
            steps.append(Step(code, ok=True, say=passes[code]))
    takes = (
        "how long it will take is not known yet"
        if expected.starts_ms is None or expected.ends_ms is None
        else f"it usually takes {length(expected.ends_ms - expected.starts_ms)}"
    )
    starts = wall(expected.starts_ms or at_ms, zone)
    steps.append(Step("started", ok=True, say=f"it is expected to start {starts}; {takes}"))
    return told(facts, at_ms, "will_run", expected.outcome, steps)


def _beside(expected: Expected, zone: str) -> str:
    if expected.meets_ms is None:
        return ""
    meets = f"the run of {wall(expected.meets_ms, zone)} is expected to be alive still"
    return {
        "queued": f"{meets}; this one waits for its end",
        "beside": f"{meets}; this one runs beside it",
        "replaces": f"{meets}; this one takes its place",
    }.get(expected.outcome, meets)
