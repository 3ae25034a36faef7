"""Can the desktop work here, and what was asked of it?"""

import subprocess
import sys
from pathlib import Path

import pytest

from desktop.__main__ import main, refusal_of


@pytest.mark.parametrize(
    ("qt", "python", "is_refused"),
    [
        ("6.12.0", (3, 11), True),
        ("6.12.1", (3, 10), True),
        ("6.12.0", (3, 12), False),
        ("6.11.3", (3, 11), False),
        ("6.11.3", (3, 13), False),
    ],
)
def test_a_qt_that_loses_references_is_refused_on_an_old_python(
    qt: str, python: tuple[int, int], *, is_refused: bool
) -> None:
    refusal = refusal_of(qt, python)

    assert bool(refusal) is is_refused
    if is_refused:
        assert qt in refusal
        assert "6.11.3" in refusal


def test_without_qt_the_desktop_says_what_to_install() -> None:
    blocked = (
        "import sys; sys.modules['PySide6.QtWidgets'] = None\n"
        "from desktop.__main__ import main; sys.exit(main([]))"
    )

    said = subprocess.run(
        [sys.executable, "-c", blocked], capture_output=True, text=True, check=False
    )

    assert said.returncode == 1
    assert "pip install 'smart-cron[desktop]'" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_size_that_is_none_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--size", "wide"])

    assert ended.value.code == 2
    assert "1440x900" in capsys.readouterr().err


def test_a_damaged_profile_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "desktop.toml").write_text("theme = 7\n")

    said = subprocess.run(
        [sys.executable, "-m", "desktop", "--profile", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 1
    assert "desktop.toml is damaged" in said.stderr
    assert "Traceback" not in said.stderr
