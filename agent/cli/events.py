"""The command that lists what happened to the host's clock and to the agent."""

from typing import Final

import click

from agent.cli import say
from agent.cli.session import Session, json_option, pass_session
from agent.rules.clocks import KINDS
from agent.store import events as store

WORDS: Final = {
    "boot": "boot",
    "clock_back": "clock back",
    "clock_corrected": "clock corrected",
    "clock_forward": "clock forward",
    "clock_right": "clock right again",
    "clock_wrong": "clock wrong",
    "outage": "outage",
    "stall": "held up",
    "suspend": "suspended",
    "zones_changed": "zone data changed",
}


@click.command()
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    metavar="KIND",
    help=f"May be given again; one of {', '.join(KINDS)}.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="At most so many events.",
)
@json_option
@pass_session
def events(session: Session, kinds: tuple[str, ...], limit: int, as_json: bool) -> None:
    """What happened to the clock and to the agent, newest first.

    \b
    Example:
      smartcron-agent events --kind clock_forward --kind suspend --limit 10
    """
    with session.database() as database:
        found = database.read_now(
            lambda connection: store.page(connection, limit=limit, kinds=kinds)
        )
    if as_json:
        say.json_out(found)
        return
    say.table(
        ("Time", "Kind", "Size", "Message"),
        [
            (
                say.moment(event.at_ms),
                WORDS.get(event.kind, event.kind),
                say.duration(event.size_ms),
                event.message,
            )
            for event in found
        ],
        empty="Nothing has happened to the clock yet.",
    )


COMMANDS: Final = (events,)
