"""Commands about who asked for what: list it, prove that nobody has changed it, take it away."""

import sys
from functools import partial
from typing import Any, Final

import click
import msgspec

from agent.cli import exporting, say
from agent.cli.groups import Group
from agent.cli.moments import read_moment
from agent.cli.session import Session, json_option, pass_session
from agent.store import anchor as anchors
from agent.store import audit as store
from agent.store import chain
from agent.store.audit import AuditRow


@click.group("audit", cls=Group)
def audit() -> None:
    """Who asked for what, from where, and what came of it.

    \b
    Examples:
      smartcron-agent audit list --limit 20
      smartcron-agent audit verify
    """


@audit.command("list")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="At most so many rows.",
)
@click.option("--key", "key_id", help="Only of this key, or of uid:NUMBER.")
@click.option("--action", help="Only this, such as task.pause or `tasks apply`.")
@click.option("--target", help="Only about this task, run or key.")
@click.option("--from", "start", help="Not before this moment: -1h, today, ISO 8601.")
@click.option("--to", "end", help="Before this moment: -1h, 08:00, ISO 8601.")
@json_option
@pass_session
def list_(
    session: Session,
    *,
    limit: int,
    key_id: str | None,
    action: str | None,
    target: str | None,
    start: str | None,
    end: str | None,
    as_json: bool,
) -> None:
    """What was asked for, newest first.

    \b
    Example:  smartcron-agent audit list --target vend_sync_sales --limit 20
    """
    with session.database() as database:
        rows = database.read_now(
            partial(
                store.page,
                limit=limit,
                key_id=key_id,
                action=action,
                target=target,
                from_ms=read_moment("--from", start) if start else None,
                to_ms=read_moment("--to", end) if end else None,
            )
        )
    if as_json:
        say.json_out([_told(row) for row in rows])
        return
    say.table(
        ["When", "Who", "Role", "From", "What", "About", "Result", "Changed"],
        [
            [
                say.moment(row.at_ms),
                row.label or row.key_id,
                row.role,
                row.address,
                row.type,
                row.target,
                row.code,
                _changed(row),
            ]
            for row in rows
        ],
        empty="nothing was asked for in that time",
    )


@audit.command()
@json_option
@pass_session
def verify(session: Session, as_json: bool) -> None:
    """Go along the whole chain and find whatever was edited, removed, moved or cut off.

    Each row's digest covers the row before it, and the newest one is written down in this home,
    outside of the database. Whoever can write to the database and to this home can make a chain
    anew; whoever can only write to the database is found out, but for rows that were committed in
    the last moment before the agent was killed. Copies kept elsewhere (`audit export`) prove more.
    Ends with 1 when something is found.

    \b
    Example:  smartcron-agent audit verify
    """
    session.home.check()
    anchor = anchors.read(session.home.root)
    with session.database() as database:
        found = database.read_now(
            partial(chain.verify, anchors=() if anchor is None else (anchor.last,))
        )
    cuts = () if anchor is None else anchor.cuts
    if as_json:
        is_proved = anchor is not None
        told = {"is_whole": not found.faults, "end_is_proved": is_proved, "cuts": cuts}
        say.json_out({**msgspec.to_builtins(found), **msgspec.to_builtins(told)})
    else:
        click.echo(f"rows in the chain      {found.rows}")
        if found.first is not None and found.last is not None:
            click.echo(f"from, to               {found.first}, {found.last.number}")
            click.echo(f"digest of the last     {found.last.digest}")
        click.echo(f"removed by age         {found.removed_by_age}")
        click.echo(f"from before the chain  {found.unchained} (nothing can be proved of these)")
        for each in cuts:
            say.warn(
                f"{say.moment(each.at_ms)}: {each.why}; the chain went back from row "
                f"{each.lost.number} to {each.kept.number}"
            )
        if anchor is None:
            say.warn(f"{session.home.root / anchors.FILE} is not there: the end may be cut off")
        for aside in anchors.set_aside(session.home.root):
            say.warn(f"{aside} was damaged: up to then no end of the chain is proved")
        for fault in found.faults:
            say.bad(f"row {fault.number}: {fault.what}")
        if not found.faults:
            say.good("Audit: the chain holds")
    if found.faults:
        sys.exit(1)


def _changed(row: AuditRow) -> str:
    if row.after is None or row.before == row.after:
        return "-"
    return f"{(row.before or 'new')[:8]} → {row.after[:8]}"


def _told(row: AuditRow) -> Any:
    return msgspec.to_builtins(row)


audit.add_command(exporting.audit, "export")

COMMANDS: Final = (audit,)
