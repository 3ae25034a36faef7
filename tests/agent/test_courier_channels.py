"""When do alerts wait, who is told when nobody cares, and how do they get to chats?"""

import importlib.util
import json
import os
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.channels import chat, templates
from agent.courier import Courier
from agent.errors import WrongUse
from agent.postbox import Channel, Escalation, Mail
from agent.store import alerts
from tests.agent.store.makings import MINUTE_MS, NOW_MS
from tests.agent.test_courier import Sink, courier_of, mail_to, messages, server, text_of, trouble
from tests.agent.workshop import Workshop
from tests.ports import free_port

# NOW_MS is 5:20 in the morning there.
QUIET = ("22:00-06:00",)
ZONE = "Europe/London"
SIX_MS = NOW_MS - NOW_MS % (24 * 60 * MINUTE_MS) + 6 * 60 * MINUTE_MS
LOOPS = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
BOSS = Escalation(after_minutes=30, recipients=("boss@example.org",))


def subjects(sink: Sink) -> list[str]:
    return [str(mail["Subject"]) for mail in sink.mails]


async def pass_ms(workshop: Workshop, courier: Courier, length_ms: int) -> int | None:
    workshop.clock.advance(length_ms)
    await workshop.recorder.pass_time()
    return await courier.work_off()


async def acknowledge(workshop: Workshop) -> None:
    for one in workshop.database.read_now(alerts.open_alerts):
        said: dict[str, Any] = {"who": "Anna", "note": "", "now_ms": NOW_MS}
        await workshop.database.write(partial(alerts.acknowledge, text=one.id, **said))


async def test_in_the_quiet_what_is_not_critical_waits_and_is_one_message_then(
    workshop: Workshop,
) -> None:
    workshop.clock.advance(SIX_MS - 60 * MINUTE_MS - workshop.clock.now_ms())
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port, quiet=QUIET), timezone=ZONE)
        await workshop.recorder.alert(trouble("one", "high"))
        await pass_ms(workshop, courier, 20 * MINUTE_MS)
        await workshop.recorder.alert(trouble("two", "high"))
        await workshop.recorder.alert(trouble("worst", "critical"))
        next_ms = await pass_ms(workshop, courier, 20 * MINUTE_MS)
        in_the_quiet = subjects(sink)
        await pass_ms(workshop, courier, 20 * MINUTE_MS)

    assert next_ms == SIX_MS
    assert in_the_quiet == ["[shop] critical: worst failed"]
    assert subjects(sink)[1:] == ["[shop] high: 2 alerts, first: two failed"]


async def test_what_nobody_acknowledges_is_told_again_until_somebody_does(
    workshop: Workshop,
) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), repeat_minutes={"critical": 30})
        await workshop.recorder.alert(trouble())
        next_ms = await courier.work_off()
        for _ in range(4):
            await pass_ms(workshop, courier, 15 * MINUTE_MS)
        before = len(sink.mails)
        await acknowledge(workshop)
        await pass_ms(workshop, courier, 90 * MINUTE_MS)

    assert next_ms == NOW_MS + 30 * MINUTE_MS
    assert (before, len(sink.mails)) == (3, 3)


async def test_a_new_alert_does_not_bring_those_along_that_people_know_of(
    workshop: Workshop,
) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), repeat_minutes={"critical": 30})
        await workshop.recorder.alert(trouble("old"))
        await courier.work_off()
        await workshop.recorder.alert(trouble("new"))
        await pass_ms(workshop, courier, 5 * MINUTE_MS)

    assert subjects(sink) == ["[shop] critical: old failed", "[shop] critical: new failed"]


