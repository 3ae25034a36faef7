"""Which task does each line of another scheduler become, and what became of it before."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import msgspec

from agent.definitions import Definition, check
from agent.errors import BadDefinition
from agent.foreign.names import unique

Verdict = Literal["ok", "changed", "refused", "skipped"]

# Other schedulers set no limit; this is the longest one that a task may have.
NO_LIMIT_S: Final = 30 * 86_400
CATEGORY: Final = "Imported"
UMASK: Final = "022"
"""What cron and systemd give what they start; files that others read depend on it."""
_MARK: Final = "import-"
_LONGEST_DESCRIPTION: Final = 500


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """What a file leaves to the host it lies on."""

    zone: str
    agent_user: str
    home_of: Callable[[str], str | None]


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What is proposed for one line: a task, or the reason why there is none.

    `schedule` and `command` are the line's own words, `user` whom it runs as.
    """

    origin: str
    line: int
    verdict: Verdict
    note: str
    user: str = ""
    schedule: str = ""
    command: str = ""
    task: Definition | None = None


def refused(
    origin: str, line: int, note: str, *, user: str = "", schedule: str = "", command: str = ""
) -> Proposal:
    """No task can say this line exactly."""
    return Proposal(
        origin=origin,
        line=line,
        verdict="refused",
        note=note,
        user=user,
        schedule=schedule,
        command=command,
    )


def run_as(user: str, host: Host) -> str | None:
    """The user a task must name to run as this one; raises BadDefinition when none would do."""
    if user == host.agent_user:
        return None
    if host.agent_user != "root":
        raise BadDefinition(
            "run_as", user, f"the agent of {host.agent_user} cannot become {user}; import it there"
        )
    return user


def describe(text: str) -> str:
    """The text as a description may be."""
    return " ".join(text.split())[:_LONGEST_DESCRIPTION]


def settle(drafts: Sequence[Proposal], known: Iterable[Definition]) -> list[Proposal]:
    """Give each proposed task a free name; what was imported before is recognised by its mark."""
    taken: set[str] = set()
    imported: dict[str, str] = {}
    for task in known:
        taken.add(task.task_name)
        imported |= {tag: task.task_name for tag in task.tags if tag.startswith(_MARK)}
    seen: Counter[str] = Counter()
    settled = []
    for draft in drafts:
        if draft.task is None:
            settled.append(draft)
            continue
        mark = _mark(draft, seen)
        name = imported.get(mark) or unique(draft.task.task_name, taken)
        task = msgspec.structs.replace(draft.task, task_name=name, tags=(*draft.task.tags, mark))
        proposal = _checked(msgspec.structs.replace(draft, task=task))
        if mark in imported:
            proposal = msgspec.structs.replace(
                proposal, verdict="skipped", note=f"was imported before, as {name}"
            )
        if proposal.task is not None:
            taken.add(name)
        settled.append(proposal)
    return settled


def _mark(draft: Proposal, seen: Counter[str]) -> str:
    """A tag that is the same each time this line is imported, wherever it stands."""
    words = "\0".join((draft.user, draft.schedule, draft.command))
    seen[words] += 1
    digest = hashlib.sha256(f"{words}\0{seen[words]}".encode(errors="surrogateescape"))
    return f"{_MARK}{digest.hexdigest()[:16]}"


def _checked(proposal: Proposal) -> Proposal:
    if proposal.task is None:
        return proposal
    try:
        check(proposal.task)
    except BadDefinition as error:
        note = error.fix if error.field == "schedule" else f"{error.field}: {error.fix}"
        return msgspec.structs.replace(proposal, verdict="refused", note=note, task=None)
    return proposal
