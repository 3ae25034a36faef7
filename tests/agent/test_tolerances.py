"""From which reading on does the owner want to be told?"""

from pathlib import Path

import pytest

from agent.errors import WrongUse
from agent.settings import Home, load_settings
from agent.tolerances import Limit


def settings_of(folder: Path, text: str) -> Home:
    home = Home(folder)
    home.settings_file.write_text(text)
    return home


def test_a_limit_of_one_mount_goes_before_that_of_all(tmp_path: Path) -> None:
    home = settings_of(
        tmp_path,
        "[health]\nmounts = ['/mnt/nas']\nignore_mounts = ['/media/cd']\n"
        "[health.limits.disk]\nwarn = 0.85\n"
        "[health.limits.'disk:/srv']\nwarn = 0.97\ncrit = 0.99\nfor_s = 300\n",
    )

    health = load_settings(home).health

    assert health.limit("disk:/srv") == Limit(warn=0.97, crit=0.99, for_s=300)
    assert health.limit("disk:/var") == health.limit("disk") == Limit(warn=0.85)
    assert health.limit("cpu") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[health]\nmounts = ['srv']", "health.mounts = 'srv': write where it is mounted"),
        ("[health.limits.dsk]\nwarn = 1", "health.limits.dsk: is no reading; known are clock"),
        ("[health.limits.'cpu:/']\nwarn = 1", "is no reading"),
        ("[health.limits.cpu]\nwarn = -1", "health.limits.cpu.warn = -1"),
        ("[health.limits.cpu]\nfor_s = 100000", "for_s = 100000: must be from 0 to 86400"),
        ("[health.limits.cpu]\nwarn = 0.9\ncrit = 0.5", "must not be above crit = 0.5"),
        ("[health.limits.disk_days]\nwarn = 2\ncrit = 9", "must not be below crit"),
        ("[health.limits.cpu]\nworse = 1", "worse"),
    ],
)
def test_nonsense_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(WrongUse, match="settings") as refused:
        load_settings(settings_of(tmp_path, text))

    assert words in str(refused.value)