async def test_others_are_told_once_when_nobody_cares_and_when_it_is_over(
    workshop: Workshop,
) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), escalation=[BOSS])
        await workshop.recorder.alert(trouble())
        next_ms = await courier.work_off()
        await pass_ms(workshop, courier, 29 * MINUTE_MS)
        early = sink.to[:]
        await pass_ms(workshop, courier, MINUTE_MS)
        await pass_ms(workshop, courier, 60 * MINUTE_MS)
        told = subjects(sink)[len(early) :]
        (alert,) = workshop.database.read_now(alerts.open_alerts)
        await workshop.recorder.resolve("one")
        await pass_ms(workshop, courier, 60 * MINUTE_MS)
        await pass_ms(workshop, courier, 60 * MINUTE_MS)

    notes = workshop.database.read_now(partial(alerts.notes, alert_id=alert.id))
    assert next_ms == NOW_MS + 30 * MINUTE_MS
    assert len(early) == 1
    assert told == ["[shop] critical: nobody acknowledged it for 30 min: one failed"]
    assert sorted(map(tuple, sink.to[2:])) == [
        ("anna@example.org", "ben@example.org"),
        ("boss@example.org",),
    ]
    assert all("over" in subject for subject in subjects(sink)[2:])
    assert [(note.what, note.note) for note in notes] == [
        ("escalated 1", "boss@example.org"),
        ("told the end 1", "boss@example.org"),
    ]


async def test_what_somebody_acknowledged_goes_to_nobody_else(workshop: Workshop) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), escalation=[BOSS])
        await workshop.recorder.alert(trouble())
        await courier.work_off()
        await acknowledge(workshop)
        await pass_ms(workshop, courier, 60 * MINUTE_MS)

    assert len(sink.to) == 1


async def test_mail_is_in_german_where_that_is_chosen(workshop: Workshop) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port, language="de"))
        await workshop.recorder.alert(trouble())
        await courier.work_off()
        await workshop.recorder.resolve("one")
        await pass_ms(workshop, courier, 5 * MINUTE_MS)

    assert subjects(sink) == [
        "[shop] kritisch: one ist gescheitert",
        "[shop] vorbei: one ist gescheitert",
    ]
    assert "sagt, dass Sie sich darum kümmern" in text_of(sink.mails[0])
    assert "x gesehen, Alarm" in text_of(sink.mails[0], "html")


async def test_a_hundred_alerts_in_a_second_are_one_message(workshop: Workshop) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        for number in range(100):
            await workshop.recorder.alert(trouble(f"task_{number}"))
        await courier.work_off()
        await courier.work_off()

    assert subjects(sink) == ["[shop] critical: 100 alerts, first: task_99 failed"]
    assert "and 50 more" in text_of(sink.mails[0])


async def test_times_in_a_message_are_those_of_the_chosen_zone(workshop: Workshop) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), timezone="Pacific/Auckland")
        await workshop.recorder.alert(trouble())
        await courier.work_off()

    assert " Pacific/Auckland" in text_of(sink.mails[0])
    assert "UTC" not in text_of(sink.mails[0])


async def test_the_newest_is_the_first_and_what_is_over_the_last_of_a_message(
    workshop: Workshop,
) -> None:
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port))
        for key in ("one", "two", "over", "three"):
            await workshop.recorder.alert(trouble(key, "medium"))
            workshop.clock.advance(1_000)
        await workshop.recorder.resolve("over")
        await pass_ms(workshop, courier, 60 * MINUTE_MS)

    assert subjects(sink) == ["[shop] medium: 4 alerts, first: three failed"]
    told = re.findall(r"\] (\w+) failed", text_of(sink.mails[0]))
    assert told == ["three", "two", "one", "over"]


