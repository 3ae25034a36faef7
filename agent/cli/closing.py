"""Commands that close the whole agent for a while, and open it again."""

import getpass
from typing import Final

import click

from agent.cli import say
from agent.cli.lengths import YEAR
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.errors import WrongUse
from agent.store import calendars as store
from agent.windows import BY_HAND

LONGEST_MS: Final = 366 * 86_400_000
LONGEST_WHY: Final = 500


@click.command("close")
@click.option("--until", "--to", "until", help="When it ends: +2h, 18:00, ISO 8601.")
@click.option("--for", "length_s", type=YEAR, help="How long, such as 45m, 2h or 1d.")
@click.option(
    "--why", "--reason", "why", required=True, help="Shown wherever something did not start for it."
)
@json_option
@pass_session
def close(
    session: Session, until: str | None, length_s: int | None, why: str, as_json: bool
) -> None:
    """Let no task start for a while; what runs goes on, and it ends by itself.

    \b
    Example:  smartcron-agent calendars close --for 2h --why "new database server"
    """
    asked_ms = now_ms()
    if (until is None) == (length_s is None):
        raise WrongUse("--until, --for: say when it ends with one of them, such as --for 2h")
    until_ms = read_moment("--until", until) if until else asked_ms + (length_s or 0) * 1000
    if not asked_ms < until_ms <= asked_ms + LONGEST_MS:
        raise WrongUse(f"--until {until}: must be later than now, and within a year")
    if len(why) > LONGEST_WHY or not why.isprintable():
        raise WrongUse(f"--why {why[:40]!r}: must be one line of at most {LONGEST_WHY} characters")
    with session.database() as database:
        calendar = database.write_now(
            lambda connection: store.close(
                connection, until_ms=until_ms, why=why, who=who_asks(), now_ms=asked_ms
            )
        )
    tell_agent(session)
    from_ms = calendar.spans[-1][0]
    if as_json:
        say.json_out({"name": BY_HAND, "from_ms": from_ms, "until_ms": until_ms, "why": why})
        return
    say.good(f"no task starts until {say.moment(until_ms)}; `calendars open` ends it before")


@click.command("open")
@json_option
@pass_session
def open_(session: Session, as_json: bool) -> None:
    """End now what `calendars close` began; other calendars go on.

    \b
    Example:  smartcron-agent calendars open
    """
    asked_ms = now_ms()
    with session.database() as database:
        database.write_now(
            lambda connection: store.open_again(connection, who=who_asks(), now_ms=asked_ms)
        )
    tell_agent(session)
    if as_json:
        say.json_out({"name": BY_HAND, "until_ms": asked_ms})
        return
    say.good("tasks start again")


def who_asks() -> str:
    """Who is named as the author of a change made here."""
    return f"{getpass.getuser()} (command line)"
