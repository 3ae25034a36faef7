"""The tables as SQL for MariaDB: `python -m schema.generate` rewrites schema.sql."""

from pathlib import Path

from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateIndex, CreateTable

from schema.migrate import VERSIONS
from schema.server import said_to_server
from schema.tables import VERSION_TABLE, metadata

FILE = Path(__file__).with_name("schema.sql")

_HEAD = """\
-- The tables of Smart Cron for MariaDB 10.6 or newer and MySQL 8.
-- Made by `python -m schema.generate` from schema/tables.py; do not edit.
-- Times are UTC with milliseconds.
"""


def mariadb_sql() -> str:
    """Every table and index, and the version they make."""
    dialect = mysql.dialect()
    statements = [_HEAD]
    for table in said_to_server(metadata).sorted_tables:
        statements.append(f"{str(CreateTable(table).compile(dialect=dialect)).strip()};\n")
        statements.extend(
            f"{CreateIndex(index).compile(dialect=dialect)};\n"
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        )
    statements.append(
        f"CREATE TABLE {VERSION_TABLE} (\n\tversion_num VARCHAR(32) NOT NULL,\n"
        "\tPRIMARY KEY (version_num)\n);\n"
    )
    statements.append(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES ('{VERSIONS[-1]}');\n")  # noqa: S608 - two constants of ours
    lines = "\n".join(statements).splitlines()
    return "\n".join(line.rstrip().replace(")ENGINE", ") ENGINE") for line in lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(mariadb_sql(), encoding="utf-8")
