"""The tables as SQL for MariaDB."""

from schema.generate import FILE, mariadb_sql
from schema.tables import metadata


def test_the_sql_file_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == mariadb_sql(), "run `python -m schema.generate`"


def test_the_sql_makes_every_table_with_instants_of_milliseconds() -> None:
    sql = mariadb_sql()

    assert all(f"CREATE TABLE {table} (" in sql for table in metadata.tables)
    assert "started_at DATETIME(3)" in sql
    assert sql.count("ENGINE=InnoDB CHARSET=utf8mb4") == len(metadata.tables)
