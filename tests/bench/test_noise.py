"""Is it seen what a run that writes does to the others?"""

import pytest

from bench import noise


def test_the_others_start_before_and_beside_a_run_that_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(noise, "QUIET_S", 8)

    found = noise.beside(2, pace_mb_s=1, writing_s=4)

    assert 0 < found.mb_per_s <= 1
    assert found.quiet_ms > 0
    assert found.noisy_ms > 0
