"""Do the scripts behind `make` say what is missing, and cost nothing the second time?"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.pulse import Pulse, stretched

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"


def script(name: str, *words: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a script that finds only the programs in one folder."""
    return subprocess.run(
        [SCRIPTS / name, *words],
        env={"PATH": str(path), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
    )


def programs(folder: Path, *names: str) -> Path:
    """Make a folder that offers these programs of the system and no others."""
    for name in names:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return folder


def test_a_system_without_apt_is_told_what_to_install(tmp_path: Path) -> None:
    path = programs(tmp_path, "bash", "env", "dirname", "sed")

    told = script("system-libraries", "--tests", path=path)

    assert told.returncode == 1
    assert "xvfb xauth" in told.stderr
    assert "package tool" in told.stderr


def test_missing_packages_are_fetched_through_apt_and_nothing_of_its_talk_is_shown(
    tmp_path: Path,
) -> None:
    path = programs(tmp_path, "bash", "env", "dirname", "sed", "mktemp", "rm", "tail")
    asked = tmp_path / "asked"
    apt = path / "apt-get"
    apt.write_text(f'#!/usr/bin/env bash\necho "$@" >>{asked}\necho "Get:1 http://mirror/x"\n')
    sudo = path / "sudo"
    sudo.write_text('#!/usr/bin/env bash\nshift\n[ "$1" = true ] || exec "$@"\n')
    for program in (apt, sudo):
        program.chmod(0o755)

    done = script("system-libraries", "--tests", path=path)

    assert done.returncode == 0, done.stderr
    update, install = asked.read_text(encoding="utf-8").splitlines()
    assert update == "update"
    assert install.startswith("install -y --no-install-recommends")
    assert "xvfb xauth" in install
    assert "http" not in done.stdout + done.stderr


def test_a_failing_apt_is_quoted_without_its_addresses(tmp_path: Path) -> None:
    path = programs(tmp_path, "bash", "env", "dirname", "sed", "mktemp", "rm", "tail", "true")
    for name, body in (
        ("apt-get", 'echo "Err:1 https://mirror.test/debian refused"; exit 100'),
        ("sudo", 'shift; exec "$@"'),
    ):
        (path / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (path / name).chmod(0o755)

    failed = script("system-libraries", "--tests", path=path)

    assert failed.returncode == 1
    assert "Err:1 (address) refused" in failed.stderr


def test_wrong_words_are_refused_with_the_right_ones(tmp_path: Path) -> None:
    path = programs(tmp_path, "bash", "env", "dirname", "sed")

    libraries = script("system-libraries", "--all", path=path)
    setup = script("setup", "fast", path=path)

    assert libraries.returncode == setup.returncode == 2
    assert "--tests" in libraries.stderr
    assert "run|dev" in setup.stderr


def test_a_second_setup_finds_everything_done(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "scripts").mkdir(parents=True)
    shutil.copy(SCRIPTS / "setup", tree / "scripts" / "setup")
    shutil.copy(ROOT / "pyproject.toml", tree)
    subprocess.run(["python3", "-m", "venv", "--without-pip", tree / ".venv"], check=True)
    command = [str(tree / "scripts" / "setup"), "run"]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    # Without pip the first cannot finish; what it would have noted at the end is put there.
    assert first.returncode == 1
    assert "The installation failed" in first.stderr
    assert not (tree / ".venv" / "installed-run").exists()

    (tree / ".venv" / "installed-dev").write_text(fingerprint_of(tree))
    started = time.monotonic()
    with Pulse() as pulse:
        second = subprocess.run(command, capture_output=True, text=True, check=False)
    took_s = time.monotonic() - started

    assert (second.returncode, second.stdout) == (0, "")
    assert took_s < 2 * stretched() + pulse.worst_ms / 1_000


def fingerprint_of(tree: Path) -> str:
    """Ask the script's own function, so that the two cannot differ."""
    text = (tree / "scripts" / "setup").read_text(encoding="utf-8")
    function = text[text.index("fingerprint() {") : text.index("# Say what pip does")]
    done = subprocess.run(
        ["bash", "-c", f"{function}\nfingerprint"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
