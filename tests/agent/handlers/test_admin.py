"""Is it told who did what, and only to those who may know?"""

import asyncio
import secrets

from shared.protocol.requests import (
    AgentReload,
    AuditFilter,
    AuditPage,
    AuditPageReply,
    OpGet,
    OpReply,
    ReloadReply,
    RunStart,
    RunStartReply,
)
from tests.agent.wire.door import CLOCK, Door


def order(task: str = "backup") -> RunStart:
    return RunStart(task_id=task, op=secrets.token_hex(16), expires_ms=CLOCK.now_ms() + 60_000)


async def test_what_became_of_a_command_is_told_to_its_owner_and_to_admins_only(
    door: Door,
) -> None:
    owner, other = await door.welcome("operator"), await door.welcome("operator", label="other")
    admin = await door.welcome("admin")
    done, refused = order(), order("nothing")
    started = await owner.get(done, RunStartReply)
    await owner.refusal(refused)

    mine = await owner.get(OpGet(op=done.op), OpReply)

    assert (mine.state, mine.code, mine.run_id) == ("done", "ok", started.run_id)
    assert (await owner.get(OpGet(op=refused.op), OpReply)).code == "not_found"
    assert await other.refusal(OpGet(op=done.op)) == "not_found"
    assert await other.refusal(OpGet(op="0" * 32)) == "not_found"
    assert (await admin.get(OpGet(op=done.op), OpReply)).run_id == started.run_id


async def test_audit_pages_are_filtered_and_follow_each_other(door: Door) -> None:
    owner, admin = await door.welcome("operator"), await door.welcome("admin")
    targets = ["nothing-1", "nothing-2", "nothing-3"]
    for target in targets:
        await owner.refusal(order(target))
    wanted = AuditFilter(type="run.start")

    first = await admin.get(AuditPage(filter=wanted, limit=2), AuditPageReply)
    second = await admin.get(AuditPage(filter=wanted, limit=2, cursor=first.next), AuditPageReply)
    one = await admin.get(AuditPage(filter=AuditFilter(target="nothing-2")), AuditPageReply)

    assert [row.target for row in (*first.rows, *second.rows)] == targets[::-1]
    assert second.next is None
    assert [(row.target, row.code) for row in one.rows] == [("nothing-2", "not_found")]
    assert first.rows[0].op is not None


async def test_an_audit_span_holds_what_happened_in_it_and_nothing_else(door: Door) -> None:
    owner, admin = await door.welcome("operator"), await door.welcome("admin")
    await owner.refusal(order("before"))
    await asyncio.sleep(0.01)
    from_ms = CLOCK.now_ms()
    await owner.refusal(order("after"))

    later = await admin.get(
        AuditPage(filter=AuditFilter(type="run.start", from_ms=from_ms)), AuditPageReply
    )
    earlier = await admin.get(
        AuditPage(filter=AuditFilter(type="run.start", to_ms=from_ms)), AuditPageReply
    )

    assert [row.target for row in later.rows] == ["after"]
    assert [row.target for row in earlier.rows] == ["before"]


async def test_a_reload_takes_over_keys_from_the_database(door: Door) -> None:
    admin = await door.welcome("admin")

    reply = await admin.get(
        AgentReload(op=secrets.token_hex(16), expires_ms=CLOCK.now_ms() + 60_000), ReloadReply
    )

    assert reply.problems == ()
