"""Where does everything of one agent lie, and what has its owner chosen?"""

from pathlib import Path

import pytest

from agent.errors import HomeError, WrongUse
from agent.settings import Home, RunAges, Settings, load_settings


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    return home


def test_a_home_is_made_for_its_owners_eyes_only(home: Home) -> None:
    modes = {folder.name: folder.stat().st_mode & 0o777 for folder in home.folders()}

    assert set(modes.values()) == {0o700}


def test_making_a_home_again_changes_nothing(home: Home) -> None:
    (home.keys / "agent.key").write_text("kept")

    home.make()

    assert (home.keys / "agent.key").read_text() == "kept"


def test_a_home_that_others_may_write_to_is_refused_with_the_command_that_mends_it(
    home: Home,
) -> None:
    home.root.chmod(0o777)

    with pytest.raises(HomeError, match=f"777.*chmod 700 {home.root}"):
        home.check()


def test_a_folder_that_is_not_there_or_no_home_says_how_it_becomes_one(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o700)

    for root in (tmp_path / "none", empty):
        with pytest.raises(HomeError, match=f"--home {root} init"):
            Home(root).check()


def test_without_a_file_everything_is_as_it_comes(home: Home) -> None:
    assert load_settings(home) == Settings()
    assert Settings().listen == "127.0.0.1", "nobody from outside unless the owner says so"


def a_database(name: str = "shop", url: str = "mysql+pymysql://me@h/shop") -> str:
    return f'[[backup_databases]]\nname = "{name}"\nurl = "{url}"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_running = 0", ("max_running = 0", "1 to 10000")),
        ("control_port = 70000", ("control_port = 70000", "65535")),
        ("control_port = 7461", ("events_port", "differ")),
        ('listens = "0.0.0.0"', ("listens",)),
        ('environment = "prod"', ("environment",)),
        ("listen = 5", ("listen",)),
        ("name = ", ("not TOML",)),
        ("name = " + "[" * 5_000, ("not TOML",)),
        (
            '[mail]\nsecurity = "ssl"',
            ("mail.security = 'ssl'", "one of 'plain', 'starttls', 'tls'"),
        ),
        ('[mail]\nlanguage = "fr"', ("mail.language = 'fr'", "'de', 'en'")),
        ('[dead_man]\nmethod = "PUT"', ("dead_man.method = 'PUT'", "'GET', 'POST'")),
        ('recipients = ["a@b.c"]', ("recipients: is not known here",)),
        ("[mail]\nrecipient = 1", ("mail.recipient: is not known here", "'recipients'")),
        ('[mail]\nrecipients = "a@b.c"', ("mail.recipients = 'a@b.c'", "must be a list")),
        ("[[channels]]\nsecret = 5", ("channels", "name")),
        ("log_keep_days = 0", ("log_keep_days = 0", "36500")),
        ('redact = ["("]', ("redact", "'('", "no regular expression")),
        ('redact = ["x*"]', ("redact", "'x*'", "at least one character")),
        (f'redact = ["{"x" * 201}"]', ("redact", "200 characters")),
        (f"redact = {['x'] * 33}", ("redact has 33 patterns", "32")),
        ("backup_daily = 0", ("backup_daily = 0", "1 to 1000")),
        ("[retention]\naudit_days = 0", ("retention.audit_days = 0", "36500")),
        ("[retention]\nrun_days = 9", ("run_days",)),
        ("[retention.tasks.a]\nkeep_runs = 0", ("retention.tasks.a.keep_runs = 0",)),
        (a_database(name="Shop"), ("backup_databases.Shop", "a-z")),
        (a_database(name="smartcron"), ("backup_databases.smartcron", "our own")),
        (a_database() * 2, ("backup_databases.shop", "twice")),
        ('timezone = "Mars/Phobos"', ("timezone = 'Mars/Phobos'", "no such time zone")),
        ('timezone = "../etc/passwd"', ("timezone = '../etc/passwd'", "no such time zone")),
        ('timezone = ""', ("timezone = ''", "no such time zone")),
        (a_database(url="postgresql://x/y"), ("backup_databases.shop.url", "mysql+pymysql")),
        (a_database(url="mysql+pymysql://me:pw@h/shop"), ("shop.url", "secrets.toml")),
    ],
)
def test_a_bad_setting_is_named_with_its_file(
    home: Home, text: str, words: tuple[str, ...]
) -> None:
    home.settings_file.write_text(text)

    with pytest.raises(WrongUse) as refused:
        load_settings(home)

    assert str(home.settings_file) in str(refused.value)
    assert [word for word in words if word not in str(refused.value)] == []


def test_the_runs_of_a_task_have_the_ages_of_all_where_it_says_nothing_else(home: Home) -> None:
    home.settings_file.write_text(
        "[retention]\nfailure_days = 100\n[retention.tasks.sync]\nsuccess_days = 7\n"
    )

    ages = load_settings(home).retention

    assert ages.of_task("sync") == RunAges(7, 100, 20)
    assert ages.of_task("backup") == RunAges(90, 100, 20)
