"""The bridge: from another thread, in turns, without one signal for each row."""

import threading
import time

from PySide6.QtCore import Qt, QTimer
from pytestqt.qtbot import QtBot

from desktop.bridge import Bridge
from desktop.network.mailbox import ROWS_A_TURN, LinkNews, LogChunk, Mailbox
from shared.protocol.rows import Key, Row, Task
from tests.pulse import Pulse


def test_what_another_thread_puts_in_comes_out_on_this_one(qtbot: QtBot) -> None:
    box = Mailbox()
    bridge = Bridge(box)
    seen: list[tuple[int, str, str]] = []
    bridge.link_changed.connect(
        lambda agent_id, news: seen.append((threading.get_ident(), agent_id, news.state))
    )

    def work() -> None:
        box.put_link("a", LinkNews(state="live"))
        bridge.announce()

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()

    assert seen == []
    qtbot.waitUntil(lambda: len(seen) == 1)
    assert seen == [(threading.get_ident(), "a", "live")]


def test_a_large_change_leaves_room_for_the_event_loop_between_turns(qtbot: QtBot) -> None:
    box = Mailbox()
    bridge = Bridge(box)
    turns: list[int] = []
    bridge.rows_came.connect(lambda _agent, rows: turns.append(len(rows)))
    rows = ROWS_A_TURN * 2 + 7
    box.put_rows("a", {("task", f"t{n}"): Task(id=f"t{n}", name="x") for n in range(rows)})

    bridge.announce()

    qtbot.waitUntil(lambda: sum(turns) == rows)
    assert turns == [ROWS_A_TURN, ROWS_A_TURN, 7]


def test_output_keeps_its_order(qtbot: QtBot) -> None:
    box = Mailbox()
    bridge = Bridge(box)
    texts: list[str] = []
    bridge.output_came.connect(lambda chunk: texts.append(chunk.text))
    for letter in "abc":
        box.put_report(LogChunk(handle=1, run_id="r", text=letter))

    bridge.announce()

    qtbot.waitUntil(lambda: len(texts) == 3)
    assert texts == ["a", "b", "c"]


def test_five_thousand_changes_a_second_keep_the_screen_alive(qtbot: QtBot) -> None:
    box = Mailbox()
    bridge = Bridge(box)
    is_over = threading.Event()
    put = 0
    shown: dict[Key, Row | None] = {}
    bridge.rows_came.connect(lambda _agent, rows: shown.update(rows))

    def work() -> None:
        nonlocal put
        began = time.monotonic()
        while not is_over.wait(0.005):
            due = int((time.monotonic() - began) * 5_000)
            while put < due:
                put += 1
                name = f"t{put % 2_000}"
                box.put_rows("a", {("task", name): Task(id=name, rev=put, name="x")})
            if box.should_announce(time.monotonic_ns() // 1_000_000):
                bridge.announce()

    worker = threading.Thread(target=work)
    worker.start()
    late_ms: list[float] = []
    last = time.monotonic()

    def tick() -> None:
        nonlocal last
        now = time.monotonic()
        late_ms.append((now - last) * 1000 - 10)
        last = now

    timer = QTimer(interval=10, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start()
    try:
        with Pulse() as pulse:
            qtbot.waitUntil(lambda: put >= 10_000 and len(late_ms) > 50, timeout=60_000)
    finally:
        is_over.set()
        worker.join()
        timer.stop()
    bridge.announce()

    qtbot.waitUntil(lambda: newest(shown) == put)
    late_ms.sort()
    assert late_ms[int(len(late_ms) * 0.95)] < 50 + pulse.worst_ms


def newest(shown: dict[Key, Row | None]) -> int:
    """The highest revision on the screen."""
    return max((row.rev for row in shown.values() if row is not None), default=0)
