"""A task is edited while the database is away, or does not say whether it took the edit."""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agent.errors import Refused
from agent.wire.caller import Caller
from shared.protocol.defining import (
    TaskDefinition,
    TaskDefinitionReply,
    TaskPut,
    TaskPutReply,
)
from shared.protocol.requests import RunStart, RunStartReply
from tests.faults.database.proxy import Proxy
from tests.faults.database.test_server_away import PASSWORD, USER, Site
from tests.journeys.household import Household, until
from tests.mariadb import served

REST = 'task_name = "rest"\nschedule = "0 0 1 1 *"\ncommand = "true"'


@pytest.fixture
def site(bare: Household) -> Iterator[Site]:
    with served() as server, Proxy("127.0.0.1", server.port) as proxy:
        server.say(
            "CREATE DATABASE smartcron_1 CHARACTER SET utf8mb4",
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON smartcron_1.* TO '{USER}'@'127.0.0.1'",
        )
        url = f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{proxy.port}/smartcron_1"
        yield Site(server, proxy, bare.prepare(database_url=url, remote_edit=True))
        bare.leave()


def put(agent: Caller, seen: TaskDefinitionReply, **more: Any) -> TaskPut:
    return TaskPut(
        op=secrets.token_hex(16),
        expires_ms=agent.expires_ms(),
        id="rest",
        definition={**seen.definition, **more},
        based_on=seen.def_rev,
        digest=seen.digest,
    )


def test_an_edit_while_the_database_is_away_is_refused_and_holds_once_it_is_given_again(
    site: Site,
) -> None:
    site.household.apply(REST)
    site.serve()
    with site.household.caller() as agent:
        seen = agent.call(TaskDefinition(id="rest"), TaskDefinitionReply)
        with site.refused():
            with pytest.raises(Refused) as no:
                agent.call(put(agent, seen, nice=5), timeout_s=40)
            assert no.value.code == "busy"
            assert "database" in str(no.value)

        codes: set[str] = set()

        def is_done() -> bool:
            try:
                done = agent.call(put(agent, seen, nice=9), TaskPutReply, timeout_s=40)
            except Refused as error:
                codes.add(error.code)
            else:
                return done.def_rev == 2
            # Late for its answer, a slow database may have taken it all the same.
            with suppress(Refused):
                return agent.call(TaskDefinition(id="rest"), TaskDefinitionReply).def_rev == 2
            return False

        until(is_done, "an edit that is taken", within_s=120)
        now = agent.call(TaskDefinition(id="rest"), TaskDefinitionReply)
    assert codes <= {"busy"}
    assert (now.definition["nice"], now.def_rev) == (9, 2)


def test_an_edit_whose_answer_was_lost_is_what_runs_once_the_database_is_back(
    site: Site, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    site.household.apply(REST)
    site.serve()
    with site.household.caller() as agent:
        seen = agent.call(TaskDefinition(id="rest"), TaskDefinitionReply)

        def is_done_late() -> bool:
            """Too late for its answer, yet not so late that it was given up."""
            with site.server.connect(database="smartcron_1") as holder, holder.cursor() as cursor:
                cursor.execute("LOCK TABLES smart_cron_tasks_config WRITE")
                with pytest.raises(Refused):
                    agent.call(put(agent, seen, command=f"touch {note}"), timeout_s=40)
                cursor.execute("UNLOCK TABLES")
            with suppress(Refused):  # it is not asked yet
                return agent.call(TaskDefinition(id="rest"), TaskDefinitionReply).def_rev == 2
            return False

        until(is_done_late, "an edit whose answer was lost", within_s=120)

        def is_new() -> bool:
            start = RunStart(
                op=secrets.token_hex(16), expires_ms=agent.expires_ms(), task_id="rest"
            )
            with suppress(Refused):  # the one before still runs
                agent.call(start, RunStartReply, timeout_s=40)
            return note.exists()

        until(is_new, "a run of the edited command", within_s=120)
        now = agent.call(TaskDefinition(id="rest"), TaskDefinitionReply)
    assert (now.definition["command"], now.def_rev) == (f"touch {note}", 2)
