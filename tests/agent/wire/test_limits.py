"""Is too much recognised, and enough let through?"""

from agent.wire.limits import Bucket, LineLimit
from agent.wire.sessions import Session, Sessions


def test_a_bucket_lets_a_burst_through_and_then_a_steady_rate() -> None:
    bucket = Bucket(per_second=10, burst=5, now_ms=0)

    at_once = [bucket.take(1, 0) for _ in range(7)]
    later = [bucket.take(1, 1000 + 100 * turn) for turn in range(3)]

    assert at_once == [True] * 5 + [False] * 2
    assert later == [True] * 3


def test_an_empty_bucket_says_when_to_come_back() -> None:
    bucket = Bucket(per_second=10, burst=1, now_ms=0)
    bucket.take(1, 0)

    wait_ms = bucket.wait_ms(1, 0)

    assert not bucket.take(1, wait_ms - 5)
    assert bucket.take(1, wait_ms)


def test_bytes_already_sent_are_owed() -> None:
    bucket = Bucket(per_second=1000, burst=1000, now_ms=0)

    bucket.spend(3000, 0)

    assert not bucket.take(0, 1000)
    assert bucket.take(0, 2000)


def test_a_clock_that_stands_still_gives_nothing() -> None:
    bucket = Bucket(per_second=1, burst=1, now_ms=1000)
    bucket.take(1, 1000)

    assert not bucket.take(1, 1000)
    assert not bucket.take(1, 500)


def test_lines_are_limited_a_peer_and_minute() -> None:
    lines = LineLimit(per_minute=2)

    first = [lines.allows("a", 0) for _ in range(4)]
    other = lines.allows("b", 0)
    next_minute = lines.allows("a", 60_000)

    assert first == [True, True, False, False]
    assert other
    assert next_minute


def test_ten_thousand_peers_are_not_all_remembered() -> None:
    lines = LineLimit(per_minute=1)

    allowed = sum(lines.allows(f"peer {number}", 0) for number in range(10_000))

    assert allowed == 4096


def session(number: int, public: str, *, seen_ms: int = 0) -> Session:
    return Session(bytes([number]), public, "::1", seen_ms)


async def test_a_silent_session_makes_room_for_a_new_one_of_its_key() -> None:
    sessions = Sessions()
    for number in range(4):
        sessions.open(session(number, "key", seen_ms=number))

    early = sessions.room_for(b"new", "key", now_ms=5_000)
    late = sessions.room_for(b"new", "key", now_ms=30_000)

    assert not early
    assert late
    assert sessions.get(bytes([0]), "key") is None
    assert sessions.get(bytes([1]), "key") is not None


async def test_there_are_never_more_sessions_than_the_agent_bears() -> None:
    sessions = Sessions()
    for number in range(64):
        sessions.open(session(number, f"key {number}"))

    assert not sessions.room_for(b"new", "another", now_ms=1000)
    assert sessions.room_for(bytes([3]), "key 3", now_ms=1000)


async def test_a_session_belongs_to_its_key_and_its_connection() -> None:
    sessions = Sessions()
    sessions.open(session(1, "key"))

    assert sessions.get(bytes([1]), "other") is None
    assert sessions.get(bytes([2]), "key") is None


async def test_a_session_is_silent_after_a_minute_unless_it_waits() -> None:
    sessions = Sessions()
    busy, idle = session(1, "a"), session(2, "b")
    busy.in_flight = 1
    sessions.open(busy)
    sessions.open(idle)

    assert sessions.silent(60_000) == []
    assert sessions.silent(60_001) == [idle]