async def test_those_who_are_told_of_what_nobody_cares_for_read_the_worst_first(
    workshop: Workshop,
) -> None:
    stage = Escalation(
        after_minutes=60, recipients=("boss@example.org",), severities=("critical", "medium")
    )
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), escalation=(stage,))
        for key, severity in (("a", "medium"), ("b", "critical"), ("c", "medium")):
            await workshop.recorder.alert(trouble(key, severity))
        await pass_ms(workshop, courier, 60 * MINUTE_MS)

    told = [mail for mail, to in zip(sink.mails, sink.to, strict=True) if "boss" in to[0]]
    assert [str(mail["Subject"]).strip() for mail in told] == [
        "[shop] critical: nobody acknowledged it for 60 min: 3 alerts, first: b failed"
    ]
    assert re.findall(r"\] (\w+) failed", text_of(told[0])) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("fine\n{% for one in stories %}", "alert.txt, line 2"),
        ("fine\n\n{{ stories[0].nothing }}", "alert.txt, line 3"),
        ("{{ ''.__class__.__mro__ }}", "alert.txt, line 1"),
        ("{% for i in range(99999) %}xxxx{% endfor %}", "more than"),
        (LOOPS, "too much time"),
        ("{{ 'x' * 10 ** 12 }}", "MemoryError"),
    ],
)
async def test_a_broken_template_is_an_alert_and_the_message_has_the_usual_words(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    # What a template may take is counted in the time of the processor, whoever else has it.
    monkeypatch.setattr(templates, "WITHIN_S", 120)
    (tmp_path / "alert.txt").write_text(text)
    (tmp_path / "alert.html").write_text("<h1>{{ stories[0].title }}</h1>")
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port), templates=tmp_path)
        await workshop.recorder.alert(trouble(title="<b>full</b>"))
        await courier.work_off()
        told = workshop.database.read_now(alerts.open_alerts)
        (tmp_path / "alert.txt").write_text("ours: {{ stories[0].title }}")
        await workshop.recorder.alert(trouble("two"))
        await pass_ms(workshop, courier, MINUTE_MS)

    assert "exit status 3" in text_of(sink.mails[0])
    assert text_of(sink.mails[0], "html").strip() == "<h1>&lt;b&gt;full&lt;/b&gt;</h1>"
    assert [named in one.message for one in told] == [False, True]
    assert text_of(sink.mails[1]).strip() == "ours: two failed"
    assert "template_broken" not in [
        one.kind for one in workshop.database.read_now(alerts.open_alerts)
    ]


# Chats: a real service on this host, by Apprise's own way of JSON


