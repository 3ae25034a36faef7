"""Which tasks come after which: the ends that start them, and circles that must not be."""

from collections.abc import Mapping, Sequence
from typing import Final

from agent.definitions import Definition

# Endings of runs that were tried and came to no good. `aborted` is somebody's wish, and what was
# skipped or missed never was a run.
FAILED: Final = frozenset({"error", "timeout", "killed_memory", "lost"})
_ENDED_ANYHOW: Final = frozenset({"success", "aborted", *FAILED})


def follows(definition: Definition, status: str) -> bool:
    """Whether a task runs after a run of a task in its `after` ended like this."""
    match definition.after_on:
        case "success":
            return status == "success"
        case "failure":
            return status in FAILED
        case "any":
            return status in _ENDED_ANYHOW


def find_circle(after: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names of one circle, its first name again at its end; empty when there is none.

    `after` holds for each task the tasks it comes after.
    """
    done: set[str] = set()
    for start in after:
        path: list[str] = []
        # A stack of iterators instead of recursion: a chain of 10 000 tasks is no error.
        stack = [iter((start,))]
        while stack:
            name = next(stack[-1], None)
            if name is None:
                stack.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                # Read against the arrows, so that it reads in the order of running.
                return tuple(reversed((*path[path.index(name) :], name)))
            elif name not in done:
                path.append(name)
                stack.append(iter(after.get(name, ())))
    return ()
