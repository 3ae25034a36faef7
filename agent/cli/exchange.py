"""Commands that take over from other schedulers and give back to them: import and export."""

import getpass
import sys
import time
from collections.abc import Callable
from functools import partial, reduce
from pathlib import Path
from typing import Any, Final

import click

from agent.cli import exporting, gathering, say, verdicts
from agent.cli.groups import Group
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.cli.taskfiles import hindered, warn
from agent.cron.zones import load_zone
from agent.definitions import Definition
from agent.errors import HomeError, WrongUse
from agent.foreign import to_cron
from agent.foreign.from_cron import from_crontab
from agent.foreign.from_systemd import from_timers
from agent.foreign.proposals import Host, Proposal, gone, settle
from agent.running.spawn import needs_shell
from agent.store import tasks as store
from agent.store import versions

_FROM: Final = "from "
"""The reason that is kept with what an import has written begins so."""
_FILE: Final = click.Path(path_type=Path, exists=True, allow_dash=True)
_OPTIONS: Final = (
    click.option("--tz", "zone", help="Zone the lines are meant in (else that of the host)."),
    click.option("--apply", "is_wanted", is_flag=True, help="Create the tasks, disabled."),
    click.option("--enable", is_flag=True, help="With --apply: enable them, after a question."),
    click.option("--yes", is_flag=True, help="With --enable: ask no question."),
    json_option,
)
_SHADOW_OPTIONS: Final = (
    click.option("--shadow", is_flag=True, help="Compare due moments with cron's log instead."),
    click.option("--log", "logs", type=_FILE, multiple=True, help="A log of cron, also .gz."),
    click.option(
        "--from", "start", help="Compare from this moment on (else from the log's first)."
    ),
    click.option("--to", "end", help="Compare until this moment (else until the log's last)."),
)


