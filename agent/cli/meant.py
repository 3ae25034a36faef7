"""Which run does somebody mean, who writes its id, the end of it, or the name of its task?"""

from functools import partial
from typing import Final

from agent.errors import RunNotFound, WrongUse
from agent.runs import Run
from agent.store import ledger
from agent.store.database import Database
from agent.store.history import RunFilter

WHOLE: Final = 26
FEWEST_LETTERS: Final = 4
AMONG: Final = 1_000
"""The end of an id is looked for among so many of the newest runs."""


def run_meant(database: Database, text: str) -> Run:
    """The run with this id; the newest of a task; the one whose id ends so.

    Raises RunNotFound, and WrongUse where several end so.
    """
    if len(text) == WHOLE:
        return database.read_now(partial(ledger.get, run_id=text.upper()))
    newest = partial(ledger.page, wanted=RunFilter(task_name=text), limit=1)
    if found := database.read_now(newest).runs:
        return found[0]
    if len(text) < FEWEST_LETTERS:
        raise WrongUse(
            f"run {text!r}: write a task, or an id, or at least its last {FEWEST_LETTERS} letters"
        )
    recent = database.read_now(partial(ledger.page, limit=AMONG, with_words=False)).runs
    ends = [run for run in recent if run.id.endswith(text.upper())]
    if len(ends) > 1:
        raise WrongUse(f"run {text!r}: {len(ends)} runs end so; write more letters of the id")
    if not ends:
        raise RunNotFound(text)
    return database.read_now(partial(ledger.get, run_id=ends[0].id))
