"""Which messages are on their way, and which alerts does each tell of?"""

from collections.abc import Sequence
from functools import partial

import msgspec

from agent.store import alert_book, alerts, outbox
from agent.store.alerts import Alert
from agent.store.database import Database
from agent.store.outbox import Draft, Message, Told
from agent.troubles import Trouble
from tests.agent.store.makings import NOW_MS


def raised(database: Database, key: str, message: str = "") -> Alert:
    trouble = Trouble(dedupe_key=key, kind="x", severity="critical", title=key, message=message)
    return database.write_now(partial(alerts.raise_alert, trouble=trouble, now_ms=NOW_MS))


def a_message(plain: str = "words without any id", **fields: object) -> Message:
    values: dict[str, object] = {
        "id": outbox.new_id(NOW_MS),
        "channel": "mail",
        "severity": "critical",
        "recipients": ("anna@example.org",),
        "subject": "s",
        "thread": "t",
        "plain": plain,
        "html": "",
        "created_ms": NOW_MS,
        "due_ms": NOW_MS,
    }
    return msgspec.convert(values | fields, Message)


def collected(database: Database, *plain: str) -> tuple[Message, ...]:
    """What is to be told now becomes messages with these words."""

    def compose(told: Sequence[Told], more: int) -> Draft:
        return Draft(told=tuple(told), more=more, messages=tuple(map(a_message, plain)))

    collect = partial(outbox.collect, severities=["critical"], now_ms=NOW_MS, details=1)
    drafts = database.write_now(lambda connection: collect(connection, compose=compose))
    return tuple(message for draft in drafts for message in draft.messages)


def about(database: Database, alert: Alert) -> list[str]:
    found = database.read_now(partial(alert_book.messages_about, alert=alert))
    return [message.id for message in found]


def test_each_alert_has_the_messages_that_tell_of_it_whatever_their_words(
    database: Database,
) -> None:
    many = [raised(database, f"alert {number}") for number in range(outbox.MOST_TOLD + 5)]
    sent = collected(database, "own words, that name no id", "a chat")
    other = raised(database, "other", message=f"its output has {many[0].id}")
    (later,) = collected(database, f"its output has {many[0].id}")

    ids = sorted((message.id for message in sent), reverse=True)
    assert about(database, many[0]) == about(database, many[-1]) == ids
    assert about(database, other) == [later.id]


def test_what_goes_once_more_to_some_is_about_the_same_alerts(database: Database) -> None:
    alert, sent = raised(database, "one"), collected(database, "words")[0]
    again = msgspec.structs.replace(sent, id=outbox.new_id(NOW_MS + 1), recipients=("ben@x.org",))

    database.write_now(partial(outbox.put, message=again, like=sent))

    assert about(database, alert) == [again.id, sent.id]


def test_that_people_were_told_is_no_note_of_theirs(database: Database) -> None:
    alert = raised(database, "one")
    collected(database, "words")

    assert database.read_now(partial(alerts.notes, alert_id=alert.id)) == ()
    assert database.read_now(partial(alerts.find, text=alert.id)).notes == 0