def _with(options: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    """All of these options on one command, in this order."""
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


@click.group("import", cls=Group)
def import_() -> None:
    """Propose tasks for what cron and systemd timers run; write them only with --apply.

    \b
    Examples:
      smartcron-agent import crontab
      smartcron-agent import crontab --apply
    """


@import_.command("crontab")
@click.argument("file", type=_FILE, required=False)
@click.option("--user", help="Whose crontab it is (else yours).")
@_with(_SHADOW_OPTIONS)
@_with(_OPTIONS)
@pass_session
def import_crontab(session: Session, /, file: Path | None, user: str | None, **chosen: Any) -> None:
    """Tasks from a user's crontab: FILE, - for stdin, or what `crontab -l` says.

    Shows what each line becomes and writes nothing. With --apply the tasks are created, disabled.
    The crontab itself is never touched.

    \b
    Examples:
      smartcron-agent import crontab
      smartcron-agent import crontab --shadow --log /var/log/syslog
      smartcron-agent import crontab --apply --enable
    """
    owner = user or getpass.getuser()
    text = gathering.installed_crontab(owner) if file is None else gathering.read_crontab_file(file)
    host = _host(session, chosen.pop("zone"))
    # One file is another crontab than the next one; what is edited must be told from what is new.
    origin = "crontab" if file is None else "stdin" if str(file) == "-" else str(file.absolute())
    drafts = from_crontab(text, origin, host=host, user=owner, has_user=False)
    _take(session, drafts, host, f"the crontab of {owner}", **chosen)


@import_.command("cron.d")
@click.argument("paths", type=_FILE, nargs=-1)
@_with(_SHADOW_OPTIONS)
@_with(_OPTIONS)
@pass_session
def import_cron_d(session: Session, /, paths: tuple[Path, ...], **chosen: Any) -> None:
    """Tasks from system crontabs, whose lines name a user: /etc/crontab and /etc/cron.d.

    \b
    Examples:
      smartcron-agent import cron.d
      smartcron-agent import cron.d /etc/cron.d/backup --apply
    """
    read, left_out = gathering.cron_folder_files(paths or gathering.default_cron_paths())
    host = _host(session, chosen.pop("zone"))
    drafts = [
        draft
        for file in read
        for draft in from_crontab(
            gathering.read_crontab_file(file), str(file), host=host, user="root", has_user=True
        )
    ]
    drafts += [
        Proposal(origin=str(file), line=0, verdict="skipped", note="cron ignores names with a dot")
        for file in left_out
    ]
    _take(session, drafts, host, "the system's crontabs", **chosen)


@import_.command("systemd-timers")
@click.argument("paths", type=_FILE, nargs=-1)
@_with(_OPTIONS)
@pass_session
def import_timers(session: Session, /, paths: tuple[Path, ...], **chosen: Any) -> None:
    """Tasks from systemd timers and the services they start: folders or .timer files.

    \b
    Examples:
      smartcron-agent import systemd-timers
      smartcron-agent import systemd-timers backup.timer --apply
    """
    timers, services = gathering.timer_files(paths or gathering.default_timer_paths())
    host = _host(session, chosen.pop("zone"))
    drafts = from_timers(timers, services, host=host)
    none: dict[str, Any] = {"shadow": False, "logs": (), "start": None, "end": None}
    _take(session, drafts, host, "systemd timers", **none, **chosen)


@click.group("export", cls=Group, invoke_without_command=True)
@click.option("--crontab", "as_crontab", is_flag=True, help="As a crontab for Debian's cron.")
@click.option("--system", is_flag=True, help="For /etc/cron.d: with a column for users.")
@click.option("--with-home-line", is_flag=True, help="HOME= instead of a `cd` in each line.")
@click.option("--tz", "zone", help="Zone of the cron it is for (else that of the host).")
@json_option
@pass_session
@click.pass_context
def export(
    context: click.Context,
    session: Session,
    *,
    as_crontab: bool,
    system: bool,
    with_home_line: bool,
    zone: str | None,
    as_json: bool,
) -> None:
    """The enabled tasks for another scheduler; what that cannot say is a comment with the reason.

    Runs, statistics and the audit have commands of their own below.

    \b
    Examples:
      smartcron-agent export --crontab > my-tasks.crontab
      smartcron-agent export runs --from 2026-11-01T00:00Z --output november.csv
    """
    if context.invoked_subcommand is not None:
        return
    if not as_crontab:
        raise WrongUse("export: name the format; there is --crontab, or one of runs, stats, audit")
    with session.database() as database:
        rows = [row for row in database.read_now(store.load_all) if row.enabled]
    now_ms = _now_ms()
    place = to_cron.Place(
        zone=_zone(zone),
        user=gathering.owner_of(session.home.root),
        has_user=system,
        folder=session.settings.app_root or str(session.home.root),
        home_of=gathering.home_of,
        marks=_marks(session),
        needs_shell=needs_shell,
        now_ms=now_ms,
    )
    lines = to_cron.to_lines(((row.definition, row.is_paused(now_ms)) for row in rows), place)
    if as_json:
        say.json_out(lines)
        return
    click.echo(to_cron.to_crontab(lines, place, with_home=with_home_line), nl=False)


for _command in exporting.COMMANDS:
    export.add_command(_command)


def _take(
    session: Session,
    drafts: list[Proposal],
    host: Host,
    source: str,
    *,
    shadow: bool,
    logs: tuple[Path, ...],
    start: str | None,
    end: str | None,
    is_wanted: bool,
    enable: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what is proposed, compare it with a log, or write it: as was asked."""
    _check_together(
        ("--enable", enable, "--apply", is_wanted),
        ("--yes", yes, "--enable", enable),
        ("--shadow", shadow, "--log", bool(logs)),
        ("--log", bool(logs), "--shadow", shadow),
        ("--from", start is not None, "--shadow", shadow),
        ("--to", end is not None, "--shadow", shadow),
    )
    if shadow and is_wanted:
        raise WrongUse("--apply: a shadow compares only; leave out --shadow to create tasks")
    if enable and as_json and not yes:
        raise WrongUse("--enable: asks a question, which --json has no place for; add --yes")
    rows = _known(session, must_be=is_wanted)
    known = [row.definition for row in rows]
    proposals = settle(drafts, known, is_as_imported=partial(_is_as_imported, session, rows))
    lost = gone(proposals, known)
    if shadow:
        is_same = verdicts.show_shadow(
            proposals, logs, zone=host.zone, start=start, end=end, as_json=as_json
        )
        sys.exit(0 if is_same else 1)
    if not as_json:
        verdicts.show(proposals, source)
        verdicts.tell_of_mail(proposals, recipients=_recipients(session))
        verdicts.tell_of_lost(lost)
        if not is_wanted:
            click.echo("Nothing was written; --apply creates the tasks, disabled.")
    added = _create(session, proposals, source) if is_wanted else ()
    edited = [one.task for one in proposals if one.task is not None and one.verdict == "edited"]
    if is_wanted and not as_json:
        say.good(f"{len(added)} tasks created, disabled")
        if edited:
            say.good(f"{len(edited)} tasks changed: {', '.join(one.task_name for one in edited)}")
        written = [one.task for one in proposals if one.task and one.verdict != "skipped"]
        warn(hindered(session, written))
    enabled = _enable(session, proposals, yes=yes) if enable else ()
    if as_json:
        verdicts.tell(
            proposals,
            added=added,
            edited=[one.task_name for one in edited] if is_wanted else (),
            enabled=enabled,
            gone=lost,
        )
        return
    for name in enabled:
        say.good(f"{name} enabled")


def _check_together(*pairs: tuple[str, bool, str, bool]) -> None:
    for option, is_given, other, has_other in pairs:
        if is_given and not has_other:
            raise WrongUse(f"{option}: says nothing without {other}; add it or leave {option} out")


def _known(session: Session, *, must_be: bool) -> tuple[store.TaskRow, ...]:
    """The tasks that there are; none where no home is yet and nothing is to be written."""
    try:
        with session.database() as database:
            return database.read_now(store.load_all)
    except HomeError:
        if must_be:
            raise
        return ()


def _is_as_imported(session: Session, rows: tuple[store.TaskRow, ...], task: Definition) -> bool:
    """Nobody has changed its definition since it was imported."""
    row = next(row for row in rows if row.task_name == task.task_name)
    with session.database() as database:
        why = database.read_now(
            partial(versions.why_made, task_name=row.task_name, def_rev=row.def_rev)
        )
    return why.startswith(_FROM)


def _recipients(session: Session) -> tuple[str, ...]:
    """Who is mailed of alerts; nobody where there is no home yet."""
    try:
        mail = session.settings.mail
    except HomeError:
        return ()
    return tuple(mail.recipients) if mail.is_on else ()


def _create(session: Session, proposals: list[Proposal], source: str) -> tuple[str, ...]:
    tasks = {
        verdict: [one.task for one in proposals if one.task is not None and one.verdict == verdict]
        for verdict in ("ok", "changed", "edited")
    }
    new = [*tasks["ok"], *tasks["changed"]]
    told: dict[str, Any] = {"who": _who(), "why": f"{_FROM}{source}", "now_ms": _now_ms()}
    with session.database(migrate=True) as database:
        database.write_now(partial(store.register, definitions=new, **told))
        database.write_now(partial(store.apply, definitions=tasks["edited"], **told))
    tell_agent(session)
    return tuple(task.task_name for task in new)


def _enable(session: Session, proposals: list[Proposal], *, yes: bool) -> tuple[str, ...]:
    names = [one.task.task_name for one in proposals if one.task is not None]
    with session.database() as database:
        rows = database.read_now(partial(store.load, names=names))
        off = [row.task_name for row in rows if not row.enabled]
        if not off:
            return ()
        question = (
            f"Enable {', '.join(off)}? Whatever starts them now will start them as well, "
            "until you take their lines away."
        )
        if not yes and not click.confirm(question):
            say.bad("left disabled; `smartcron-agent tasks enable NAME` enables one")
            return ()
        database.write_now(
            partial(
                store.set_flags,
                names=off,
                enabled=True,
                reason="import confirmed",
                who=_who(),
                now_ms=_now_ms(),
            )
        )
    tell_agent(session)
    return tuple(off)


def _host(session: Session, zone: str | None) -> Host:
    return Host(
        zone=_zone(zone),
        agent_user=gathering.owner_of(session.home.root),
        home_of=gathering.home_of,
    )


def _zone(wanted: str | None) -> str:
    if wanted is None:
        return gathering.host_zone()
    load_zone(wanted)
    return wanted


def _marks(session: Session) -> dict[str, str]:
    marks = {
        "{app_root}": session.settings.app_root,
        "{home}": str(session.home.root),
        "{python}": sys.executable,
        "{agent}": str(Path(sys.executable).with_name("smartcron-agent")),
    }
    return {mark: value for mark, value in marks.items() if value}


def _who() -> str:
    return f"{getpass.getuser()} (command line)"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


COMMANDS: Final = (import_, export)
