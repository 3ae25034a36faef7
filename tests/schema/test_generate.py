"""The tables as SQL for MariaDB."""

from agent.store.database import Database
from schema.generate import FILE, mariadb_sql
from schema.tables import VERSION_TABLE, metadata
from tests import mariadb


def test_the_sql_file_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == mariadb_sql(), "run `python -m schema.generate`"


def test_the_sql_makes_every_table_with_instants_of_milliseconds() -> None:
    sql = mariadb_sql()

    assert all(f"CREATE TABLE {table} (" in sql for table in metadata.tables)
    assert "started_at DATETIME(3)" in sql
    assert sql.count("ENGINE=InnoDB CHARSET=utf8mb4") == len(metadata.tables)


def test_the_sql_makes_what_the_program_makes_on_a_real_server(
    mariadb_server: mariadb.Server,
) -> None:
    with mariadb_server.fresh() as by_sql, mariadb_server.fresh() as by_program:
        names = [url.rpartition("/")[2] for url in (by_sql, by_program)]
        with mariadb_server.connect(database=names[0]) as connection, connection.cursor() as cursor:
            for statement in FILE.read_text(encoding="utf-8").split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
        Database.open(by_program).close()

        made = [tables_of(mariadb_server, name) for name in names]
        # Opened by the program it is complete: nothing is changed, nothing refused.
        Database.open(by_sql, migrate=False).close()

    assert made[0] == made[1]
    assert made[0].keys() == {*metadata.tables, VERSION_TABLE}


def tables_of(server: mariadb.Server, database: str) -> dict[str, list[str]]:
    """What makes each table, line by line: indexes stand in the order they were made in."""
    return {
        table: sorted(
            line.strip(" ,")
            for line in server.say(f"SHOW CREATE TABLE {database}.{table}")[0][1].splitlines()
        )
        for (table,) in server.say(f"SHOW TABLES IN {database}")
    }
