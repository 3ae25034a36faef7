"""Does this database copy another one, and how far is it behind?"""

from typing import Any

import pytest

from agent.store.database import Database
from agent.store.replication import Replication, of_row, replication

MARIADB = {"Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes", "Seconds_Behind_Master": 12}
MYSQL = {"Replica_IO_Running": "Yes", "Replica_SQL_Running": "Yes", "Seconds_Behind_Source": 12}
STOPPED = {**MARIADB, "Slave_SQL_Running": "No", "Seconds_Behind_Master": None}


def test_a_database_that_copies_none_says_nothing_also_without_the_privilege(
    database: Database,
) -> None:
    assert database.read_now(replication) is None


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (MARIADB, Replication(lag_s=12.0)),
        (MYSQL, Replication(lag_s=12.0)),
        ({**MARIADB, "Seconds_Behind_Master": None}, Replication()),
        (STOPPED, Replication(fault="the replica does not follow: it was stopped")),
        (
            {**STOPPED, "Last_SQL_Error": "Duplicate entry"},
            Replication(fault="the replica does not follow: Duplicate entry"),
        ),
    ],
)
def test_both_servers_are_understood(row: dict[str, Any], found: Replication) -> None:
    assert of_row(row) == found
