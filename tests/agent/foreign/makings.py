"""What the tests of foreign files are made of."""

from agent.definitions import Definition
from agent.foreign.from_cron import from_crontab
from agent.foreign.proposals import Host, Proposal, settle

HOMES = {"root": "/root", "anna": "/home/anna"}
HOST = Host(zone="Europe/Berlin", agent_user="root", home_of=HOMES.get)


def proposals(
    *lines: str, user: str = "root", has_user: bool = False, known: tuple[Definition, ...] = ()
) -> list[Proposal]:
    """What these lines of a crontab become."""
    text = "\n".join(lines) + "\n"
    return settle(from_crontab(text, "crontab", host=HOST, user=user, has_user=has_user), known)


def task_of(*lines: str, user: str = "root", has_user: bool = False) -> Definition:
    """The task that the last of these lines becomes."""
    found = proposals(*lines, user=user, has_user=has_user)[-1]
    assert found.task is not None, found.note
    return found.task
