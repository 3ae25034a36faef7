"""What the network thread has for the screen: merged, bounded, taken in small turns."""

import threading
from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from desktop.network.pending import Answer
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.requests import AgentInfo
from shared.protocol.rows import Key, Row

ROWS_A_TURN: Final = 1_000
METRICS_KEPT: Final = 120
NOTICE_EVERY_MS: Final = 33

Changes = Mapping[Key, Row | None]
"""The newest value of each row by its key; None for one that is no more."""


class LinkNews(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand with one agent, for the header, the banner and the status bar.

    `state` is a word of `shared.protocol.link`. `sentence` says what is the matter and what to
    do, and is empty while live. `beat_ms` is the agent's clock at its last sign of life,
    `beat_here_ms` and `retry_here_ms` are this machine's; `offset_ms` is the agent's minus ours.
    """

    state: str
    reason: str = ""
    sentence: str = ""
    beat_ms: int | None = None
    beat_here_ms: int | None = None
    retry_here_ms: int | None = None
    offset_ms: int = 0
    round_trip_ms: int | None = None
    tries: int = 0
    is_refreshing: bool = False
    role: str = ""
    label: str = ""
    agent: AgentInfo | None = None
    capabilities: tuple[str, ...] = ()


class LogChunk(msgspec.Struct, frozen=True, kw_only=True):
    """More output of a followed run; after `is_ended` or a `code` none follows.

    `skipped` bytes are missing before this text. `offset` and `next` are byte offsets.
    """

    handle: int
    run_id: str
    text: str = ""
    offset: int = 0
    next: int = 0
    size: int = 0
    skipped: int = 0
    is_ended: bool = False
    code: str = ""


class TestStep(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a connection's test: `state` is "ok", "warn", "bad" or "working"."""

    __test__ = False  # pytest takes the name for a test of its own

    handle: int
    check: str
    state: str
    finding: str = ""


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection's test ended; `sentence` says what to do when it failed."""

    __test__ = False

    handle: int
    is_good: bool
    sentence: str = ""
    agent_id: str = ""
    agent_key: str = ""
    agent_name: str = ""
    host: str = ""
    control_port: int = 0
    environment: str = ""
    role: str = ""
    took_ms: int = 0


Report = Answer | LogChunk | TestStep | TestResult


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """What one turn on the screen's side has to show."""

    rows: dict[str, dict[Key, Row | None]]
    links: dict[str, LinkNews]
    beats: dict[str, Heartbeat]
    metrics: list[tuple[str, Metric]]
    reports: list[Report]
    has_more: bool


class Mailbox:
    """A later row replaces an earlier one, so the box is never larger than the state itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, dict[Key, Row | None]] = {}
        self._links: dict[str, LinkNews] = {}
        self._beats: dict[str, Heartbeat] = {}
        self._metrics: deque[tuple[str, Metric]] = deque(maxlen=METRICS_KEPT)
        self._reports: deque[Report] = deque()
        self._unread: dict[int, int] = {}
        self._is_dirty = False
        self._is_announced = False
        self._announced_ms = -NOTICE_EVERY_MS

    def put_rows(self, agent_id: str, changes: Changes) -> None:
        if not changes:
            return
        with self._lock:
            self._rows.setdefault(agent_id, {}).update(changes)
            self._is_dirty = True

    def put_link(self, agent_id: str, news: LinkNews) -> None:
        with self._lock:
            self._links[agent_id] = news
            self._is_dirty = True

    def put_beat(self, agent_id: str, beat: Heartbeat) -> None:
        with self._lock:
            self._beats[agent_id] = beat
            self._is_dirty = True

    def put_metric(self, agent_id: str, metric: Metric) -> None:
        with self._lock:
            self._metrics.append((agent_id, metric))
            self._is_dirty = True

    def put_report(self, report: Report) -> None:
        """Answers, output and test steps are few or asked for one by one; none is dropped."""
        with self._lock:
            self._reports.append(report)
            if isinstance(report, LogChunk):
                unread = self._unread.get(report.handle, 0)
                self._unread[report.handle] = unread + len(report.text)
            self._is_dirty = True

    def unread(self, handle: int) -> int:
        """How many characters of a log wait to be shown; the next chunk is asked accordingly."""
        with self._lock:
            return self._unread.get(handle, 0)

    def forget_agent(self, agent_id: str) -> None:
        """Nothing of this agent is to be shown any more."""
        with self._lock:
            for kept in (self._rows, self._links, self._beats):
                kept.pop(agent_id, None)
            mine = [one for one in self._metrics if one[0] != agent_id]
            self._metrics.clear()
            self._metrics.extend(mine)

    def should_announce(self, now_ms: int) -> bool:
        """True when the screen is to be told: at most 30 times a second, never twice for one."""
        with self._lock:
            is_due = now_ms - self._announced_ms >= NOTICE_EVERY_MS
            if not self._is_dirty or self._is_announced or not is_due:
                return False
            self._is_announced = True
            self._announced_ms = now_ms
            return True

    def wait_ms(self, now_ms: int) -> int | None:
        """In how long there will be something to announce; None when there is nothing."""
        with self._lock:
            if not self._is_dirty or self._is_announced:
                return None
            return max(0, NOTICE_EVERY_MS - (now_ms - self._announced_ms))

    def take(self, limit: int = ROWS_A_TURN) -> Mail:
        """Everything but the rows at once, and of those at most so many; the rest stays."""
        with self._lock:
            rows, is_cut = self._take_rows(limit)
            mail = Mail(
                rows=rows,
                links=self._links,
                beats=self._beats,
                metrics=list(self._metrics),
                reports=list(self._reports),
                has_more=is_cut,
            )
            self._links, self._beats, self._unread = {}, {}, {}
            self._metrics.clear()
            self._reports.clear()
            self._is_dirty = is_cut
            self._is_announced = is_cut  # the taker comes again by itself
        return mail

    def _take_rows(self, limit: int) -> tuple[dict[str, dict[Key, Row | None]], bool]:
        if sum(map(len, self._rows.values())) <= limit:
            taken, self._rows = self._rows, {}
            return taken, False
        taken = {}
        for agent_id in list(self._rows):
            held = self._rows[agent_id]
            keys = list(held)[:limit]
            taken[agent_id] = {key: held.pop(key) for key in keys}
            limit -= len(keys)
            if not held:
                del self._rows[agent_id]
            if limit <= 0:
                break
        return taken, True
