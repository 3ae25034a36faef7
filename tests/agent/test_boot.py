"""Each boot has a name, also where the kernel does not tell it."""

from pathlib import Path

from agent.boot import boot_id


def test_the_kernel_names_this_boot_and_always_the_same() -> None:
    assert len(boot_id()) == 36
    assert boot_id() == boot_id()


def test_where_the_name_is_hidden_the_minute_of_the_boot_stands_for_it(tmp_path: Path) -> None:
    hidden = str(tmp_path / "nothing")
    statistics = tmp_path / "stat"
    names = set()
    # The kernel reckons it back from now, so that it trembles.
    for began_s in (1_795_499_999, 1_795_500_000, 1_795_500_001):
        statistics.write_text(f"cpu 1 2 3\nbtime {began_s}\nprocesses 7\n")
        names.add(boot_id(hidden, str(statistics)))

    assert names == {"booted in minute 29925000"}
    assert boot_id(hidden, hidden) == ""
