"""Does every file say its question, and is the list of them up to date?"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "scripts" / "house.py"


def run_house(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the script as it lies in another tree."""
    script = root / "scripts" / "house.py"
    return subprocess.run(
        [sys.executable, script, *options], capture_output=True, text=True, check=False
    )


def small_house(root: Path) -> Path:
    (root / "scripts").mkdir()
    (root / "scripts" / "house.py").write_bytes(HOUSE.read_bytes())
    (root / "agent").mkdir()
    (root / "agent" / "clock.py").write_text('"""What time is it."""\n')
    return root


def test_the_list_of_this_house_is_up_to_date() -> None:
    checked = run_house(ROOT, "--check")

    assert checked.returncode == 0, checked.stderr


def test_a_new_file_makes_the_list_stale_until_it_is_written_anew(tmp_path: Path) -> None:
    root = small_house(tmp_path)
    run_house(root)
    before = run_house(root, "--check")
    (root / "agent" / "rules.py").write_text('"""What is allowed."""\n')
    stale = run_house(root, "--check")
    run_house(root)
    after = run_house(root, "--check")

    assert (before.returncode, stale.returncode, after.returncode) == (0, 1, 0)
    assert "make house" in stale.stderr
    listed = (root / "docs" / "house.md").read_text(encoding="utf-8")
    assert "- `rules.py`: What is allowed.\n" in listed


def test_a_file_without_a_first_line_is_named(tmp_path: Path) -> None:
    root = small_house(tmp_path)
    (root / "agent" / "mute.py").write_text("x = 1\n")

    checked = run_house(root, "--check")

    assert checked.returncode == 1
    assert "agent/mute.py" in checked.stderr
