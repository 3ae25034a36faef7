"""The command that proves that no due moment was lost."""

import sys
from datetime import timedelta
from functools import partial
from typing import Final

import click

from agent.cli import say
from agent.cli.coming import in_zone
from agent.cli.groups import Group
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.errors import WrongUse
from agent.proof import prove
from agent.store import mark, state
from agent.store.engines import name_of

DAY: Final = timedelta(days=1)


@click.group("ledger", cls=Group)
def ledger() -> None:
    """Prove that every due moment has its row.

    \b
    Examples:
      smartcron-agent ledger check
      smartcron-agent ledger check --from 2026-11-24T00:00Z --json
    """


@ledger.command()
@click.option("--from", "start", help="-1h, today, ISO 8601; else a day before the end.")
@click.option("--to", "end", help="-1h, today, ISO 8601; else up to what has been decided.")
@json_option
@pass_session
def check(session: Session, start: str | None, end: str | None, as_json: bool) -> None:
    """Recompute the due moments from the definitions' history and compare them with the rows.

    Ends with 1 when something is missing or doubled, or the database is an older copy.

    \b
    Example:  smartcron-agent ledger check --from 2026-11-23T00:00Z --json
    """
    with session.database() as database:
        decided_ms = database.read_now(state.decided_until)
        # Where the clock was set back, what comes until it has caught up is decided already.
        until_ms = read_moment("--to", end) if end else min(decided_ms or now_ms(), now_ms())
        after_ms = (
            read_moment("--from", start) if start else until_ms - round(DAY.total_seconds() * 1000)
        )
        if after_ms >= until_ms:
            raise WrongUse(f"--from {start}: must be earlier than --to")
        compared = prove(database, after_ms, until_ms)
        rows_lost = database.read_now(partial(mark.rows_lost, from_ms=after_ms, to_ms=until_ms))
        name = name_of(database.url)
        confirmed_ms = mark.read(session.home.journal_file.parent, name) or 0
    is_older = confirmed_ms > (decided_ms or 0) and not session.is_served
    faults = {name: found for name, found in compared.items() if not found.is_clean}
    expected = sum(found.expected for found in compared.values())
    missing = sum(found.missing_count for found in compared.values())
    doubled = sum(len(found.doubled) for found in compared.values())
    if as_json:
        say.json_out(
            {
                "from": in_zone(after_ms, "UTC"),
                "to": in_zone(until_ms, "UTC"),
                "expected": expected,
                "recorded": sum(found.recorded for found in compared.values()),
                "missing": missing,
                "doubled": doubled,
                "rows_lost": rows_lost,
                "confirmed_until": in_zone(confirmed_ms, "UTC") if confirmed_ms else None,
                "older_copy": is_older,
                "unexpected": sum(len(found.unexpected) for found in compared.values()),
                "tasks": {
                    name: {
                        "missing": [
                            {
                                "first": in_zone(gap.first_ms, "UTC"),
                                "last": in_zone(gap.last_ms, "UTC"),
                                "count": gap.count,
                            }
                            for gap in found.missing
                        ],
                        "doubled": [in_zone(at_ms, "UTC") for at_ms in found.doubled],
                    }
                    for name, found in faults.items()
                },
            }
        )
    else:
        click.echo(
            f"from {say.moment(after_ms)} to {say.moment(until_ms)}: expected {expected}, "
            f"recorded {sum(found.recorded for found in compared.values())}, "
            f"missing {missing}, doubled {doubled}"
        )
        for name, found in faults.items():
            for gap in found.missing:
                say.bad(
                    f"{name}: {gap.count} missing, {say.moment(gap.first_ms)} "
                    f"to {say.moment(gap.last_ms)}"
                )
            for at_ms in found.doubled:
                say.bad(f"{name}: doubled at {say.moment(at_ms)}")
        if rows_lost:
            say.warn(
                f"{rows_lost} due moments have lost what was recorded of them; whether they ran "
                "is not known"
            )
        if is_older:
            say.bad(
                f"the database is an older copy: it knows of decisions until "
                f"{say.moment(decided_ms) if decided_ms else 'its beginning'}, and had confirmed "
                f"them until {say.moment(confirmed_ms)}; the next agent records what lies between "
                "and runs none of it again"
            )
    if missing or doubled or is_older:
        sys.exit(1)


COMMANDS: Final = (ledger,)
