"""Commands about windows in which alerts are told to nobody, since somebody works on it."""

from functools import partial
from typing import Final

import click
import msgspec

from agent.cli import say
from agent.cli.closing import who_asks
from agent.cli.groups import Group
from agent.cli.lengths import YEAR
from agent.cli.moments import now_ms, read_moment
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.errors import WrongUse
from agent.rules.muting import Mute, covers, fault_of
from agent.store import mutes as store
from agent.store import tasks
from agent.store.tasks import TaskRow
from agent.ulid import new_ulid

_OPTIONS: Final = {"to_ms": "to"}


@click.group(cls=Group)
def mute() -> None:
    """Windows in which alerts are kept but told to nobody; what still stands is told at their end.

    \b
    Examples:
      smartcron-agent alerts mute add --task 'shop-*' --for 2h --reason "moves"
      smartcron-agent alerts mute list
    """


@mute.command("add")
@click.option("--task", metavar="GLOB", help="Alerts about tasks with such names, as 'shop-*'.")
@click.option("--category", help="Alerts about tasks of this category.")
@click.option("--all", "everything", is_flag=True, help="All alerts, those about no task too.")
@click.option("--from", "start", help="When it begins, ISO 8601; else now.")
@click.option("--to", "--until", "end", help="When it ends: +2h, 18:00, ISO 8601.")
@click.option("--for", "length_s", type=YEAR, help="Instead of --to: such as 45m, 2h or 1d.")
@click.option("--reason", required=True, help="Shown wherever an alert is muted by it.")
@json_option
@pass_session
def add(
    session: Session,
    *,
    task: str | None,
    category: str | None,
    everything: bool,
    start: str | None,
    end: str | None,
    length_s: int | None,
    reason: str,
    as_json: bool,
) -> None:
    """Tell nobody of these alerts for a while; they are recorded, shown, and marked as muted.

    \b
    Examples:
      smartcron-agent alerts mute add --task 'shop-*' --for 2h --reason "moves"
      smartcron-agent alerts mute add --all --reason "new database server" \\
                --from 2026-12-01T22:00 --to 2026-12-02T02:00
    """
    asked_ms = now_ms()
    if everything == (task is not None or category is not None):
        raise WrongUse(
            "--all, --task, --category: say which alerts are meant, such as --task 'shop-*', "
            "or --all for every one"
        )
    from_ms = read_moment("--from", start) if start else asked_ms
    made = Mute(
        id=new_ulid(asked_ms),
        task=task,
        category=category,
        from_ms=from_ms,
        to_ms=_end_ms(from_ms, end, length_s),
        reason=reason,
        made_ms=asked_ms,
        made_by=who_asks(),
    )
    _expect_sound(made, asked_ms, end)
    with session.database() as database:
        database.write_now(partial(store.add, mute=made))
        known = database.read_now(tasks.load_all)
    tell_agent(session)
    _tell(made, known, as_json=as_json)


def _expect_sound(made: Mute, asked_ms: int, end: str | None) -> None:
    fault = fault_of(made, now_ms=asked_ms)
    if fault is not None:
        written = repr(fault.value[:40]) if fault.field != "to_ms" else end
        option = _OPTIONS.get(fault.field, fault.field)
        raise WrongUse(f"--{option} {written}: {fault.fix}")


def _tell(made: Mute, known: tuple[TaskRow, ...], *, as_json: bool) -> None:
    """What is muted now, and what is doubtful about it."""
    count = _count(made, known)
    if as_json:
        say.json_out(msgspec.to_builtins(made) | {"tasks": count})
        return
    say.good(
        f"{made.id[-6:]}: {_what(made)} muted from {say.moment(made.from_ms)} "
        f"until {say.moment(made.to_ms)}"
    )
    if not count and not made.is_of_all:
        say.warn("no task is meant by it now; `smartcron-agent tasks list` shows their names")
    elif count == len(known) and made.task is not None and count > 1:
        say.warn(f"every one of the {count} tasks is meant by it")


