"""What must MariaDB and MySQL be told of a table, beside its columns?"""

from sqlalchemy import MetaData

# utf8mb4_bin compares like SQLite does: keys and ids differ by case.
_SAID = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def said_to_server(metadata: MetaData) -> MetaData:
    """The same tables, ready to be made there.

    Not where the tables are described: such a word loads all that is known of MariaDB.
    """
    for table in metadata.tables.values():
        for name, value in _SAID.items():
            table.dialect_kwargs[name] = value
    return metadata
