"""How is told what other definitions would change."""

import click
import msgspec

from agent.cli import say
from agent.rules.whatif import Comparison, TaskChange

_LISTED = 5


def show_comparison(found: Comparison, as_json: bool) -> None:
    """Each task that would be different, then the load."""
    if as_json:
        say.json_out(msgspec.to_builtins(found))
        return
    if not found.tasks:
        click.echo("Nothing would be different.")
        return
    for change in found.tasks:
        _show_task(change)
    click.echo(
        f"most at once: {found.peak_before} today, {found.peak_after} then; "
        f"minutes without a free slot: {found.full_minutes_before} today, "
        f"{found.full_minutes_after} then"
    )


def _show_task(change: TaskChange) -> None:
    click.echo(
        f"{change.task_name} {change.kind}: {len(change.added)} more moments, "
        f"{len(change.removed)} fewer, {len(change.moved)} moved"
    )
    moves = [f"{say.moment(one.from_ms)} to {say.moment(one.to_ms)}" for one in change.moved]
    _list("moved", moves)
    _list("more", [say.moment(at_ms) for at_ms in change.added])
    _list("fewer", [say.moment(at_ms) for at_ms in change.removed])
    _list("new overlaps", [say.moment(one.at_ms) for one in change.overlaps])
    _list("in a window", [f"{say.moment(one.at_ms)} {one.window}" for one in change.blackouts])
    _list("clocks change", [say.moment(one.at_ms) for one in change.clock_changes])
    _list("by a change of clocks", [f"{say.moment(one.at_ms)} {one.tag}" for one in change.odd])


def _list(word: str, shown: list[str]) -> None:
    for text in shown[:_LISTED]:
        click.echo(f"  {word}: {text}")
    if len(shown) > _LISTED:
        click.echo(f"  {word}: {len(shown) - _LISTED} others")
