"""Commands that pause, resume, enable and disable tasks."""

import getpass
from collections.abc import Callable, Sequence
from typing import Final

import click

from agent.cli import say
from agent.cli.choosing import ask_for_many, choice_options, chosen, is_broad
from agent.cli.lengths import Length
from agent.cli.moments import now_ms, read_moment
from agent.cli.pausing import show_preview
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.errors import WrongUse
from agent.store import tasks as store
from agent.store.tasks import TaskRow


@click.command()
@choice_options
@click.option("--for", "length_s", type=Length(1, 366 * 86_400), help="How long, as 90s, 2h or 1d.")
@click.option("--until", "--to", "end", help="Moment at which the pause ends by itself, ISO 8601.")
@click.option("--dry-run", is_flag=True, help="Only say what the pause would do.")
@click.option("--reason", help="Shown wherever the task is.")
@json_option
@pass_session
def pause(
    session: Session,
    task_names: tuple[str, ...],
    category: str | None,
    yes: bool,
    length_s: int | None,
    end: str | None,
    dry_run: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Start no scheduled runs of these tasks, until resumed, for a while, or until a moment.

    TASK is a name or, in quotes, a pattern such as 'import_*'.

    \b
    Examples:
      smartcron-agent tasks pause payroll_sync_deputy --for 1h --reason "API down"
      smartcron-agent tasks pause 'import_*' --until 2026-12-24T18:00 --dry-run
      smartcron-agent tasks pause --category Payroll --yes
    """
    if length_s is not None and end is not None:
        raise WrongUse(f"--until {end}: says what --for says too; give one of them")
    until_ms = None if length_s is None else now_ms() + length_s * 1000
    if end is not None:
        until_ms = read_moment("--until", end)
        if until_ms <= now_ms():
            raise WrongUse(f"--until {end}: lies in the past; name a moment to come")
    if dry_run:
        with session.database() as database:
            names = tuple(row.task_name for row in chosen(database, task_names, category))
        show_preview(session, names, until_ms, as_json)
        return
    _Switch(
        "Pause",
        "paused",
        lambda row: row.paused and row.paused_until_ms == until_ms,
        paused=True,
        until_ms=until_ms,
        reason=reason,
    ).turn(session, task_names, category, yes=yes, as_json=as_json)


@click.command()
@choice_options
@json_option
@pass_session
def resume(
    session: Session, task_names: tuple[str, ...], category: str | None, yes: bool, as_json: bool
) -> None:
    """End the pause of these tasks.

    TASK is a name or, in quotes, a pattern such as 'import_*'.

    \b
    Examples:
      smartcron-agent tasks resume payroll_sync_deputy
      smartcron-agent tasks resume '*' --yes
    """
    _Switch("Resume", "resumed", lambda row: not row.paused, paused=False).turn(
        session, task_names, category, yes=yes, as_json=as_json
    )


@click.command()
@choice_options
@json_option
@pass_session
def enable(
    session: Session, task_names: tuple[str, ...], category: str | None, yes: bool, as_json: bool
) -> None:
    """Let these tasks be scheduled again, from now on.

    TASK is a name or, in quotes, a pattern such as 'import_*'.

    \b
    Examples:
      smartcron-agent tasks enable bank_auto_categorize
      smartcron-agent tasks enable --category Imported
    """
    _Switch("Enable", "enabled", lambda row: row.definition.enabled, enabled=True).turn(
        session, task_names, category, yes=yes, as_json=as_json
    )


@click.command()
@choice_options
@click.option("--reason", help="Kept with the version.")
@json_option
@pass_session
def disable(
    session: Session,
    task_names: tuple[str, ...],
    category: str | None,
    yes: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Take these tasks off the schedule.

    TASK is a name or, in quotes, a pattern such as 'import_*'.

    \b
    Examples:
      smartcron-agent tasks disable bank_auto_categorize --reason "replaced"
      smartcron-agent tasks disable 'old_*'
    """
    _Switch(
        "Disable", "disabled", lambda row: not row.definition.enabled, enabled=False, reason=reason
    ).turn(session, task_names, category, yes=yes, as_json=as_json)


class _Switch:
    """One way to turn tasks: how it is said, which stand so already, and the flags it sets."""

    def __init__(
        self,
        verb: str,
        done: str,
        stands_so: Callable[[TaskRow], bool],
        *,
        enabled: bool | None = None,
        paused: bool | None = None,
        until_ms: int | None = None,
        reason: str | None = None,
    ) -> None:
        self._verb = verb
        self._done = done
        self._stands_so = stands_so
        self._enabled = enabled
        self._paused = paused
        self._until_ms = until_ms
        self._reason = reason

    def turn(
        self,
        session: Session,
        task_names: Sequence[str],
        category: str | None,
        *,
        yes: bool,
        as_json: bool,
    ) -> None:
        """Turn those that are meant; asked first where a pattern or category meant many."""
        with session.database() as database:
            meant = chosen(database, task_names, category)
        names = [row.task_name for row in meant]
        if is_broad(task_names, category):
            different = [row.task_name for row in meant if not self._stands_so(row)]
            if different:
                names = different
                ask_for_many(self._verb, names, yes=yes, as_json=as_json)
        session.touched = tuple(names)
        with session.database() as database:
            changed = database.write_now(
                lambda connection: store.set_flags(
                    connection,
                    names,
                    enabled=self._enabled,
                    paused=self._paused,
                    until_ms=self._until_ms,
                    reason=self._reason,
                    who=f"{getpass.getuser()} (command line)",
                    now_ms=now_ms(),
                )
            )
        tell_agent(session)
        turned = {row.task_name for row in changed}
        if as_json:
            say.json_out({"changed": sorted(turned)})
            return
        for name in names:
            if name in turned:
                say.good(f"{name} {self._done}")
            else:
                say.good(f"{name} was {self._done} already")


COMMANDS: Final = (pause, resume, enable, disable)
