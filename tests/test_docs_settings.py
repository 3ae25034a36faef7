"""Are the settings that docs/alerts.md shows taken as they stand there?"""

import re
from pathlib import Path

import pytest

from agent.settings import Home, load_settings

TEXT = (Path(__file__).parents[1] / "docs" / "alerts.md").read_text()
SHOWN = [
    block
    for block in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    if re.search(r"^\[(mail|dead_man)\]", block, re.MULTILINE)
]


@pytest.mark.parametrize("block", SHOWN, ids=range(len(SHOWN)))
def test_the_settings_that_are_shown_are_taken(tmp_path: Path, block: str) -> None:
    (tmp_path / "settings.toml").write_text(block)

    settings = load_settings(Home(tmp_path))

    assert settings.mail.is_on or settings.dead_man.is_on


def test_there_are_some() -> None:
    assert len(SHOWN) == 3