@mute.command("edit")
@click.argument("mute_id", metavar="MUTE")
@click.option("--task", "glob", metavar="GLOB", help="Tasks with such names; '' for no matter.")
@click.option("--category", help="Tasks of this category; '' for no matter.")
@click.option("--all", "everything", is_flag=True, help="All alerts, those about no task too.")
@click.option("--from", "start", help="When it begins, ISO 8601.")
@click.option("--to", "--until", "end", help="When it ends: +2h, 18:00, ISO 8601.")
@click.option("--for", "length_s", type=YEAR, help="Instead of --to: how long from its beginning.")
@click.option("--reason", help="Shown wherever an alert is muted by it.")
@json_option
@pass_session
def edit(
    session: Session,
    *,
    mute_id: str,
    glob: str | None,
    category: str | None,
    everything: bool,
    start: str | None,
    end: str | None,
    length_s: int | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Change a window (by its id, or the end of it); what is not said stays as it is.

    Whoever edits it on a desktop meanwhile is told that it is another one now.

    \b
    Example:
      smartcron-agent alerts mute edit 3B2Q9Z --for 4h --reason "takes longer"
    """
    asked_ms = now_ms()
    if everything and (glob is not None or category is not None):
        raise WrongUse("--all: is about every task; leave out --task and --category")
    if end is not None and length_s is not None:
        raise WrongUse("--to, --for: give one of them")
    if not everything and all(
        one is None for one in (glob, category, start, end, length_s, reason)
    ):
        raise WrongUse("MUTE: say what is to be other, such as --for 4h or --reason 'takes longer'")
    with session.database() as database:
        known = database.read_now(partial(store.find, text=mute_id))
        task = None if everything else known.task if glob is None else glob or None
        kind = None if everything else known.category if category is None else category or None
        if task is None and kind is None and not everything and not known.is_of_all:
            raise WrongUse("--task, --category: say which alerts are meant, or --all for every one")
        from_ms = read_moment("--from", start) if start else known.from_ms
        to_ms = known.to_ms
        if end is not None or length_s is not None:
            to_ms = _end_ms(from_ms, end, length_s)
        changed = msgspec.structs.replace(
            known,
            task=task,
            category=kind,
            from_ms=from_ms,
            to_ms=to_ms,
            reason=known.reason if reason is None else reason,
            made_ms=asked_ms,
            made_by=who_asks(),
        )
        _expect_sound(changed, asked_ms, end or say.moment(to_ms))
        change = partial(store.change, mute=changed, base_ms=known.made_ms)
        made = database.write_now(change)
        tasks_now = database.read_now(tasks.load_all)
    tell_agent(session)
    _tell(made, tasks_now, as_json=as_json)


@mute.command("list")
@click.option("--all", "with_over", is_flag=True, help="Those that are over too, newest first.")
@json_option
@pass_session
def list_(session: Session, with_over: bool, as_json: bool) -> None:
    """List the windows that go on or are to come.

    \b
    Example:  smartcron-agent alerts mute list --json
    """
    asked_ms = now_ms()
    with session.database() as database:
        find = store.newest if with_over else partial(store.not_over, now_ms=asked_ms)
        found = database.read_now(find)
        known = database.read_now(tasks.load_all)
    if as_json:
        say.json_out([msgspec.to_builtins(one) | {"tasks": _count(one, known)} for one in found])
        return
    say.table(
        ["Mute", "What", "Tasks", "Now", "From", "Until", "By", "Reason"],
        [
            [
                one.id[-6:],
                _what(one),
                _count(one, known),
                _state(one, asked_ms),
                say.moment(one.from_ms),
                say.moment(one.to_ms),
                one.made_by,
                one.reason,
            ]
            for one in found
        ],
        empty="nothing is muted",
    )


@mute.command("remove")
@click.argument("mute_id", metavar="MUTE")
@json_option
@pass_session
def remove(session: Session, mute_id: str, as_json: bool) -> None:
    """Take a window away (by its id, or the end of it); what it muted and still stands is told.

    \b
    Example:  smartcron-agent alerts mute remove 3B2Q9Z
    """
    with session.database() as database:
        gone = database.write_now(partial(store.remove, text=mute_id))
    tell_agent(session)
    if as_json:
        say.json_out(msgspec.to_builtins(gone))
        return
    say.good(f"{_what(gone)} no longer muted")


def _end_ms(from_ms: int, end: str | None, length_s: int | None) -> int:
    if (end is None) == (length_s is None):
        raise WrongUse("--to, --for: say when it ends with one of them, such as --for 2h")
    if end is not None:
        return read_moment("--to", end)
    return from_ms + (length_s or 0) * 1000


def _what(one: Mute) -> str:
    if one.is_of_all:
        return "all alerts"
    parts = [f"tasks {one.task}"] if one.task is not None else []
    parts += [f"category {one.category}"] if one.category is not None else []
    return ", ".join(parts)


def _count(one: Mute, known: tuple[TaskRow, ...]) -> int:
    return sum(covers(one, task.task_name, task.definition.category) for task in known)


def _state(one: Mute, at_ms: int) -> str:
    if at_ms < one.from_ms:
        return "to come"
    return "muted" if at_ms < one.to_ms else "over"
