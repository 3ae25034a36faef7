"""When did cron start what, as its log tells."""

from datetime import UTC, datetime

import pytest

from agent.foreign.cronlog import LogLine, read_log, spoken


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def read(*lines: str, zone: str = "UTC", latest: str = "2026-11-26T00:00Z") -> list[LogLine]:
    return list(read_log(lines, zone=zone, latest_ms=ms(latest)))


@pytest.mark.parametrize(
    "line",
    [
        "Nov 25 09:48:01 shop CRON[15226]: (root) CMD (date +%H)",
        "Nov 25 09:48:01 shop /USR/SBIN/CRON[15226]: (root) CMD (date +%H)",
        "Nov 25 09:48:01 shop CROND[15226]: (root) CMD (date +%H)\n",
        "2026-11-25T09:48:01.059286+00:00 shop CRON[15226]: (root) CMD (date +%H)",
        "2026-11-25T22:48:01+1300 shop CRON[15226]: (root) CMD (date +%H)",
        '{"__REALTIME_TIMESTAMP":"1795600081059286","MESSAGE":"(root) CMD (date +%H)"}',
    ],
)
def test_a_start_is_read_from_every_kind_of_log(line: str) -> None:
    (found,) = read(line)

    assert found.at_ms // 1000 == ms("2026-11-25T09:48:01Z") // 1000
    assert (found.user, found.command) == ("root", "date +%H")


def test_the_journals_own_format_is_read() -> None:
    (found,) = read(
        "__REALTIME_TIMESTAMP=1795600081059286\n", "_PID=1\n", "MESSAGE=(anna) CMD (x)\n", "\n"
    )

    assert (found.user, found.command) == ("anna", "x")


@pytest.mark.parametrize(
    "line",
    [
        "Nov 25 09:47:05 shop cron[14804]: (CRON) INFO (Running @reboot jobs)",
        "Nov 25 09:48:01 shop CRON[15214]: pam_unix(cron:session): session closed for user root",
        "Nov 25 09:48:01 shop sshd[1]: CRON[2]: (root) CMD (fake)",
    ],
)
def test_other_lines_tell_only_their_moment(line: str) -> None:
    (found,) = read(line)

    assert found.command == ""
    assert found.at_ms > 0


@pytest.mark.parametrize(
    "line", ["", "nonsense", "{broken", "Feb 31 00:00:00 h x", "Xyz 1 00:00:00 h"]
)
def test_what_has_no_moment_is_left_out(line: str) -> None:
    assert read(line) == []


def test_a_line_without_a_year_is_of_the_newest_year_that_it_can_be() -> None:
    (december,) = read("Dec 31 23:59:01 h CRON[1]: (a) CMD (b)", latest="2027-01-02T00:00Z")
    assert december.at_ms == ms("2026-12-31T23:59:01Z")

    (leap,) = read("Feb 29 01:00:01 h CRON[1]: (a) CMD (b)", latest="2027-01-02T00:00Z")
    assert leap.at_ms == ms("2024-02-29T01:00:01Z")


def test_an_hour_that_a_wall_clock_shows_twice_may_be_either() -> None:
    (found,) = read("Oct 25 02:30:01 h CRON[1]: (a) CMD (b)", zone="Europe/Berlin")

    assert found.at_ms == ms("2026-10-25T02:30:01+02:00")
    assert found.other_ms == ms("2026-10-25T02:30:01+01:00")


def test_tabs_and_blanks_are_compared_as_one() -> None:
    assert spoken("echo\ttab  > x ") == spoken("echo^Itab > x") == spoken("  echo#011tab > x")
