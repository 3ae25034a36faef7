"""Which crontabs, timers and logs of other schedulers lie on this host."""

import getpass
import gzip
import pwd
from pathlib import Path

import pytest

from agent.cli import gathering
from agent.cron.zones import load_zone
from agent.errors import WrongUse


def test_the_hosts_zone_is_one_that_there_is() -> None:
    load_zone(gathering.host_zone())


def test_users_are_known_by_name_only_where_they_are(tmp_path: Path) -> None:
    me = getpass.getuser()

    assert gathering.home_of(me) == pwd.getpwnam(me).pw_dir
    assert gathering.home_of("nobody-of-this-name") is None
    assert gathering.owner_of(tmp_path) == me
    assert gathering.owner_of(tmp_path / "none-yet") == me


def test_cron_leaves_out_files_with_a_dot_but_not_those_that_are_named(tmp_path: Path) -> None:
    for name in ("backup", "e2scrub_all", "backup.dpkg-old", ".placeholder", "x~"):
        (tmp_path / name).touch()

    read, left_out = gathering.cron_folder_files([tmp_path, tmp_path / "backup.dpkg-old"])

    assert [file.name for file in read] == ["backup", "e2scrub_all", "backup.dpkg-old"]
    assert [file.name for file in left_out] == ["backup.dpkg-old", "x~"]


def test_a_crontab_is_read_whatever_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "crontab"
    file.write_bytes(b"@daily echo \xff\n")

    assert "\udcff" in gathering.read_crontab_file(file)
    with pytest.raises(WrongUse, match="cannot be read"):
        gathering.read_crontab_file(tmp_path / "none")


def test_a_service_beside_its_timer_comes_before_a_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "a.timer").write_text("[Timer]\n")
    (tmp_path / "a.service").write_text("[Service]\n")
    (tmp_path / "a.service.d").mkdir()
    (tmp_path / "a.service.d" / "b.conf").write_text("[Service]\nNice=1\n")

    timers, services = gathering.timer_files([tmp_path / "a.timer", tmp_path / "a.service"])

    assert [timer.name for timer in timers] == ["a.timer"]
    assert services["a.service", True] == ("[Service]\n", "[Service]\nNice=1\n")


def test_units_below_a_folder_for_users_are_of_the_user(tmp_path: Path) -> None:
    folder = tmp_path / "systemd" / "user"
    folder.mkdir(parents=True)
    (folder / "a.timer").write_text("[Timer]\n")

    ((timer,), _) = gathering.timer_files([folder])

    assert not timer.is_system
    assert timer.user == getpass.getuser()


def test_a_compressed_log_is_read_as_a_plain_one(tmp_path: Path) -> None:
    plain, packed = tmp_path / "syslog", tmp_path / "syslog.2.gz"
    plain.write_bytes(b"one\ntwo \xff\n")
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert list(gathering.log_lines(packed)) == list(gathering.log_lines(plain))
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(WrongUse, match="cannot be read"):
        list(gathering.log_lines(packed))
