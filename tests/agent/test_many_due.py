"""Thousands are due at one moment: does each get its row, and who goes first?"""

import asyncio
from collections import Counter
from pathlib import Path

from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_task
from tests.agent.workshop import Workshop

DUE_MS = (NOW_MS // MINUTE_MS + 1) * MINUTE_MS
TASKS = 3_000  # more than share a claim, and more than share a transaction
SLOTS = 40


async def test_of_thousands_due_at_once_each_has_one_row_and_the_most_urgent_have_the_slots(
    tmp_path: Path,
) -> None:
    workshop = Workshop(tmp_path, slots=SLOTS)
    names = [f"task_{number:05}" for number in range(TASKS)]
    urgent = set(names[7::75])  # as many as there are slots, spread over all
    await workshop.register(
        *(
            a_task(name, schedule=("* * * * *",), priority=1 if name in urgent else 4)
            for name in names
        )
    )
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)
        await workshop.scheduler.decide()
        await workshop.until(lambda: len(workshop.keepers.orders) == SLOTS)
        await workshop.settle()

    stored = workshop.database.read_now(
        lambda connection: connection.exec_driver_sql(
            "SELECT task_name, scheduled_at, status FROM smart_cron_executions"
        ).all()
    )
    workshop.database.close()
    assert Counter(row[0] for row in stored) == dict.fromkeys(names, 1)
    assert len({row[1] for row in stored}) == 1
    assert {row[0] for row in stored if row[2] == "running"} == urgent
    assert Counter(row[2] for row in stored) == {"running": SLOTS, "queued": TASKS - SLOTS}
