"""Which task was meant by a name that none has?"""

import difflib
import re
from typing import Final

from agent.cli.session import Session
from agent.errors import AgentError
from agent.store import tasks

# Whoever says so, the agent or this process, says it in these words (agent/errors.py).
_NO_TASK: Final = re.compile(r"there is no task '([^']{1,100})'")
_LIKE: Final = 0.6


def meant(session: Session, error: AgentError) -> str:
    """What to add to a refusal: the task whose name is nearly the one that none has."""
    found = _NO_TASK.search(str(error))
    if found is None:
        return ""
    try:
        with session.database() as database:
            names = [task.task_name for task in database.read_now(tasks.load_all)]
    except AgentError:
        return ""
    near = difflib.get_close_matches(found[1], names, n=1, cutoff=_LIKE)
    return f"; did you mean {near[0]!r}?" if near else ""
