"""Commands that bring a database to our version, look at it, or move all of it into another."""

from sqlalchemy.engine import make_url

from tests import mariadb
from tests.journeys.household import Household

TASK = 'task_name = "a"\nschedule = "0 7 * * *"\ncommand = "true"'


def test_a_database_is_moved_to_a_server_and_the_agent_goes_on_there(
    household: Household, mariadb_url: str
) -> None:
    household.apply(TASK)
    settings = household.home.settings_file

    moved = household.json("db", "move", "--to", mariadb_url)
    settings.write_text(f'database_url = "{mariadb_url}"\n' + settings.read_text())
    proved = household.run("audit", "verify")

    assert proved.returncode == 0, proved.stderr + proved.stdout
    assert "db move" in household.run("audit", "list").stdout
    counted = {each["table"]: each["rows"] for each in moved["tables"]}
    assert counted["smart_cron_tasks_config"] == 1
    assert household.json("tasks", "list")[0]["task_name"] == "a"
    assert household.json("db", "check")["problems"] == []
    assert household.json("db", "upgrade")["before"] == moved_version(household)
    household.serve()
    household.cli("tasks", "run", "a")
    assert household.json("ledger", "check")["missing"] == 0


def moved_version(household: Household) -> str:
    return str(household.json("db", "status")["version"])


def test_nothing_is_moved_or_upgraded_while_an_agent_serves(
    household: Household, mariadb_url: str
) -> None:
    household.serve()

    said = household.run("db", "move", "--to", mariadb_url)

    assert said.returncode == 1
    assert "stop the agent first" in said.stderr


def test_a_password_is_told_by_no_command(household: Household) -> None:
    settings = household.home.settings_file
    settings.write_text(
        'database_url = "mysql+pymysql://cron:hush-hush@127.0.0.1:1/cron"\n' + settings.read_text()
    )

    for command in (("db", "status"), ("db", "check"), ("db", "upgrade"), ("status",), ("health",)):
        said = household.run(*command)
        assert said.returncode != 0
        assert "hush-hush" not in said.stdout + said.stderr
    logs = [path.read_text() for path in household.home.logs.glob("*.log")]
    assert "hush-hush" not in "".join(logs)


def test_a_url_in_the_settings_that_cannot_be_is_told_by_its_field(household: Household) -> None:
    settings = household.home.settings_file
    settings.write_text('database_url = "mysql+pymysql://cron@db"\n' + settings.read_text())

    said = household.run("db", "status")

    assert said.returncode == 2
    assert "database_url names no database" in said.stderr


def test_init_names_the_database_without_its_password(
    bare: Household, mariadb_server: mariadb.Server, mariadb_url: str
) -> None:
    mariadb_server.say(
        "DROP USER IF EXISTS 'hushed'@'127.0.0.1'",
        "CREATE USER 'hushed'@'127.0.0.1' IDENTIFIED BY 'hush-hush'",
        "GRANT ALL ON *.* TO 'hushed'@'127.0.0.1'",
    )
    url = make_url(mariadb_url).set(username="hushed", password="hush-hush")
    bare.home.root.mkdir(exist_ok=True)
    bare.home.settings_file.write_text(
        f'database_url = "{url.render_as_string(hide_password=False)}"\n'
    )

    said = bare.cli("init")

    assert f"Database: {url.render_as_string(hide_password=True)}" in said
    assert "hush-hush" not in said
