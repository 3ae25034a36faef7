"""The parent of all runs: starts, watches and ends them, and outlives the agent.

A process of its own, standard library only, without asyncio. It waits for its socket, for its
children and for the next deadline, and does nothing else; idle it costs no time at all.

The agent speaks JSON lines: hello, order, stop, forget, drain. The keeper answers hello with all
it knows, and tells started, refused, stopping, ended as they happen.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time

from agent.boot import boot_id
from agent.running import processes
from agent.running.journal import FULL, LARGE_BYTES, VERSION, Journal, encoded
from agent.running.launch import NotLaunched, launch
from agent.running.remarks import remark
from agent.running.watch import Watch
from agent.running.watched import watched

TYPE_CHECKING = False  # typing itself would cost the keeper half a megabyte
if TYPE_CHECKING:
    from typing import Any

LISTENER = 3  # the agent hands the listening socket over under this number
LONELY_S = 10.0
# So long it obeys before it looks after those that ended: starts come first, but not for ever.
SLICE_S = 0.02
# What the journal may still be told of a run that lives; a full disk must not refuse it.
END_BYTES = 2 << 10
# So much more before a journal that could not be made smaller is tried again.
LATER_BYTES = 16 << 10
# Of those that were started last, so many are never started once more.
MOMENTS = 4096
LINE_LIMIT = 8 << 20
UNSENT_LIMIT = 8 << 20
CREDENTIALS = 12  # bytes of struct ucred: pid, uid, gid


class Caller:
    """One connection of an agent."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.received = bytearray()
        self.unsent = bytearray()
        self.is_closed = False

    def receive(self) -> None:
        """Take what has arrived."""
        while not self.is_closed and len(self.received) <= LINE_LIMIT:
            try:
                part = self.connection.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                part = b""
            self.received += part
            self.is_closed = not part
        if len(self.received) > LINE_LIMIT and not self.has_line:
            self.is_closed = True  # one line alone of that length is no request

    @property
    def has_line(self) -> bool:
        """Has a whole line arrived?"""
        return b"\n" in self.received

    def next_line(self) -> bytes | None:
        """The oldest line that has arrived; None when there is none."""
        if not self.has_line:
            self.receive()
        end = self.received.find(b"\n")
        if end < 0:
            return None
        line = bytes(self.received[:end])
        del self.received[: end + 1]
        return line

    def send(self, line: bytes) -> None:
        """Have an encoded line sent with the next flush."""
        self.unsent += line

    def flush(self) -> None:
        """Send as much as the agent takes."""
        try:
            while self.unsent:
                del self.unsent[: self.connection.send(self.unsent)]
        except BlockingIOError:
            self.is_closed = len(self.unsent) > UNSENT_LIMIT
        except OSError:
            self.is_closed = True