class Service(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[dict[str, Any]] = []
        self.status = 200


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(json.loads(body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield service
    service.shutdown()
    thread.join()
    service.server_close()


has_chat = pytest.mark.skipif(
    importlib.util.find_spec("apprise") is None and not os.environ.get("CI"),
    reason="the extra `chat` is not installed",
)
PAGER = Channel(name="pager", secret="pager", severities=("critical",))


def chatting(workshop: Workshop, service: Service, **fields: Any) -> Courier:
    url = f"json://anna:s3cret@127.0.0.1:{service.server_port}/s3cret-hook"
    chosen: dict[str, Any] = {"channels": [PAGER], "secrets": {"pager": url}}
    return courier_of(workshop, Mail(), **(chosen | fields))


@has_chat
async def test_a_chat_is_told_with_a_receipt_and_only_of_its_severities(
    workshop: Workshop, service: Service
) -> None:
    courier = chatting(workshop, service)
    await workshop.recorder.alert(trouble())
    await workshop.recorder.alert(trouble("lesser", "high"))
    next_ms = await pass_ms(workshop, courier, 20 * MINUTE_MS)

    (message,) = messages(workshop)
    (asked,) = service.asked
    assert asked["title"] == "[shop] critical: one failed"
    assert "exit status 3" in asked["message"]
    assert (message.channel, message.state, message.receipt) == ("pager", "sent", "taken")
    assert next_ms is None


@has_chat
async def test_a_chat_that_does_not_take_it_is_tried_again_and_told_without_its_url(
    workshop: Workshop, service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    service.status = 500
    courier = chatting(workshop, service)
    await workshop.recorder.alert(trouble())
    for _ in range(4):
        next_ms = await courier.work_off()
        assert next_ms is not None
        workshop.clock.advance(next_ms - workshop.clock.now_ms())
    stuck = workshop.database.read_now(alerts.open_alerts)[1]
    service.status = 200
    await courier.work_off()

    (message,) = messages(workshop)
    said = capfd.readouterr()
    assert stuck.title == "Alerts do not arrive by pager"
    assert "answered 500" in stuck.message
    assert (message.state, message.attempts) == ("sent", 5)
    assert len(workshop.database.read_now(alerts.open_alerts)) == 1
    assert "s3cret" not in stuck.message + said.out + said.err + str(msgspec.to_builtins(message))


@has_chat
async def test_an_escalation_may_go_to_a_pager(workshop: Workshop, service: Service) -> None:
    quiet = msgspec.structs.replace(PAGER, severities=())
    stage = Escalation(after_minutes=5, channels=("pager",))
    courier = chatting(workshop, service, channels=[quiet], escalation=[stage])
    await workshop.recorder.alert(trouble())
    await courier.work_off()
    before = len(service.asked)
    await pass_ms(workshop, courier, 5 * MINUTE_MS)

    assert before == 0
    assert [one["title"] for one in service.asked] == [
        "[shop] critical: nobody acknowledged it for 5 min: one failed"
    ]


@pytest.mark.parametrize(
    ("secrets", "named"),
    [({}, "secrets.toml has no 'pager'"), ({"pager": "s3cret nonsense"}, "is no URL")],
)
@has_chat
async def test_a_channel_that_cannot_work_says_why_and_never_its_url(
    workshop: Workshop, secrets: dict[str, str], named: str
) -> None:
    courier = courier_of(workshop, Mail(), channels=[PAGER], secrets=secrets)
    await workshop.recorder.alert(trouble())
    await courier.work_off()

    (message,) = messages(workshop)
    assert named in (message.last_error or "")
    assert "s3cret" not in (message.last_error or "")


async def test_without_the_extra_the_command_that_installs_it_is_named(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is installed here cannot be taken away for one test.
    monkeypatch.setattr(chat, "find_spec", lambda _name: None)
    courier = courier_of(workshop, Mail(), channels=[PAGER], secrets={"pager": "json://x"})
    await workshop.recorder.alert(trouble())
    await courier.work_off()

    (message,) = messages(workshop)
    assert 'pip install "smart-cron[chat]"' in (message.last_error or "")


async def test_a_test_by_hand_goes_at_once_also_in_quiet_hours_and_leaves_no_message_behind(
    workshop: Workshop,
) -> None:
    workshop.clock.advance(SIX_MS - 60 * MINUTE_MS - workshop.clock.now_ms())
    sink = Sink()
    async with server(sink) as port:
        courier = courier_of(workshop, mail_to(port, quiet=QUIET), timezone=ZONE)

        tried = await courier.try_way("mail", "Anna")

    assert subjects(sink) == ["[shop] medium: A test by hand"]
    assert "Anna asked whether alerts arrive; nothing is wrong" in text_of(sink.mails[0])
    assert (tried.to, tried.missed) == (mail_to(1).recipients, ())
    assert "taken as number 42" in tried.answer
    assert messages(workshop) == ()


async def test_a_test_by_hand_says_who_does_not_get_it_and_why(workshop: Workshop) -> None:
    anna, ben = mail_to(1).recipients
    sink = Sink()
    sink.rcpt_answers[ben] = "550 nobody of this name"
    async with server(sink) as port:
        some = await courier_of(workshop, mail_to(port)).try_way("mail", "Anna")
    nobody = free_port()
    none = await courier_of(workshop, mail_to(nobody)).try_way("mail", "Anna")

    assert sink.to == [[anna]]
    assert [(one, "550 nobody" in why) for one, why in some.missed] == [(ben, True)]
    assert [one for one, _ in none.missed] == [anna, ben]
    assert all(f"127.0.0.1:{nobody}" in why for _, why in none.missed)


async def test_a_channel_that_there_is_not_cannot_be_tried(workshop: Workshop) -> None:
    pager = Channel(name="pager", secret="pager-url")
    courier = courier_of(workshop, mail_to(1), channels=(pager,))

    with pytest.raises(WrongUse, match="'fax' is no channel of this agent; those are mail, pager"):
        await courier.try_way("fax", "Anna")
