"""Where zones change their offset, and which names are no zones."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from agent.cron.zones import BLOCK_S, load_zone, stretch_at, stretches
from agent.errors import BadDefinition


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


CHANGES = (
    ("America/New_York", "2026-03-08T07:00", -5 * 3600, -4 * 3600),
    ("Europe/Berlin", "2026-10-25T01:00", 7200, 3600),
    ("Australia/Lord_Howe", "2026-10-03T15:30", 37_800, 39_600),
    ("America/St_Johns", "2008-03-09T03:31", -12_600, -9000),
    ("Pacific/Apia", "2011-12-30T10:00", -36_000, 50_400),
)


@pytest.mark.parametrize(("zone", "at", "before_s", "offset_s"), CHANGES)
def test_a_change_is_found_to_the_second(zone: str, at: str, before_s: int, offset_s: int) -> None:
    at_s = seconds(at)

    stretch = stretch_at(zone, at_s)

    assert (stretch.changed_s, stretch.before_s, stretch.offset_s) == (at_s, before_s, offset_s)
    assert stretch_at(zone, at_s - 1).offset_s == before_s
    assert stretch_at(zone, at_s - 1).changes_s == at_s


@pytest.mark.parametrize("zone", ["UTC", "Africa/Casablanca", "Pacific/Auckland"])
def test_stretches_cover_their_block_without_holes(zone: str) -> None:
    for block in range(0, 140):
        found = stretches(zone, block)

        assert found[0].start_s == block * BLOCK_S
        assert found[-1].end_s == (block + 1) * BLOCK_S
        for one, two in pairwise(found):
            assert one.end_s == two.start_s == one.changes_s == two.changed_s
            assert one.offset_s == two.before_s != two.offset_s == one.after_s


def test_no_zone_changes_there_and_back_faster_than_looks_are_taken() -> None:
    nearest_s = 6 * 86_400
    for name in ("Asia/Gaza", "America/Noronha", "America/Recife", "America/Argentina/Tucuman"):
        zone = ZoneInfo(name)
        days = range(0, 4_000_000_000, 86_400)
        offsets = [datetime.fromtimestamp(day_s, zone).utcoffset() for day_s in days]
        changed_days = [
            day_s
            for day_s, pair in zip(days, pairwise(offsets), strict=False)
            if pair[0] != pair[1]
        ]
        found = [
            stretch.start_s
            for block in range(0, 4_000_000_000 // BLOCK_S)
            for stretch in stretches(name, block)
            if stretch.start_s == stretch.changed_s and stretch.before_s != stretch.offset_s
        ]

        assert [at_s - 1 - (at_s - 1) % 86_400 for at_s in found] == [
            day_s for day_s in changed_days if day_s < found[-1]
        ]
        assert min(two - one for one, two in pairwise(found)) > nearest_s


def test_a_cut_just_after_a_change_still_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    change_s = seconds("2026-11-01T06:00")
    monkeypatch.setattr("agent.cron.zones.BLOCK_S", change_s + 1800)
    stretches.cache_clear()

    after_cut = stretches("America/New_York", 1)[0]
    stretches.cache_clear()

    assert after_cut.start_s == change_s + 1800
    assert after_cut.changed_s == change_s
    assert after_cut.fold_s == 3600
    assert after_cut.is_second(change_s + 1801)
    assert not after_cut.is_second(change_s + 3600)


NO_ZONES = (
    ("Pacific/Aukland", "did you mean 'Pacific/Auckland'?"),
    ("pacific/auckland", "did you mean 'Pacific/Auckland'?"),
    ("Auckland", "did you mean 'Pacific/Auckland'?"),
    ("new york", "did you mean 'America/New_York'?"),
    ("Europa/Berlin", "did you mean 'Europe/Berlin'?"),
    ("Asia/Istanbull", "did you mean 'Asia/Istanbul'?"),
    ("Europe/Istanbull", "did you mean 'Europe/Istanbul'?"),
    ("UTCC", "did you mean 'UTC'?"),
    ("", "write one such as 'Pacific/Auckland'"),
    ("localtime", "there is no such time zone"),
    ("right/UTC", "there is no such time zone"),
    ("../../etc/passwd", "there is no such time zone"),
    ("America", "there is no such time zone"),
    ("UTC\0", "there is no such time zone"),
    ("x" * 100_000, "there is no such time zone"),
)


@pytest.mark.parametrize(("name", "advice"), NO_ZONES)
def test_what_is_no_zone_is_refused_with_the_one_meant(name: str, advice: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        load_zone(name)

    assert refused.value.field == "timezone"
    assert advice in refused.value.fix
