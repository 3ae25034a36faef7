"""One filled-in value of every request."""

from typing import Final

from shared.protocol import (
    alerting,
    defining,
    health,
    planning,
    requests,
    timeline,
)
from tests.golden.things import AT_MS, DEFINITION, DRAFT, EPOCH, KEY_ID, OP, RUN_ID

REQUESTS: Final[tuple[requests.Request, ...]] = (
    requests.Hello(proto=(1, 2), client="desktop 0.1.0", inst=OP, caps=("zlib",)),
    requests.Ping(),
    requests.Enroll(pub="A" * 52, label="Anna", platform="Linux"),
    requests.Sync(scope="alerts", epoch=EPOCH, since=3, cursor="abc", limit=10),
    requests.TaskGet(id="sync.orders"),
    requests.SchedulePreview(
        schedule="5 7 * * *",
        tz="Europe/Berlin",
        count=3,
        from_ms=AT_MS,
        dst_gap="skip",
        dst_fold="both",
        task_name="sync.orders",
    ),
    planning.ScheduleNext(ids=("sync.orders",), from_ms=AT_MS, until_ms=AT_MS + 9, count=3),
    planning.ScheduleForecast(from_ms=AT_MS, until_ms=AT_MS + 9),
    planning.ScheduleWhatIf(
        drafts=(
            planning.Draft(
                task_name="sync.orders",
                schedule=("5 7 * * *",),
                timezone="Europe/Berlin",
                priority=1,
                overlap="queue",
                overlap_limit=2,
                dst_gap="skip",
                dst_fold="both",
                valid_from="2026-01-01",
                valid_until="2027-01-01",
                every_nth=2,
                spread_s=60,
                calendars=("holidays",),
                in_blackout="delay",
                after=("first",),
                enabled=False,
            ),
        ),
        without=("old",),
        from_ms=AT_MS,
        until_ms=AT_MS + 9,
    ),
    planning.ScheduleWhy(id="sync.orders", at_ms=AT_MS),
    planning.PausePreview(ids=("sync.orders",), until_ms=AT_MS),
    requests.TaskSet(
        op=OP,
        expires_ms=AT_MS,
        ids=("a", "b"),
        enabled=True,
        paused=False,
        until_ms=AT_MS,
        reason="x",
    ),
    requests.RunStart(
        op=OP, expires_ms=AT_MS, task_id="sync.orders", reason="late order", if_running="queue"
    ),
    defining.TaskDefinition(id="sync.orders"),
    defining.TaskVersions(id="sync.orders", before=4, limit=10),
    defining.TaskCheck(definition=DEFINITION),
    defining.TaskPut(
        op=OP,
        expires_ms=AT_MS,
        id="sync.orders",
        definition=DEFINITION,
        based_on=4,
        digest="ab" * 32,
        why="less load",
    ),
    defining.TaskDelete(
        op=OP, expires_ms=AT_MS, id="sync.orders", based_on=4, digest="ab" * 32, why="replaced"
    ),
    requests.TaskSkip(op=OP, expires_ms=AT_MS, ids=("a", "b"), count=3, reason="stock-take"),
    requests.RunBackfill(
        op=OP, expires_ms=AT_MS, task_id="sync.orders", moments_ms=(1, 2), reason="outage"
    ),
    requests.RunAbort(op=OP, expires_ms=AT_MS, run_id=RUN_ID, grace_ms=5_000, reason="stuck"),
    requests.RunRetry(op=OP, expires_ms=AT_MS, run_id=RUN_ID, reason="disk is back"),
    requests.TaskPing(
        op=OP,
        expires_ms=AT_MS,
        task_id="sync.orders",
        what="fail",
        message="no route",
        exit_status=75,
        signal=9,
        run_id=RUN_ID,
        at_ms=AT_MS,
    ),
    requests.RunGet(run_id=RUN_ID),
    requests.RunSamples(run_id=RUN_ID),
    requests.RunsPage(
        filter=requests.RunFilter(
            task_id="a",
            category="Sync",
            results=("error",),
            states=("ended",),
            trigger="retry",
            from_ms=1,
            to_ms=2,
            text="429",
            host="shop-1",
        ),
        cursor="abc",
        limit=5,
    ),
    requests.LogStat(run_id=RUN_ID),
    requests.LogRead(run_id=RUN_ID, stream="output", offset=10, limit=100, wait_ms=20_000),
    requests.LogSearch(
        pattern="time.?out",
        regex=True,
        ignore_case=True,
        task_id="sync.orders",
        from_ms=1,
        cursor="abc",
        limit=5,
        within_ms=500,
    ),
    requests.MetricsPage(
        series=("cpu", "mem"), from_ms=1, to_ms=2, step_ms=5_000, task_id="a", of="highest"
    ),
    requests.StatsGet(task_id="sync.orders", from_ms=1, to_ms=2),
    health.HealthGet(),
    timeline.TimelineRuns(from_ms=1, to_ms=2, cursor="abc", limit=5),
    timeline.TimelineHours(from_ms=1, to_ms=2, by_task=True),
    alerting.AlertsPage(
        filter=alerting.AlertFilter(
            task_id="a", sevs=("high",), states=("open",), from_ms=1, to_ms=2, text="429"
        ),
        cursor="abc",
        limit=5,
    ),
    alerting.AlertGet(id=RUN_ID),
    alerting.RuleTry(id="too-quiet", rule=DRAFT, days=7, place="abc"),
    alerting.RuleSet(op=OP, expires_ms=AT_MS, id="too-quiet", rule=DRAFT, base_rev=2),
    alerting.RuleRemove(op=OP, expires_ms=AT_MS, id="too-quiet", base_rev=2),
    alerting.QuietTry(
        from_ms=AT_MS, to_ms=AT_MS + 1, task_id="shop-*", category="Sync", reason="new server"
    ),
    alerting.QuietSet(
        op=OP,
        expires_ms=AT_MS,
        id=RUN_ID,
        from_ms=AT_MS,
        to_ms=AT_MS + 1,
        task_id="shop-*",
        category="Sync",
        reason="new server",
        base_rev=AT_MS,
    ),
    alerting.QuietRemove(op=OP, expires_ms=AT_MS, id=RUN_ID, base_rev=AT_MS),
    alerting.AlertAck(op=OP, expires_ms=AT_MS, ids=(RUN_ID,), note="disk is ordered"),
    alerting.AlertSnooze(op=OP, expires_ms=AT_MS, ids=(RUN_ID,), until_ms=AT_MS, note="night"),
    alerting.AlertResolve(op=OP, expires_ms=AT_MS, ids=(RUN_ID,), note="new disk"),
    alerting.AlertReopen(op=OP, expires_ms=AT_MS, ids=(RUN_ID,), note="too soon"),
    alerting.AlertNote(op=OP, expires_ms=AT_MS, ids=(RUN_ID,), note="called the provider"),
    alerting.AlertsRules(),
    alerting.DeliveriesPage(cursor="abc", limit=5),
    alerting.WayTest(op=OP, expires_ms=AT_MS, id="pager"),
    requests.OpGet(op=OP),
    requests.AuditPage(
        filter=requests.AuditFilter(
            key_id=KEY_ID, type="run.start", target="sync.orders", from_ms=1, to_ms=2
        ),
        cursor="abc",
        limit=5,
    ),
    requests.KeyList(),
    requests.KeyRevoke(op=OP, expires_ms=AT_MS, key_id=KEY_ID),
    requests.InviteCreate(op=OP, expires_ms=AT_MS, role="operator", ttl_s=60, label="Ben"),
    requests.AgentReload(op=OP, expires_ms=AT_MS),
)
