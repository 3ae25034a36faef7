"""In which windows are alerts told to nobody, and who changed one first?"""

from functools import partial
from typing import Any

import msgspec
import pytest

from agent.errors import Conflict
from agent.rules.muting import Mute
from agent.store import mutes
from agent.store.database import Database
from tests.agent.store.makings import HOUR_MS, NOW_MS


def window(**more: Any) -> Mute:
    facts: dict[str, Any] = {
        "id": "01" + "A" * 24,
        "task": "shop-*",
        "from_ms": NOW_MS,
        "to_ms": NOW_MS + HOUR_MS,
        "reason": "moves house",
        "made_ms": NOW_MS,
        "made_by": "Anna",
        **more,
    }
    return Mute(**facts)


def change(database: Database, mute: Mute, base_ms: int) -> Mute:
    return database.write_now(partial(mutes.change, mute=mute, base_ms=base_ms))


def test_a_window_is_changed_by_who_saw_it_as_it_is_and_by_nobody_later(
    database: Database,
) -> None:
    database.write_now(partial(mutes.add, mute=window()))
    longer = window(to_ms=NOW_MS + 2 * HOUR_MS, task=None, made_by="Otto", reason="new house")

    made = change(database, longer, NOW_MS)

    # Even in the same millisecond it is another version.
    assert made == msgspec.structs.replace(longer, made_ms=NOW_MS + 1)
    assert database.read_now(mutes.newest) == (made,)
    with pytest.raises(Conflict, match="Otto changed this window meanwhile: it is about all al"):
        change(database, window(reason="late"), NOW_MS)
    with pytest.raises(Conflict, match="for: new house"):
        database.write_now(partial(mutes.take_away, mute_id=made.id, base_ms=NOW_MS))
    assert database.read_now(mutes.newest) == (made,)


def test_what_is_taken_away_cannot_be_changed_any_more(database: Database) -> None:
    database.write_now(partial(mutes.add, mute=window()))

    gone = database.write_now(partial(mutes.take_away, mute_id=window().id, base_ms=NOW_MS))

    assert gone == window()
    with pytest.raises(Conflict, match="somebody took this window away"):
        change(database, window(), NOW_MS)
