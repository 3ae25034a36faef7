"""Which commands were given, and what was answered."""

from functools import partial

import msgspec

from agent.store import ops
from agent.store.database import Database
from agent.store.ops import BEGUN, StoredOp
from tests.agent.store.makings import NOW_MS

ASKED = StoredOp(
    op="op-1", key_id="k1", type="run.start", digest="d" * 64, state=BEGUN, at_ms=NOW_MS
)


def finish(database: Database, state: str, result: bytes) -> bool:
    return database.write_now(
        partial(ops.finish, op="op-1", state=state, result=result, run_id="r1", now_ms=NOW_MS + 5)
    )


def test_a_command_given_again_finds_the_first_one(database: Database) -> None:
    other = msgspec.structs.replace(ASKED, key_id="k2", digest="e" * 64)

    assert database.write_now(partial(ops.begin, stored=ASKED)) == ASKED
    assert database.write_now(partial(ops.begin, stored=other)) == ASKED


def test_an_answer_is_kept_to_the_byte_and_never_replaced(database: Database) -> None:
    database.write_now(partial(ops.begin, stored=ASKED))

    assert finish(database, "done", b"\x00\xff")
    assert not finish(database, "refused", b"other")

    assert database.read_now(partial(ops.get, op="op-1")) == msgspec.structs.replace(
        ASKED, state="done", result=b"\x00\xff", run_id="r1"
    )


def test_only_an_unfinished_command_is_dropped(database: Database) -> None:
    database.write_now(partial(ops.begin, stored=ASKED))
    database.write_now(partial(ops.drop, op="op-1"))
    assert database.read_now(partial(ops.get, op="op-1")) is None

    database.write_now(partial(ops.begin, stored=ASKED))
    finish(database, "done", b"x")
    database.write_now(partial(ops.drop, op="op-1"))
    assert database.read_now(partial(ops.get, op="op-1")) is not None
