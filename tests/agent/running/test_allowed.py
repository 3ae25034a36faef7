"""With allowed_roots only programs of the owner's choosing are executed."""

import os
from pathlib import Path

import pytest

from agent.errors import BadDefinition
from agent.running.allowed import check_folder, check_program


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a program, beside one that is not allowed."""
    for name in ("allowed", "other"):
        folder = tmp_path / name
        folder.mkdir(mode=0o755)
        program = folder / "run"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return tmp_path / "allowed"


def check(root: Path, *argv: str, folder: str = "/", path: str = "/usr/bin:/bin") -> None:
    check_program(argv, folder=folder, path=path, roots=[str(root)])


def refusal(root: Path, *argv: str, folder: str = "/", path: str = "/usr/bin:/bin") -> str:
    with pytest.raises(BadDefinition) as refused:
        check(root, *argv, folder=folder, path=path)
    return str(refused.value)


def test_without_roots_everything_is_allowed() -> None:
    check_program(("/bin/../bin/sh",), folder="/", path="", roots=[])
    check_folder("working_directory", "/root", roots=[])


def test_a_program_under_a_root_is_allowed_however_it_is_named(root: Path) -> None:
    check(root, str(root / "run"), "--all")
    check(root, "./run", folder=str(root))
    check(root, "run", path=f"/usr/bin:{root}")
    check_program(("sh", "-c", "true"), folder="/", path="/bin", roots=["/bin/sh"])


def test_a_program_elsewhere_is_refused_however_it_is_named(root: Path) -> None:
    other = root.parent / "other"
    (root / "link").symlink_to(other / "run")
    (root.parent / "allowed2").mkdir()
    (root.parent / "allowed2" / "run").write_text("#!/bin/sh\n")
    (root.parent / "allowed2" / "run").chmod(0o755)

    assert "lies under none of allowed_roots" in refusal(root, str(other / "run"))
    assert "lies under none" in refusal(root, "./run", folder=str(other))
    assert "lies under none" in refusal(root, "run", path=str(other))
    assert "lies under none" in refusal(root, str(root / "link"))
    assert "lies under none" in refusal(root, str(root.parent / "allowed2" / "run"))
    assert "commands with shell signs need /bin/sh there" in refusal(root, "/bin/sh", "-c", "x | y")


def test_dots_are_refused_in_every_word(root: Path) -> None:
    assert "holds `..`" in refusal(root, f"{root}/../other/run")
    assert "holds `..`" in refusal(root, str(root / "run"), "../../etc/shadow")

    for word in ("--file=../x", "cd .. && run", "cat ../x | run", "a:../b", "'..'"):
        assert "holds `..`" in refusal(root, str(root / "run"), word)

    check(root, str(root / "run"), "a..b", "...", "HEAD~2..main", "v1../x")


def test_a_path_of_the_tasks_own_is_looked_for_where_the_run_will_look(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where the agent itself lives another program of the same name would be found.
    monkeypatch.chdir(root.parent)
    (root.parent / "other" / "allowed").mkdir()
    (root.parent / "other" / "allowed" / "run").symlink_to(root.parent / "other" / "run")

    assert "lies under none" in refusal(root, "run", path="allowed", folder=f"{root.parent}/other")
    monkeypatch.chdir("/")
    assert "lies under none" in refusal(root, "run", path=".", folder=f"{root.parent}/other")


def test_what_is_no_file_is_passed_over_as_the_run_will_pass_over_it(root: Path) -> None:
    os.mkfifo(root / "tool", 0o755)
    (root.parent / "other" / "tool").symlink_to(root.parent / "other" / "run")

    assert "lies under none" in refusal(root, "tool", path=f"{root}:{root.parent}/other")


def test_a_link_that_others_may_turn_is_refused(root: Path) -> None:
    links = root.parent / "links"
    links.mkdir()
    (links / "run").symlink_to(root / "run")
    check(root, str(links / "run"))

    (root.parent / "way").symlink_to(links)
    links.chmod(0o777)

    assert "can be written by others" in refusal(root, str(root.parent / "way" / "run"))
    assert "can be written by others" in refusal(root, str(links / "run"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_link_that_is_anothers_is_refused_also_in_a_folder_like_tmp(root: Path) -> None:
    links = root.parent / "links"
    links.mkdir()
    links.chmod(0o1777)
    (links / "run").symlink_to(root / "run")
    os.chown(links / "run", 65534, -1, follow_symlinks=False)

    assert "belongs to neither root nor the agent's user" in refusal(root, str(links / "run"))


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_what_others_may_write_is_refused(root: Path, mode: int) -> None:
    (root / "run").chmod(mode)
    assert "can be written by others; mend it with `chmod go-w`" in refusal(root, str(root / "run"))

    (root / "run").chmod(0o755)
    root.chmod(mode)
    said = refusal(root, str(root / "run"))
    assert f"'{str(root)[:40]}" in said  # a long path is cut
    assert "can be written by others" in said


def test_a_folder_elsewhere_is_refused_also_behind_a_link(root: Path) -> None:
    (root / "inner").mkdir()
    (root / "away").symlink_to("/etc")

    check_folder("working_directory", str(root / "inner"), roots=[str(root)])
    for place in ("/etc", f"{root}/away", f"{root}/inner/../.."):
        with pytest.raises(BadDefinition, match=r"working_directory = .*lies under none"):
            check_folder("working_directory", place, roots=[str(root)])


def test_a_program_that_is_not_there_is_left_to_the_start_to_explain(root: Path) -> None:
    check(root, str(root / "none"))
