"""What leaves without the outbox, as no database takes it, and what is put down of that later?"""

from contextlib import closing, suppress
from functools import partial

import pytest

from agent.errors import DiskFull, StorageError
from agent.recorder import Shown
from agent.store import outbox
from agent.store.database import Database
from agent.store.writes import Raise
from tests.agent.store.makings import HOUR_MS, MINUTE_MS
from tests.agent.store.test_outbox import a_message
from tests.agent.test_courier import Sink, courier_of, mail_to, messages, server, trouble
from tests.agent.workshop import Workshop


class Room:
    """Whether the database's file may grow, and whether it may be written at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _say(self, words: str) -> None:
        self._database.write_now(lambda connection: connection.exec_driver_sql(words).close())

    def take(self) -> None:
        self._say("CREATE TABLE filler (x BLOB)")
        self._say("PRAGMA max_page_count = 1")  # it stays as large as it is
        with suppress(DiskFull):
            while True:  # what lies free in it goes too
                self._say("INSERT INTO filler VALUES (zeroblob(4000))")

    def give(self) -> None:
        self._say("PRAGMA max_page_count = 1000000")

    def lock(self) -> None:
        self._say("PRAGMA query_only = ON")

    def unlock(self) -> None:
        with closing(self._database._writing.raw_connection()) as raw:
            raw.cursor().execute("PRAGMA query_only = OFF")


def subjects(sink: Sink) -> list[str]:
    return [str(mail["Subject"]) for mail in sink.mails]


async def test_what_the_outbox_has_no_room_for_leaves_once_and_so_does_its_end(
    workshop: Workshop,
) -> None:
    sink, room = Sink(), Room(workshop.database)
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        await workshop.recorder.alert(trouble("disk_low", message="more than a page " * 100))
        room.take()
        with pytest.raises(DiskFull):
            await courier.work_off()
        for _ in range(2):
            workshop.clock.advance(MINUTE_MS)
            with suppress(DiskFull):  # that it is told may still find room
                await courier.work_off()
        while_full, waiting = subjects(sink), messages(workshop)
        room.give()
        await courier.work_off()
        with_room = subjects(sink)
        await workshop.recorder.resolve("disk_low")
        workshop.clock.advance(MINUTE_MS)
        await courier.work_off()

    assert (while_full, waiting) == (["[shop] critical: disk_low failed"], ())
    assert with_room == while_full
    assert subjects(sink)[1:] == ["[shop] over: disk_low failed"]


async def test_what_is_in_no_row_at_all_is_mailed_once_and_so_is_its_end(
    workshop: Workshop,
) -> None:
    sink = Sink()
    is_away = True
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), is_away=lambda: is_away)
        for _ in range(3):  # whoever found it tries to have it recorded
            unkept = Raise(trouble=trouble("disk_full"), now_ms=workshop.clock.now_ms()).assumed()
            courier.note(Shown(unkept=(unkept,)))
            await courier.work_off()
            workshop.clock.advance(10_000)
        while_away = subjects(sink)
        is_away = False
        await courier.work_off()
        await workshop.recorder.alert(trouble("disk_full"))
        await courier.work_off()
        with_row = subjects(sink)
        await workshop.recorder.resolve("disk_full")
        workshop.clock.advance(MINUTE_MS)
        await courier.work_off()

    assert while_away == ["[shop] critical: disk_full failed"]
    assert with_row == while_away
    assert subjects(sink)[1:] == ["[shop] over: disk_full failed"]


async def test_what_is_found_again_and_again_while_it_is_away_is_mailed_once_an_hour(
    workshop: Workshop,
) -> None:
    sink = Sink()
    counts = []
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), is_away=lambda: True)
        for _ in range(4):
            again = Raise(trouble=trouble("own_rule"), now_ms=workshop.clock.now_ms()).assumed()
            courier.note(Shown(alerts=(again,)))
            await courier.work_off()
            counts.append(len(sink.mails))
            workshop.clock.advance(HOUR_MS // 2)

    assert counts == [1, 1, 2, 2]


async def test_an_alert_that_nothing_takes_is_heard_of_all_the_same(workshop: Workshop) -> None:
    Room(workshop.database).lock()

    with pytest.raises(StorageError):
        await workshop.recorder.alert(trouble("disk_full"))

    (shown,) = workshop.shown
    assert [one.dedupe_key for one in shown.unkept] == ["disk_full"]
    assert shown.alerts == ()


async def test_a_message_whose_receipt_is_not_taken_is_not_sent_again(
    workshop: Workshop,
) -> None:
    sink, room = Sink(), Room(workshop.database)
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        await workshop.database.write(partial(outbox.put, message=a_message()))
        room.lock()
        for _ in range(3):
            with suppress(StorageError):
                await courier.work_off()
            workshop.clock.advance(MINUTE_MS)
        while_locked = len(sink.mails)
        room.unlock()
        await courier.work_off()

    (after,) = messages(workshop)
    assert (while_locked, len(sink.mails), after.state) == (1, 1, "sent")
