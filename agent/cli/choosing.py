"""Which tasks are meant by names, by patterns such as 'import_*', and by a category?"""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, TypeVar

import click

from agent.cli.session import Session
from agent.errors import TaskNotFound, WrongUse
from agent.store import tasks as store
from agent.store.database import Database
from agent.store.tasks import TaskRow

LISTED: Final = 30
"""So many names are listed before a question."""
# No name of a task has one of these in it.
_SIGNS: Final = frozenset("*?[")

T = TypeVar("T", bound=Callable[..., Any])


def choice_options(command: T) -> T:
    """TASK..., --category and --yes: which tasks, and whether it is asked before many change."""
    asks = click.option("--yes", is_flag=True, help="Do not ask before more than one changes.")
    return task_options(asks(command))


def task_options(command: T) -> T:
    """TASK... and --category: which tasks."""
    for option in (
        click.option("--category", help="All tasks of this category, or those named of it."),
        click.argument("task_names", metavar="[TASK]...", nargs=-1),
    ):
        command = option(command)
    return command


def refusal_status(codes: Sequence[str], among: int) -> int:
    """What an order for so many tasks ends with, when these codes refused some of them.

    2 where nothing was done, as none of them is there; else 1.
    """
    is_wrong_use = len(codes) == among and set(codes) == {TaskNotFound.code}
    return TaskNotFound.exit_status if is_wrong_use else 1


def is_broad(task_names: Sequence[str], category: str | None) -> bool:
    """Somebody has not written each name, so that more may be meant than was thought of."""
    return category is not None or any(_is_pattern(word) for word in task_names)


def chosen(
    database: Database, task_names: Sequence[str], category: str | None
) -> tuple[TaskRow, ...]:
    """The tasks that are meant, by name; raises WrongUse where that is none."""
    if not task_names and category is None:
        raise WrongUse("name tasks, or a pattern such as 'import_*', or a --category")
    if not is_broad(task_names, category):
        return database.read_now(partial(store.load, names=task_names))
    rows = database.read_now(store.load_all)
    check_category(rows, category)
    known = {row.task_name for row in rows}
    found = [row for row in rows if category in (None, row.definition.category)]
    for word in task_names:
        if not _is_pattern(word) and word not in known:
            database.read_now(partial(store.load, names=[word]))  # which says how to find them
        if not any(fnmatchcase(row.task_name, word) for row in found):
            of = f" of category {category!r}" if category is not None else ""
            raise WrongUse(
                f"{word!r}: no task{of} has such a name; "
                "`smartcron-agent tasks list` shows them all"
            )
    return tuple(
        row
        for row in found
        if not task_names or any(fnmatchcase(row.task_name, word) for word in task_names)
    )


def names_meant(
    session: Session, task_names: Sequence[str], category: str | None
) -> tuple[str, ...]:
    """The names of the tasks that are meant; names that were written out need no database."""
    if task_names and not is_broad(task_names, category):
        return tuple(dict.fromkeys(task_names))
    with session.database() as database:
        return tuple(row.task_name for row in chosen(database, task_names, category))


def ask_for_many(verb: str, names: Sequence[str], *, yes: bool, as_json: bool) -> None:
    """List more than one and ask whether all of them are meant; refuses where nobody can answer."""
    if len(names) < 2 or yes:
        return
    if as_json:
        raise WrongUse(
            f"{len(names)} tasks are meant: asks a question, which --json has no place for; "
            "add --yes"
        )
    for name in names[:LISTED]:
        click.echo(f"  {name}")
    if len(names) > LISTED:
        click.echo(f"  and {len(names) - LISTED} more")
    click.confirm(f"{verb} these {len(names)} tasks?", abort=True)


def check_category(rows: Sequence[TaskRow], category: str | None) -> None:
    """Raise WrongUse for a category that no task has."""
    known = sorted({row.definition.category for row in rows})
    if category is not None and category not in known:
        there_is = f"there is {', '.join(known)}" if known else "there are no tasks yet"
        raise WrongUse(f"--category {category!r}: no task has it; {there_is}")


def _is_pattern(word: str) -> bool:
    return not _SIGNS.isdisjoint(word)
