"""When is a copy made of what an agent needs to begin while its database is away?"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.alertrules import read_rule
from agent.ownchecks import OwnCheck
from agent.recorder import Shown
from agent.recovery import make_up
from agent.roster import Roster
from agent.rules.muting import Mute
from agent.runs import Run
from agent.standby import Standby
from agent.store import alert_rules, clients, mutes, ownchecks
from agent.store.clients import Client
from agent.store.database import Database
from agent.store.journal import Journal
from agent.store.mark import Mark
from agent.store.outage import Outage
from agent.store.reaching import Reached
from agent.store.standby import Copy, Known
from agent.store.tasks import register
from agent.store.writes import Raise
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS, a_run, a_task
from tests.agent.test_courier import trouble
from tests.agent.wire.door import until

KEY = Client(
    key_id="SK-1", public="x" * 40, label="desk", role="admin", created_ms=NOW_MS, created_by="me"
)


class Scene:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock(NOW_MS)
        self.database = Database.open(fresh_file(folder / "file.sqlite3"))
        self.local = Journal.open(folder / "journal.sqlite3", now_ms=NOW_MS)
        self.outage = Outage(self.database, self.local, clock=self.clock)
        self.mark = Mark(folder, "file", make_up=make_up)
        self.roster = Roster(self.database)
        self.live: list[Run] = []
        self.standby = Standby(
            Reached("", "file", self.database, self.outage, self.local, Copy(folder), self.mark),
            clock=self.clock,
            roster=self.roster,
            live=lambda: self.live,
        )

    def known(self) -> Known | None:
        return Copy(self.folder).read("file")

    async def add_task(self) -> None:
        made = partial(register, definitions=[a_task()], who="me", why="", now_ms=NOW_MS)
        await self.database.write(made)
        await self.roster.load()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.database.close()
    scene.local.close()


async def test_tasks_keys_and_open_runs_are_copied(scene: Scene) -> None:
    await scene.add_task()
    await scene.database.write(partial(clients.add, client=KEY))
    scene.live.append(a_run())

    await scene.standby.look()

    known = scene.known()
    assert known is not None
    assert [task.task_name for task in known.tasks] == ["backup"]
    assert [client.key_id for client in known.clients] == ["SK-1"]
    assert Copy(scene.folder).read_runs() == tuple(scene.live)


async def test_own_rules_windows_and_own_checks_are_copied(scene: Scene) -> None:
    rule = read_rule({"name": "mine", "exit_status": [3]})
    own = OwnCheck(name="fire", command=("/bin/true",))
    window = Mute(
        id="01J0000000000000000000MUTE",
        from_ms=NOW_MS,
        to_ms=NOW_MS + 1_000,
        reason="new server",
        made_ms=NOW_MS,
        made_by="anna",
    )
    said: dict[str, Any] = {"who": "me", "now_ms": NOW_MS}
    await scene.database.write(partial(alert_rules.put, rule=rule, **said))
    await scene.database.write(partial(mutes.add, mute=window))
    await scene.database.write(partial(ownchecks.put, own=own, **said))

    await scene.standby.look()

    known = scene.known()
    assert known is not None
    assert (known.rules, known.mutes, known.own_checks) == ((rule,), (window,), (own,))


async def test_open_alerts_are_copied_as_they_stand(scene: Scene) -> None:
    raised = [
        await scene.database.write(Raise(trouble=trouble(key), now_ms=NOW_MS).apply)
        for key in ("one", "two")
    ]
    await scene.standby.look()
    first = Copy(scene.folder).read_alerts()
    worse = msgspec.structs.replace(raised[0], severity="critical")
    over = msgspec.structs.replace(raised[1], status="resolved")
    scene.standby.note(Shown(alerts=(worse, over)))
    await scene.standby.look()

    assert [alert.dedupe_key for alert in first] == ["two", "one"]
    assert Copy(scene.folder).read_alerts() == (worse,)


async def test_what_is_recorded_is_copied_soon_and_a_look_comes_by_itself(scene: Scene) -> None:
    looking = asyncio.create_task(scene.standby.run())
    await scene.add_task()
    scene.standby.note(Shown(tasks=frozenset({"backup"})))
    await until(lambda: scene.clock.sleeping_until_ms is not None)

    scene.clock.advance(1_000)

    await until(lambda: scene.known() is not None)
    looking.cancel()


async def test_while_the_database_is_away_the_copy_stays_as_it_was(scene: Scene) -> None:
    await scene.standby.look()
    scene.outage.begin_away("gone")
    scene.live.append(a_run())
    scene.standby.hurry()

    await scene.standby.look()

    assert Copy(scene.folder).read_runs() == ()


async def test_a_folder_that_is_gone_is_no_reason_to_fail(scene: Scene, tmp_path: Path) -> None:
    scene.standby = Standby(
        Reached(
            "",
            "file",
            scene.database,
            scene.outage,
            scene.local,
            Copy(tmp_path / "gone"),
            scene.mark,
        ),
        clock=scene.clock,
        roster=scene.roster,
        live=lambda: (),
    )

    await scene.standby.look()

    assert not (tmp_path / "gone").exists()
