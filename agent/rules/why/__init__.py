"""Why did a task run at a moment, or why did it not."""

from agent.definitions import Definition
from agent.rules.why.coming import of_future
from agent.rules.why.facts import Explanation, Facts, Step, told
from agent.rules.why.misfit import IsDue, why_not_due
from agent.rules.why.past import of_rows, without_row
from agent.rules.why.words import utc, validity, wall

__all__ = ["Explanation", "Facts", "Step", "explain"]


def explain(facts: Facts, at_ms: int, *, is_due: IsDue) -> Explanation:
    """Tell the decisions on one moment in the order in which they fall."""
    definition = facts.definition
    if definition is None:
        known = (
            f"it is known since {utc(facts.first_known_ms)}"
            if facts.first_known_ms is not None
            else "it has never been known"
        )
        step = Step("exists", ok=False, say=f"there was no task {facts.task_name!r} then; {known}")
        return told(facts, at_ms, "not_due", "not_there", [step])
    rows = facts.rows or ((facts.summed,) if facts.summed is not None else ())
    if facts.tag is None and not rows:
        return told(facts, at_ms, "not_due", *why_not_due(facts, definition, at_ms, is_due))
    steps = [scheduled(facts, definition, at_ms)]
    if definition.valid_from or definition.valid_until:
        steps.append(Step("valid", ok=True, say=f"it lies {validity(definition)}"))
    if rows:
        return of_rows(facts, definition, at_ms, rows, steps)
    if facts.expected is not None and at_ms > facts.now_ms:
        return of_future(facts, definition, at_ms, facts.expected, steps)
    return without_row(facts, at_ms, steps)


def scheduled(facts: Facts, definition: Definition, at_ms: int) -> Step:
    """By which text, order, ping or end of another task this moment came to be."""
    run = facts.rows[0] if facts.rows else None
    if run is not None and run.trigger == "manual":
        by = f" by {run.requested_by}" if run.requested_by else ""
        return Step("scheduled", ok=True, say=f"it was ordered by hand{by}")
    if run is not None and run.trigger == "ping":
        return Step("scheduled", ok=True, say="a ping came that no due moment waited for")
    if run is not None and run.trigger == "chain":
        cause = f" (run {run.caused_by})" if run.caused_by else ""
        return Step("scheduled", ok=True, say=f"it came after {', '.join(definition.after)}{cause}")
    zone = definition.timezone
    texts = "; ".join(definition.schedule)
    tags = {
        "moved": "; the clocks skipped its time, so it comes right after the gap",
        "first_of_two": "; the clocks show this time twice, this is the first",
        "second_of_two": "; the clocks show this time twice, this is the second",
    }
    say = f"{texts} in {zone} names {wall(at_ms, zone)}{tags.get(facts.tag or '', '')}"
    return Step("scheduled", ok=True, say=say)
