"""Which processes belong to a run, wherever they have gone, and how are all of them ended?

Standard library only: the keeper imports this file.
"""

from __future__ import annotations

import os
import signal

from agent.running import cgroup, marks, processes

TYPE_CHECKING = False  # typing itself would cost the keeper half a megabyte
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from agent.running.processes import Process
    from agent.running.watched import Watched

STOP_ROUNDS = 50
CHASE_ROUNDS = 50


def living(run: Watched) -> list[Process]:
    """Every process of this run that is not over, looked for among all of the host.

    Found are: the main process, its session, its cgroup, those seen before, those that bear the
    run's mark, carry its id or write into its spool though their parents are gone, and all
    descendants of these.
    """
    everyone = processes.look_at_all()
    everyone.pop(os.getpid(), None)
    roots = {pid for pid, process in everyone.items() if _is_known(run, process)}
    roots.update(pid for pid in cgroup.members(run.group) if pid in everyone)
    known = processes.descendants(roots, everyone)
    for pid, process in everyone.items():
        if pid not in roots and pid not in known and process.start >= run.start:
            claim = claims(run, pid)
            if claim or (claim is None and _can_only_be_of(run, process)):
                roots.add(pid)
    found = {pid: everyone[pid] for pid in roots} | processes.descendants(roots, everyone)
    alive = [process for process in found.values() if not process.is_over]
    alive = alive or _fallen_to_us(run, everyone)
    run.members = {process.pid: process.start for process in alive}
    return alive


def _fallen_to_us(run: Watched, everyone: Container[int]) -> list[Process]:
    """Those that came to be our children while the others were looked at.

    Who passes from parent to child all the time is missed by any list; the last of them, whose
    parent has just died, is our child.
    """
    seen: set[int] = set()
    for _ in range(CHASE_ROUNDS):
        fresh = {pid for pid in processes.children(os.getpid()) or () if pid not in everyone}
        shown = {pid for pid in fresh if claims(run, pid)}
        # Looked at only now: who lives still was also alive when it was asked whose it is.
        looks = [process for process in map(processes.look, fresh) if process is not None]
        alive = [process for process in looks if not process.is_over]
        ours = [process for process in alive if process.pid in shown]
        # Who has died may have left a child, which is ours by the next look, unless there is none.
        if ours or len(alive) == len(looks) or fresh <= seen:
            return ours
        seen |= fresh
    return []


def remember(run: Watched, mains: Iterable[int]) -> None:
    """Note who is left of a run that is just over; a single read when nobody is."""
    mine = processes.children(os.getpid())
    if mine is not None and not set(mine).difference(mains):
        run.members = {}  # whoever is left would be our child now, or below one
    else:
        living(run)


def resident_bytes(run: Watched, mains: Container[int]) -> int:
    """Memory in RAM of the whole family; cheap enough to be asked many times a second."""
    pids = _near(run, mains)
    total = sum(map(processes.resident_bytes, pids))
    limit = run.memory_limit_bytes
    if limit and total > limit and len(pids) > 1:
        # What forked processes share counts once; that takes longer to find out. Twice, as
        # the part of those looked at last grows when others end meanwhile.
        shared = sum(map(processes.proportional_bytes, pids))
        if shared <= limit:
            return shared
        return min(shared, sum(map(processes.proportional_bytes, _near(run, mains))))
    return total


def cpu_ms(run: Watched, mains: Container[int]) -> int:
    """Processor time of the family so far, as far as somebody of it lives to tell."""
    return sum(map(processes.cpu_ms, _near(run, mains)))


def _near(run: Watched, mains: Container[int]) -> list[int]:
    """The family as found by walking down from its main process and from orphans."""
    family = processes.below(run.pid)
    for pid in processes.children(os.getpid()) or ():
        if pid in mains or pid in family:
            continue
        process = processes.look(pid)
        if process is not None and (_is_known(run, process) or claims(run, pid)):
            family[pid] = process
            family.update(processes.below(pid))
    run.members = {process.pid: process.start for process in family.values()}
    return [run.pid, *(pid for pid in family if pid != run.pid)]


def keep(run: Watched, mains: Container[int], kept: dict[int, int]) -> None:
    """Note what this run may leave behind, with all that may be of it though nothing shows it."""
    for pid, start in list(kept.items()):
        process = processes.look(pid)
        if process is None or process.start != start:
            del kept[pid]
    kept.update(run.members)
    for pid in processes.children(os.getpid()) or ():
        process = processes.look(pid) if pid not in mains else None
        if process is not None and process.start >= run.start and claims(run, pid) is None:
            kept[pid] = process.start


def terminate(run: Watched) -> None:
    """Ask the whole family to end; the stopped ones are woken so that they can."""
    # The main one first: a shell that sees its command end makes that its own exit status.
    for process in sorted(living(run), key=lambda process: process.pid != run.pid):
        processes.send(process.pid, process.start, signal.SIGTERM)
        processes.send(process.pid, process.start, signal.SIGCONT)


def kill(run: Watched) -> None:
    """End the whole family without asking."""
    # Held still first, until no new one appears: a fork bomb would outrun the killing.
    held: dict[int, int] = {}
    for _ in range(STOP_ROUNDS):
        fresh = [process for process in living(run) if held.get(process.pid) != process.start]
        if not fresh:
            break
        for process in fresh:
            held[process.pid] = process.start
            processes.send(process.pid, process.start, signal.SIGSTOP)
    for pid, start in held.items():
        processes.send(pid, start, signal.SIGKILL)


def _is_known(run: Watched, process: Process) -> bool:
    if process.pid == run.pid:
        return process.start == run.start
    if process.session == run.pid and not run.is_over:
        return True  # once the main process is reaped its number may come to be another's
    return run.members.get(process.pid) == process.start


def claims(run: Watched, pid: int) -> bool | None:
    """Does a process show that it is of this run (True), of another (False), or nothing (None)?"""
    mark = marks.borne_by(pid)
    if mark is not None:
        return mark == run.mark
    named = processes.run_of(pid)
    if named == run.run_id or processes.writes_to(pid, run.output_file):
        return True
    return None if named is None else False


def _can_only_be_of(run: Watched, process: Process) -> bool:
    """An orphan that shows nothing, fallen to us, younger than this run, older than the others."""
    if run.peers is None or process.parent != os.getpid():
        return False
    if run.kept.get(process.pid) == process.start:
        return False
    others = [peer for peer in run.peers.values() if peer is not run]
    return all(process.pid != peer.pid and process.start < peer.start for peer in others)
