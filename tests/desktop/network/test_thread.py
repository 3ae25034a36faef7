"""The network thread against the agent's real wire: whatever is lost, the rows come out right."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec
import psutil
import pytest

from desktop.keystore import ClientKey
from desktop.network.mailbox import LogChunk, Mailbox
from desktop.network.pending import Answer
from desktop.network.thread import Network
from shared.protocol import link as links
from shared.protocol.requests import OpReply, RunStart, RunStartReply, StatsGet, StatsReply
from shared.protocol.rows import Task
from tests.desktop.agent_at_hand import HOST, AgentAtHand, Memory, client_key, hanging_up
from tests.desktop.conftest import Desk, ends_in_time

Start = Callable[[], AgentAtHand]
OP: Final = "ab" * 16


def task(number: int, name: str = "") -> Task:
    return Task(id=f"t{number}", name=name or f"Task {number}")


def name_of(desk: Desk, number: int) -> str:
    row = desk.rows.get(("task", f"t{number}"))
    return row.name if isinstance(row, Task) else ""


def answers(desk: Desk) -> list[Answer]:
    return [one for one in desk.reports if isinstance(one, Answer)]


def text(desk: Desk) -> str:
    return "".join(one.text for one in desk.reports if isinstance(one, LogChunk))


def connect(desk: Desk, memory: Memory, key: ClientKey) -> None:
    desk.network.open(memory.place(), key)
    desk.until_state(links.LIVE)


def test_it_connects_and_shows_everything_the_agent_has(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    agent.put(*(task(n) for n in range(1_200)))

    connect(desk, memory, key)

    desk.until(lambda: len(desk.rows) == 1_200)
    assert desk.link.role == "operator"
    assert desk.link.sentence == ""
    assert desk.link.agent is not None
    assert desk.link.agent.tz == "Pacific/Auckland"


def test_changes_and_removals_come_by_themselves(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    agent.put(task(1), task(2))
    connect(desk, memory, key)
    desk.until(lambda: len(desk.rows) == 2)

    agent.put(task(1, "changed"))
    agent.remove("task", "t2")

    desk.until(lambda: name_of(desk, 1) == "changed" and ("task", "t2") not in desk.rows)


def test_a_lost_event_is_noticed_and_made_up_for(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    agent.put(task(1))
    connect(desk, memory, key)
    desk.until(lambda: len(desk.rows) == 1)

    agent.put_unheard(task(2))

    desk.until(lambda: name_of(desk, 2) != "")


def test_an_agent_that_goes_is_lost_at_once_and_comes_back_as_another_epoch(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    agent.put(task(1), task(2))
    connect(desk, memory, key)
    desk.until(lambda: len(desk.rows) == 2)

    agent.stop()
    desk.until_state(links.LOST)
    assert len(desk.rows) == 2
    assert "cannot be reached" in desk.link.sentence

    again = start_agent()
    again.put(task(1, "after"))

    desk.until_state(links.LIVE)
    desk.until(lambda: name_of(desk, 1) == "after" and len(desk.rows) == 1)


def test_a_key_nobody_knows_is_told_so_instead_of_connecting_for_ever(
    desk: Desk, memory: Memory, start_agent: Start
) -> None:
    start_agent()

    desk.network.open(memory.place(), client_key())

    desk.until_state(links.REFUSED, links.AUTH_REFUSED)
    assert "not enrolled" in desk.link.sentence
    assert desk.link.retry_here_ms is not None


def test_a_key_that_is_revoked_while_connected_is_out_at_its_next_request(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    connect(desk, memory, key)

    agent.revoke(key.public)
    desk.network.ask(memory.agent_id, StatsGet())

    desk.until_state(links.REFUSED)
    assert "Ask who runs the server" in desk.link.sentence


def test_another_agent_in_the_same_place_is_never_trusted(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    start_agent()

    desk.network.open(memory.place(agent_key=client_key().public), key)

    desk.until_state(links.REFUSED, links.KEY_MISMATCH)
    assert "does not hold the key you were given" in desk.link.sentence


def test_what_speaks_another_language_is_called_no_agent(
    desk: Desk, memory: Memory, key: ClientKey
) -> None:
    with socket.create_server((HOST, 0)) as listener:
        memory.ports = (listener.getsockname()[1], 0)

        desk.network.open(memory.place(), key)
        caller, _ = listener.accept()
        with caller:
            caller.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

            desk.until_state(links.REFUSED, links.NOT_AN_AGENT)

    assert "is not an agent" in desk.link.sentence


def test_a_tunnel_with_nothing_at_its_end_is_not_taken_for_another_agent(
    desk: Desk, memory: Memory, key: ClientKey
) -> None:
    with hanging_up() as (port, calls):
        memory.ports = (port, 0)
        desk.network.open(memory.place(), key)

        desk.until(lambda: "says nothing" in desk.link.sentence)
        heard = len(calls)
        # Each try of the link is followed by one question of who answers.
        desk.until(lambda: len(calls) > heard + 2 * links.FAILURES_THAT_TELL)

    assert links.REFUSED not in {one.state for one in desk.links}


def test_a_name_nobody_knows_is_said_plainly(desk: Desk, memory: Memory, key: ClientKey) -> None:
    memory.ports = (7460, 7461)
    place = memory.place()

    desk.network.open(msgspec.structs.replace(place, host="no-such-host.invalid"), key)

    desk.until(lambda: "no-such-host.invalid" in desk.link.sentence)
    assert desk.link.state == links.CONNECTING
    assert desk.link.retry_here_ms is not None


def test_a_question_is_answered_to_whom_asked(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    agent.put(task(1))
    connect(desk, memory, key)

    handle = desk.network.ask(memory.agent_id, StatsGet())

    desk.until(lambda: len(answers(desk)) == 1)
    assert (answers(desk)[0].owner, answers(desk)[0].reply) == (handle.id, StatsReply(tasks=1))


def test_a_command_reaches_the_agent_with_a_lifetime_by_the_agents_clock(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    desk.clock.advance(3_600_000)  # this machine's clock is an hour ahead
    connect(desk, memory, key)

    desk.network.ask(memory.agent_id, RunStart(op=OP, expires_ms=0, task_id="t1"))

    desk.until(lambda: len(answers(desk)) == 1)
    assert isinstance(answers(desk)[0].reply, RunStartReply)
    assert agent.started == ["t1"]
    assert desk.link.offset_ms < -3_500_000


def test_an_order_to_an_agent_that_is_away_is_refused_and_never_done_later(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    start_agent().stop()
    desk.network.open(memory.place(), key)

    desk.network.ask(memory.agent_id, RunStart(op=OP, expires_ms=0, task_id="t1"))
    desk.until(lambda: len(answers(desk)) == 1)
    agent = start_agent()
    desk.until_state(links.LIVE)

    failure = answers(desk)[0].failure
    assert failure is not None
    assert failure.code == "offline"
    assert agent.started == []


def test_an_order_that_arrives_after_its_lifetime_is_not_carried_out(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    connect(desk, memory, key)
    agent.clock.ahead_ms = 11_000  # as if the order had been eleven seconds on its way

    desk.network.ask(memory.agent_id, RunStart(op=OP, expires_ms=0, task_id="t1"))

    desk.until(lambda: len(answers(desk)) == 1)
    failure = answers(desk)[0].failure
    assert failure is not None
    assert failure.code == "expired"
    assert agent.started == []


def test_an_order_given_twice_is_carried_out_once(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    connect(desk, memory, key)
    order = RunStart(op=OP, expires_ms=0, task_id="t1")

    desk.network.ask(memory.agent_id, order)
    desk.until(lambda: len(answers(desk)) == 1)
    desk.network.ask(memory.agent_id, order)
    desk.until(lambda: len(answers(desk)) == 2)

    first, again = (one.reply for one in answers(desk))
    assert isinstance(first, RunStartReply)
    assert isinstance(again, RunStartReply)
    assert (again.run_id, again.replayed) == (first.run_id, True)
    assert agent.started == ["t1"]


def test_an_order_whose_answer_is_lost_is_looked_up_when_the_agent_is_back(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    connect(desk, memory, key)
    agent.mutes_replies = True

    desk.network.ask(memory.agent_id, RunStart(op=OP, expires_ms=0, task_id="t1"))
    desk.until(lambda: agent.started == ["t1"])
    agent.stop()
    again = start_agent()

    desk.until(lambda: bool(answers(desk)) and answers(desk)[-1].is_final)
    doubt, outcome = answers(desk)
    assert not doubt.is_final
    assert isinstance(outcome.reply, OpReply)
    assert outcome.reply.state == "done"
    assert again.started == []


def test_a_growing_log_arrives_whole_though_cut_inside_characters(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    connect(desk, memory, key)
    plain = "Grüße 東京 🙂\n" * 20
    data = plain.encode()

    desk.network.follow_log(memory.agent_id, "0" * 26)
    for start in range(0, len(data), 37):
        agent.write(data[start : start + 37])
        desk.until(lambda: True)
    agent.write(b"", ends=True)

    desk.until(lambda: any(isinstance(one, LogChunk) and one.is_ended for one in desk.reports))
    assert text(desk) == plain


def test_a_log_that_nobody_follows_any_more_is_no_longer_asked_for(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    connect(desk, memory, key)
    handle = desk.network.follow_log(memory.agent_id, "0" * 26)
    agent.write(b"one\n")
    desk.until(lambda: text(desk) == "one\n")

    desk.network.cancel(handle.id)
    desk.network.ask(memory.agent_id, StatsGet())
    desk.until(lambda: len(answers(desk)) == 1)
    agent.write(b"two\n")
    desk.network.ask(memory.agent_id, StatsGet())
    desk.until(lambda: len(answers(desk)) == 2)

    assert text(desk) == "one\n"


def test_a_laptop_that_slept_makes_its_sockets_anew_and_is_live_again(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    agent.put(task(1))
    connect(desk, memory, key)
    desk.until(lambda: len(desk.rows) == 1)
    before = agent.greetings

    desk.clock.advance(3_600_000)
    desk.until(lambda: agent.greetings > before)
    desk.until_state(links.LIVE)
    agent.put(task(2))

    desk.until(lambda: len(desk.rows) == 2)


def test_blocked_events_are_replaced_by_asking_every_two_seconds(
    desk: Desk, memory: Memory, key: ClientKey, start_agent: Start
) -> None:
    agent = start_agent()
    agent.put(task(1))
    connect(desk, memory, key)
    desk.until(lambda: len(desk.rows) == 1)
    agent.mute_events()

    for _ in range(2):
        desk.clock.advance(4_000)
        desk.lap()  # each step must be ticked, or it looks like a laptop that slept
    desk.until_state(links.LIVE, links.EVENTS_BLOCKED)
    agent.put(task(2))

    desk.until(lambda: len(desk.rows) == 2)
    assert "asks every 2 seconds" in desk.link.sentence


@pytest.mark.parametrize("state", ["never opened", "connecting", "live"])
def test_the_thread_ends_within_two_seconds_and_leaves_no_thread_and_no_socket(
    memory: Memory, key: ClientKey, start_agent: Start, state: str
) -> None:
    start_agent()
    threads, files = set(threading.enumerate()), psutil.Process().num_fds()
    mailbox = Mailbox()
    network = Network(mailbox, lambda: None)
    network.start()
    if state != "never opened":
        network.open(memory.place(), key)
        network.follow_log(memory.agent_id, "0" * 26)
        network.test(memory.link(), key, label="test")
    while state == "live" and not any(
        one.state == links.LIVE for one in mailbox.take().links.values()
    ):
        time.sleep(0.01)

    ends_in_time(network.stop)

    assert [one for one in set(threading.enumerate()) - threads if one.name == "network"] == []
    deadline = time.monotonic() + 20
    while (left := psutil.Process().num_fds() - files) > 0:
        # The agent at hand lives in this process and closes its ends a moment later.
        assert time.monotonic() < deadline, f"{left} files or sockets are left open"
        time.sleep(0.02)


def test_a_network_that_never_began_can_be_stopped() -> None:
    assert Network(Mailbox(), lambda: None).stop()
