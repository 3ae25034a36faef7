"""Commands for a database file that is damaged: find the damage, make the best of what is left."""

from typing import Final

import click

from agent.cli import say
from agent.cli.session import Session, json_option, pass_session
from agent.errors import WrongUse
from agent.lock import only_agent
from agent.mending import cut_short, mend
from agent.store import salvage
from agent.store.database import database_url


@click.command()
@click.option("--yes", is_flag=True, help="Ask no question.")
@json_option
@pass_session
def recover(session: Session, *, yes: bool, as_json: bool) -> None:
    """Make the best of a damaged database file: backup, readable rows, local journal.

    The newest proved backup takes its place, every row that can still be read is taken over, and
    what was kept while the file took nothing is told. Due moments whose rows are lost are recorded
    as missed and do not run again. Refused while an agent serves this home; the damaged file is
    kept.

    \b
    Example:  smartcron-agent db recover
    """
    url = database_url(session.settings, session.home)
    session.home.check()
    begun = cut_short(session.home, url)
    found = salvage.damage(url) if begun is None else (begun.cause,)
    if not found:
        if as_json:
            say.json_out({"damage": []})
        else:
            say.good("Database: OK; there is nothing to recover")
        return
    if as_json and not yes:
        raise WrongUse("--json: there is no place for a question; add --yes")
    with only_agent(session.home):
        if not yes and not click.confirm(f"The database is damaged ({found[0]}). Recover it?"):
            raise click.Abort
        _recover(session, url, found, as_json=as_json)


def _recover(session: Session, url: str, found: tuple[str, ...], *, as_json: bool) -> None:
    done = mend(session.home, url, cause=found[0], is_asked=True)
    renewed, made = done.renewed, done.made
    backup = None if renewed.backup is None else renewed.backup.path
    if as_json:
        say.json_out(
            {
                "damage": list(found),
                "aside": str(renewed.aside),
                "backup": None if backup is None else str(backup),
                "rows": made.rows,
                "told": made.told,
                "lost": made.lost,
                "unknown": made.unknown,
            }
        )
        return
    say.good(f"{backup or 'an empty database'} took its place; kept: {renewed.aside}")
    say.good(f"{sum(made.rows.values())} rows were read from the damaged file")
    say.good(f"{made.told} writes were told from the local journal")
    if made.unknown:
        say.warn(f"{made.unknown} runs were under way; of their end nothing is known")
    if made.lost:
        say.warn(f"{made.lost} due moments lost their rows; they are recorded as missed")


COMMANDS: Final = (recover,)
