"""Commands about copies of the database: make and prove them, list them, put one back."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.journeys.household import Household
from tests.mariadb import Server

TASK = 'task_name = "a"\nschedule = "0 7 * * *"\ncommand = "true"'


def test_a_backup_is_made_listed_and_put_back_and_that_undone(household: Household) -> None:
    household.apply(TASK)
    made = household.json("db", "backup")["made"][0]
    household.cli("tasks", "pause", "a")

    listed = household.json("db", "backups")["backups"]
    restored = household.json("db", "restore", Path(made["path"]).name, "--yes")

    assert [each["path"] for each in listed] == [made["path"]]
    assert made["is_proved"]
    assert made["rows"]["smart_cron_tasks_config"] == 1
    assert household.json("tasks", "list")[0]["state"] == "enabled"
    verified = household.json("audit", "verify")
    assert verified["is_whole"], "that the audit went back was ordered"
    assert verified["cuts"][0]["why"].endswith("was put in place")

    said = household.cli("db", "restore", restored["aside"], "--yes")

    assert "To undo:" in said
    assert household.json("tasks", "list")[0]["state"] == "paused"


def test_a_restore_is_refused_while_an_agent_serves(household: Household) -> None:
    household.apply(TASK)
    made = household.json("db", "backup")["made"][0]
    household.serve()

    said = household.run("db", "restore", made["path"], "--yes")

    assert said.returncode == 75
    assert "an agent serves home" in said.stderr


def test_a_restore_of_what_is_not_there_says_where_to_look(household: Household) -> None:
    said = household.run("db", "restore", "gone.sqlite3", "--yes")

    assert said.returncode == 1
    assert "db backups" in said.stderr


def test_further_databases_are_copied_with_a_password_nobody_sees(
    household: Household, mariadb_url: str, mariadb_server: Server, tmp_path: Path
) -> None:
    name = mariadb_url.rpartition("/")[2]
    mariadb_server.say(
        f"CREATE TABLE {name}.orders (id INT PRIMARY KEY)",
        f"INSERT INTO {name}.orders VALUES (1), (2)",  # noqa: S608 - our own name
        "DROP USER IF EXISTS keeper@'127.0.0.1'",
        "CREATE USER keeper@'127.0.0.1' IDENTIFIED BY 'planted-4711'",
        "GRANT ALL ON *.* TO keeper@'127.0.0.1'",
    )
    other = tmp_path / "shop.sqlite3"
    with closing(sqlite3.connect(other)) as raw, raw:
        raw.execute("CREATE TABLE goods (id INTEGER)")
    settings = household.home.settings_file
    orders_url = mariadb_server.url(name, user="keeper")
    settings.write_text(
        settings.read_text()
        + f'[[backup_databases]]\nname = "till"\nurl = "sqlite:///{other}"\n'
        + f'[[backup_databases]]\nname = "orders"\nurl = "{orders_url}"\n'
        + 'password_secret = "ORDERS"\n'
    )

    refused = household.run("db", "backup", "--json")
    household.home.secrets_file.write_text('ORDERS = "planted-4711"\n')
    household.home.secrets_file.chmod(0o600)
    made = household.json("db", "backup")["made"]

    assert refused.returncode == 1
    assert "add it to secrets.toml" in refused.stderr
    assert len(json.loads(refused.stdout)["made"]) == 2, "the others are made all the same"
    assert [each["source"] for each in made] == ["smartcron", "till", "orders"]
    assert all(each["is_proved"] for each in made)
    assert made[2]["rows"] == {"orders": 2}
    assert "planted-4711" not in refused.stderr + json.dumps(made)
    shop = household.run("db", "restore", made[2]["path"], "--yes")
    assert (shop.returncode, "is no backup" in shop.stderr) == (2, True)
