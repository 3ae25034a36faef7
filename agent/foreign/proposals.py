"""Which task does each line of another scheduler become, and what became of it before."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.foreign.edits import MARK, Edit, edits, is_of, mark_of, without_line
from agent.foreign.names import unique
from agent.taskcheck import check

Verdict = Literal["ok", "changed", "edited", "refused", "skipped"]

# Other schedulers set no limit; this is the longest one that a task may have.
NO_LIMIT_S: Final = 30 * 86_400
CATEGORY: Final = "Imported"
UMASK: Final = "022"
"""What cron and systemd give what they start; files that others read depend on it."""
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
    mail: str = ""
    """To whom cron mailed what the line's command wrote, where the crontab says so."""
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


def settle(
    drafts: Sequence[Proposal],
    known: Sequence[Definition],
    *,
    is_as_imported: Callable[[Definition], bool] = lambda _: False,
) -> list[Proposal]:
    """Give each proposed task a free name, or that of the task which its line has been before.

    What was imported before is recognised by its mark; an edited line by what it still says.
    """
    taken = {task.task_name for task in known}
    imported = {mark: task.task_name for task in known if (mark := mark_of(task)) is not None}
    seen: Counter[str] = Counter()
    marks = [_mark(draft, seen) if draft.task is not None else "" for draft in drafts]
    new = [
        place
        for place, draft in enumerate(drafts)
        if draft.task is not None and marks[place] not in imported
    ]
    lines = [(drafts[place].origin, task) for place in new if (task := drafts[place].task)]
    found = edits(lines, without_line(known, set(marks)), is_as_imported=is_as_imported)
    edited = {new[number]: edit for number, edit in found.items()}
    settled = []
    for place, draft in enumerate(drafts):
        if draft.task is None:
            settled.append(draft)
            continue
        proposal = _checked(_named(draft, marks[place], imported, edited.get(place), taken))
        if proposal.task is not None:
            taken.add(proposal.task.task_name)
        settled.append(proposal)
    return settled


def gone(proposals: Sequence[Proposal], known: Sequence[Definition]) -> list[str]:
    """The tasks whose lines are not in their crontabs any more, by name."""
    origins = {one.origin for one in proposals}
    kept = {one.task.task_name for one in proposals if one.task is not None}
    left = [task for task in known if mark_of(task) is not None and task.task_name not in kept]
    return [task.task_name for task in left if any(is_of(task, origin) for origin in origins)]


def _named(
    draft: Proposal,
    mark: str,
    imported: dict[str, str],
    edit: Edit | None,
    taken: set[str],
) -> Proposal:
    assert draft.task is not None  # noqa: S101 - the caller has looked
    if edit is not None and edit.is_certain:
        name = edit.known.task_name
    else:
        name = imported.get(mark) or unique(draft.task.task_name, taken)
    task = msgspec.structs.replace(draft.task, task_name=name, tags=(*draft.task.tags, mark))
    if mark in imported:
        note = f"was imported before, as {name}"
        return msgspec.structs.replace(draft, task=task, verdict="skipped", note=note)
    if edit is None:
        return msgspec.structs.replace(draft, task=task)
    if not edit.is_certain:
        note = f"perhaps the edited line of {edit.known.task_name}, {edit.doubt}; that one stays"
        note = "; ".join(filter(None, (draft.note, note)))
        return msgspec.structs.replace(draft, task=task, note=note)
    task = msgspec.structs.replace(task, enabled=edit.known.enabled)
    note = "; ".join(filter(None, (f"was {_was(edit.known, task)}", draft.note)))
    return msgspec.structs.replace(draft, task=task, verdict="edited", note=note)


def _was(old: Definition, new: Definition) -> str:
    """What of a line was edited."""
    if old.schedule != new.schedule:
        return " and ".join(old.schedule)
    words = old.command if isinstance(old.command, str) else " ".join(old.command)
    return describe(words) if old.command != new.command else "set otherwise"


def _mark(draft: Proposal, seen: Counter[str]) -> str:
    """A tag that is the same each time this line is imported, wherever it stands."""
    words = "\0".join((draft.user, draft.schedule, draft.command))
    seen[words] += 1
    digest = hashlib.sha256(f"{words}\0{seen[words]}".encode(errors="surrogateescape"))
    return f"{MARK}{digest.hexdigest()[:16]}"


def _checked(proposal: Proposal) -> Proposal:
    if proposal.task is None:
        return proposal
    try:
        check(proposal.task)
    except BadDefinition as error:
        note = error.fix if error.field == "schedule" else f"{error.field}: {error.fix}"
        return msgspec.structs.replace(proposal, verdict="refused", note=note, task=None)
    return proposal
