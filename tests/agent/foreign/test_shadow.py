"""Did cron start each line when its task would have been due."""

from datetime import UTC, datetime

from agent.foreign.cronlog import LogLine, read_log
from agent.foreign.shadow import Compared, compare, not_compared
from tests.agent.foreign.makings import proposals


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def log(*moments: str, command: str = "backup", user: str = "root") -> list[LogLine]:
    lines = [f"{moment} host CRON[7]: ({user}) CMD ({command})" for moment in moments]
    return list(read_log(lines, zone="Europe/Berlin", latest_ms=ms("2026-12-31T00:00Z")))


def compared(lines: list[str], starts: list[LogLine], start: str, end: str) -> list[Compared]:
    return compare(proposals(*lines), starts, after_ms=ms(start), until_ms=ms(end))


def test_a_cron_that_starts_each_moment_a_second_late_is_the_same() -> None:
    (found,) = compared(
        ["0 7,19 * * * backup"],
        log("Nov 25 07:00:01", "Nov 25 19:00:59", "Nov 26 07:00:00"),
        "2026-11-25T00:00+01:00",
        "2026-11-26T12:00+01:00",
    )

    assert found.is_same
    assert (found.expected, found.seen) == (3, 3)


def test_missing_and_unexpected_starts_are_told_with_their_moments() -> None:
    (found,) = compared(
        ["0 7 * * * backup"],
        log("Nov 25 07:01:00", "Nov 26 07:00:01", "Nov 26 09:30:01"),
        "2026-11-25T00:00+01:00",
        "2026-11-27T00:00+01:00",
    )

    assert not found.is_same
    assert found.missing == (ms("2026-11-25T07:00+01:00"),)
    assert found.unexpected == (ms("2026-11-25T07:01+01:00"), ms("2026-11-26T09:30:01+01:00"))
    assert (found.expected, found.seen) == (2, 3)


def test_a_start_for_a_moment_just_before_the_span_is_no_surprise() -> None:
    (found,) = compared(
        ["* * * * * backup"],
        log("Nov 25 07:00:01", "Nov 25 07:01:01", "Nov 25 07:02:01", "Nov 25 07:03:01"),
        "2026-11-25T07:00:01+01:00",
        "2026-11-25T07:02:01+01:00",
    )

    assert found.is_same
    assert found.expected == 2


def test_lines_with_the_same_command_are_compared_together() -> None:
    (found,) = compared(
        ["0 7 * * * backup", "30 12 * * * backup"],
        log("Nov 25 07:00:01", "Nov 25 12:30:01"),
        "2026-11-25T00:00+01:00",
        "2026-11-26T00:00+01:00",
    )

    assert found.is_same
    assert found.lines == (1, 2)


def test_another_users_starts_are_not_ours() -> None:
    (found,) = compared(
        ["0 7 * * * backup"],
        log("Nov 25 07:00:01", user="anna"),
        "2026-11-25T00:00+01:00",
        "2026-11-26T00:00+01:00",
    )

    assert len(found.missing) == 1
    assert found.unexpected == ()


def test_the_command_in_the_log_is_the_one_before_the_percent_sign() -> None:
    (found,) = compared(
        [r"0 7 * * * date +\%F | cat%input"],
        log("Nov 25 07:00:01", command="date +%F | cat"),
        "2026-11-25T00:00+01:00",
        "2026-11-26T00:00+01:00",
    )

    assert found.is_same


def test_both_copies_of_an_hour_match_a_log_that_cannot_tell_them_apart() -> None:
    twice = [f"Oct 25 02:{minute:02}:01" for minute in range(0, 60, 20)] * 2
    (found,) = compared(
        ["*/20 * * * * backup"],
        log(*twice),
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:59+01:00",
    )

    assert found.is_same
    assert found.expected == 6


def test_boots_and_refused_lines_are_named_as_not_compared() -> None:
    found = proposals("@reboot a", "61 * * * * b", "@daily c")

    assert compare(found[:2], [], after_ms=0, until_ms=1000) == []
    assert [(one.line, why) for one, why in not_compared(found)] == [
        (1, "starts at boot"),
        (2, "refused"),
    ]


def test_a_month_of_a_line_for_each_minute_is_compared_at_once() -> None:
    start_ms = ms("2026-11-01T00:00Z")
    starts = [
        LogLine(at_ms=start_ms + minute * 60_000 + 1_000, user="root", command="x")
        for minute in range(30 * 1440)
        if minute % 1000
    ]

    (found,) = compare(
        proposals("* * * * * x"), starts, after_ms=start_ms, until_ms=start_ms + 30 * 86_400_000 - 1
    )

    assert found.expected == 30 * 1440
    assert len(found.missing) == 44
    assert found.unexpected == ()