class Keeper:
    """All state of the process."""

    def __init__(self, listener: socket.socket, journal: Journal, socket_path: str) -> None:
        self._listener = listener
        self._journal = journal
        self._socket_path = socket_path
        self._caller: Caller | None = None
        self._watch = Watch(self._happened, takes_strays=True)
        self._known: dict[str, dict[str, Any]] = {}  # run id: what was told last, until forgotten
        self._seen: set[str] = set()
        self._moments: dict[str, str] = {}  # which run it was that started for each, the newest
        self._large_bytes = LARGE_BYTES
        self._unwritten = [encoded(self._header())]  # lines for the journal
        self._let_go: list[bytes] = []  # as above, of runs that nobody needs any more
        self._said = ""  # of the journal, last
        self._is_draining = False
        self._lonely_since_s: float | None = time.monotonic()
        self._woken, wakes = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until nothing is left to be kept."""
        self._write_down()
        while not self._may_go():
            talking = [self._caller.connection.fileno()] if self._caller is not None else []
            readable, _, _ = select.select(
                [self._listener.fileno(), self._woken, *talking],
                talking if self._caller is not None and self._caller.unsent else [],
                [],
                self._wait_s(),
            )
            if self._woken in readable:
                self._drop_wakeups()
            if self._listener.fileno() in readable:
                self._accept()
            if self._caller is not None:
                self._serve(self._caller, until_s=time.monotonic() + SLICE_S)
            self._write_down()
            self._reap()
            self._watch.tick()
            # What is told stands in the journal.
            self._write_down()
            if self._caller is not None:
                self._caller.flush()
        self._leave()

    def _wait_s(self) -> float | None:
        if self._caller is not None and (self._caller.has_line or self._caller.is_closed):
            return 0.0
        due = [self._watch.next_s()]
        if self._lonely_since_s is not None and not self._watch.runs:
            due.append(self._lonely_since_s + LONELY_S)
        if self._unwritten or self._let_go:
            due.append(time.monotonic() + 1)
        next_s = min((at for at in due if at is not None), default=None)
        return None if next_s is None else max(0.0, next_s - time.monotonic())

    def _may_go(self) -> bool:
        """Everything that happened is in the journal, so an agent that comes later learns it."""
        if self._watch.runs or self._unwritten or (self._caller and self._caller.has_line):
            return False
        if self._is_draining:
            return self._caller is None or not self._caller.unsent
        lonely = self._lonely_since_s
        return lonely is not None and time.monotonic() >= lonely + LONELY_S

    def _leave(self) -> None:
        self._listener.close()
        os.unlink(self._socket_path)  # noqa: PTH108 - pathlib would cost the keeper its memory
        if not self._known and os.path.exists(self._journal.path):  # noqa: PTH110 - as above
            os.unlink(self._journal.path)  # noqa: PTH108 - as above

    def _drop_wakeups(self) -> None:
        numbers = os.read(self._woken, 4096)
        if signal.SIGTERM in numbers:
            self._is_draining = True

    def _accept(self) -> None:
        """Meet a new agent; what an older one had ordered before comes first."""
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS)
        if int.from_bytes(credentials[4:8], sys.byteorder) != os.geteuid():
            connection.close()
            return
        if self._caller is not None:
            self._serve(self._caller, until_s=float("inf"))
        if self._caller is not None:
            self._caller.connection.close()
        self._caller = Caller(connection)
        self._lonely_since_s = None

    def _serve(self, caller: Caller, *, until_s: float) -> None:
        """Obey, in order, until nothing is left or it has taken long enough."""
        try:
            while (line := caller.next_line()) is not None:
                # Decoded here, or json would first guess in which of five ways it is written.
                self._obey(json.loads(line.decode()))
                if time.monotonic() >= until_s:
                    break
        except (ValueError, KeyError, TypeError) as error:
            remark(f"hung up on the agent: not a request: {error!r}")
            caller.received.clear()
            caller.is_closed = True
        if caller.is_closed and not caller.has_line:
            self._write_down()
            caller.flush()
            caller.connection.close()
            self._caller = None
            self._lonely_since_s = time.monotonic()

    def _obey(self, request: dict[str, Any]) -> None:
        match request["do"]:
            case "order":
                self._order(request)
            case "stop":
                begun = self._watch.stop(request["run"], "aborted", grace_ms=request["grace_ms"])
                self._tell({"e": "stop", "run": request["run"], "begun": begun})
            case "forget":
                self._forget(request["runs"])
                self._tell({"e": "forgotten", "runs": request["runs"]})
            case "drain":
                self._is_draining = True
            case "hello":
                self._tell({"e": "hello", "version": VERSION, "pid": os.getpid()})
                for line in list(self._known.values()):
                    self._tell(line)
                self._tell({"e": "known"})

    def _order(self, order: dict[str, Any]) -> None:
        run_id = order["run"]
        moment = order.get("moment", "")
        # A database that somebody set back knows nothing of it, and gives it another run.
        before = run_id if run_id in self._seen else self._moments.get(moment)
        if before is not None:
            self._tell({"e": "seen", "run": run_id, "before": before})
            return
        self._seen.add(run_id)
        limits = {name: order.get(name) for name in ("timeout_ms", "kill_grace_ms")}
        limits["memory_limit_bytes"] = order.get("memory_limit_bytes")
        limits["cpu_limit_s"] = order.get("cpu_limit_s")
        limits["keeps_leftovers"] = order.get("keeps_leftovers")
        limits["cgroup"] = order.get("cgroup")
        tick = processes.tick_now()
        ordered = {
            "e": "order",
            "run": run_id,
            "output_file": order["output_file"],
            "tick": tick,
            **limits,
        }
        try:
            # Before the process: should we die between both, the agent knows whom to look for.
            # And after what was started before it: never are two of them not told of.
            self._journal.append(
                b"".join((*self._unwritten, encoded(ordered))),
                leaving=(len(self._watch.runs) + 1) * END_BYTES,
            )
            self._unwritten.clear()
        except OSError as error:
            self._seen.discard(run_id)
            reason = f"the keeper's journal cannot be written: {error.strerror}"
            self._tell(_refused(run_id, reason, is_full=error.errno in FULL))
            return
        if moment:
            self._moments[moment] = run_id
            if len(self._moments) > MOMENTS:
                del self._moments[next(iter(self._moments))]
        started_ms = time.time_ns() // 1_000_000
        started_mono_ms = time.monotonic_ns() // 1_000_000
        try:
            pid = launch(order)
        except NotLaunched as problem:
            refused = _refused(run_id, str(problem), is_full=problem.is_full)
            if problem.has_begun:
                refused["begun"] = True
            self._happened(refused)
            return
        line = {
            "e": "started",
            "run": run_id,
            "pid": pid,
            "start": _start_of(pid, tick),
            "started_ms": started_ms,
            "started_mono_ms": started_mono_ms,
        }
        self._watch.add(watched(line, {"output_file": order["output_file"], **limits}))
        self._happened(line)

    def _happened(self, line: dict[str, Any]) -> None:
        """Have it written down, and told after that."""
        data = encoded(line)
        self._unwritten.append(data)
        if line["e"] in {"exited", "stopping"}:
            self._write_down()  # what comes of it cannot be undone
            return
        self._known[line["run"]] = line
        if self._caller is not None:
            self._caller.send(data)

    def _tell(self, line: dict[str, Any]) -> None:
        if self._caller is not None:
            self._caller.send(encoded(line))

    def _forget(self, run_ids: list[str]) -> None:
        for run_id in run_ids:
            known = self._known.get(run_id)
            if known is not None and known["e"] != "started":
                del self._known[run_id]
                self._let_go.append(encoded({"e": "forgotten", "run": run_id}))
        if self._journal.size > self._large_bytes:
            self._compact()

    def _compact(self) -> None:
        """Drop from the journal what nobody needs; on a full disk some other time."""
        self._write_down()
        try:
            self._journal.keep(self._known, leaving=self._needed_bytes())
        except OSError as error:
            self._say(f"journal cannot be made smaller: {error}")
            self._large_bytes = self._journal.size + LATER_BYTES
            return
        self._large_bytes = LARGE_BYTES + 2 * self._journal.size
        self._seen = set(self._known)

    def _needed_bytes(self) -> int:
        """What the ends of those that live take at most."""
        return len(self._watch.runs) * END_BYTES

    def _write_down(self) -> None:
        """Write down what has happened; what the disk refuses is tried again."""
        if not self._unwritten and not self._let_go:
            return
        try:
            lines = b"".join(self._unwritten + self._let_go)
            self._journal.append(lines, leaving=self._needed_bytes())
            self._unwritten.clear()
            self._let_go.clear()
            self._said = ""
        except OSError as error:
            self._say(f"journal: {error}")
            self._write_what_matters()

    def _write_what_matters(self) -> None:
        """Without what is only let go of; it is for this that room was taken ahead."""
        try:
            if self._unwritten:
                self._journal.append(b"".join(self._unwritten))
                self._unwritten.clear()
        except OSError as error:
            self._say(f"journal: {error}")

    def _say(self, text: str) -> None:
        """Once: the disk is asked each second."""
        if text != self._said:
            self._said = text
            remark(text)

    def _reap(self) -> None:
        while True:
            try:
                over = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if over is None:
                return
            self._watch.reap(over)

    @staticmethod
    def _header() -> dict[str, Any]:
        process = processes.look(os.getpid())
        start = process.start if process is not None else 0
        boot = boot_id()
        return {"e": "keeper", "v": VERSION, "pid": os.getpid(), "start": start, "boot": boot}


def _refused(run_id: str, reason: str, *, is_full: bool) -> dict[str, Any]:
    """A start that did not come about, and whether nothing but room on the disk was wanting."""
    line: dict[str, Any] = {"e": "refused", "run": run_id, "reason": reason}
    if is_full:
        line["full"] = True
    return line


def _start_of(pid: int, tick: int) -> int:
    """When a process began that was started after this tick; asked for only if that is not sure."""
    if processes.tick_now() == tick:
        return tick
    process = processes.look(pid)
    return process.start if process is not None else 0


def main() -> None:
    """Keep runs; arguments: the journal's path and the socket's path."""
    journal_path, socket_path = sys.argv[1:3]
    os.closerange(LISTENER + 1, 1024)
    os.set_inheritable(LISTENER, False)
    os.umask(0o077)
    os.chdir("/")
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    listener = socket.socket(fileno=LISTENER)
    listener.setblocking(False)
    Keeper(listener, Journal(journal_path), socket_path).run()
