"""Is it seen what a run that writes does to the others?"""

from contextlib import suppress

import pytest

from bench import noise, ours


def beside_in_time(monkeypatch: pytest.MonkeyPatch) -> noise.Noise:
    """With more time to get ready where the host is busy: figures are not what is tried here."""
    for lead_s in (ours.LEAD_S, 30):
        monkeypatch.setattr(ours, "LEAD_S", lead_s)
        with suppress(RuntimeError):
            return noise.beside(2, pace_mb_s=1, writing_s=8)
    monkeypatch.setattr(ours, "LEAD_S", 90)
    return noise.beside(2, pace_mb_s=1, writing_s=8)


def test_the_others_start_before_and_beside_a_run_that_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(noise, "QUIET_S", 8)

    found = beside_in_time(monkeypatch)

    assert 0 < found.mb_per_s <= 1
    assert found.quiet_ms > 0
    assert found.noisy_ms > 0
