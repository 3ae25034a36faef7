"""One filled-in value of every message; its bytes lie beside this file for ever."""

from typing import Final

from shared.protocol import events, requests, rows
from shared.protocol.errors import ErrorBody

OP: Final = "0123456789abcdef" * 2
EPOCH: Final = "00ff00ff00ff00ff"
RUN_ID: Final = "01JDD0000000000000000000AB"
KEY_ID: Final = "a1b2c3d4e5f60718"
AT_MS: Final = 1_795_000_000_000

AGENT: Final = rows.Agent(
    id=KEY_ID,
    rev=1,
    name="shop",
    host="shop-1",
    os="Linux 6.1",
    version="0.1.0",
    tz="Pacific/Auckland",
    started_ms=AT_MS,
    environment="test",
    max_running=8,
    mode="draining",
    paused=True,
    paused_until_ms=AT_MS + 1,
    pause_reason="stock-take",
)
LAST: Final = rows.LastRun(
    run_id=RUN_ID,
    result="error",
    scheduled_ms=AT_MS,
    end_ms=AT_MS + 900,
    reason="exit",
    start_ms=AT_MS + 5,
    dur_ms=895,
    exit=3,
    signal=9,
    attempt=2,
)
TASK: Final = rows.Task(
    id="sync.orders",
    rev=7,
    name="sync.orders",
    category="Sync",
    priority=1,
    tags=("night", "vend"),
    enabled=False,
    paused=True,
    paused_until_ms=AT_MS + 2,
    pause_reason="holiday",
    schedule="*/30 * * * *",
    schedule_text="Every 30 minutes",
    tz="Pacific/Auckland",
    state="running",
    invalid_reason="no such zone",
    next_ms=AT_MS + 3,
    running=1,
    run_id=RUN_ID,
    run_start_ms=AT_MS + 4,
    last=LAST,
    fails=2,
    health="bad",
    runs_24h=48,
    fails_24h=3,
    success_rate_24h=0.9375,
    hours_from_ms=AT_MS - 86_400_000,
    hours_24h=((2, 0), (1, 1)),
    avg_ms=800,
    p95_ms=1500,
    peak_ms=2000,
    usual_low_ms=600,
    usual_high_ms=1100,
    spark=(700, 800, 895),
    timeout_ms=600_000,
    def_rev=4,
)
RUN: Final = rows.Run(
    id=RUN_ID,
    rev=9,
    task_id="sync.orders",
    attempt=2,
    trigger="retry",
    by="Anna",
    state="ended",
    result="error",
    reason="exit",
    scheduled_ms=AT_MS,
    queued_ms=AT_MS + 1,
    start_ms=AT_MS + 5,
    end_ms=AT_MS + 900,
    dur_ms=895,
    late_ms=5,
    retry_ms=AT_MS + 30_000,
    exit=3,
    signal=9,
    pid=4711,
    cpu_ms=120,
    peak_rss=9_000_000,
    out_bytes=512,
    missed_count=3,
    missed_until_ms=AT_MS + 60_000,
    note="by hand",
)
CHECK: Final = rows.Check(
    id="disk",
    rev=3,
    name="Disk",
    kind="disk",
    state="warn",
    since_ms=AT_MS,
    value=0.91,
    unit="share",
    msg="/ is 91 % full",
)
ALERT: Final = rows.Alert(
    id=RUN_ID,
    rev=2,
    sev="high",
    state="acked",
    kind="failing",
    subject=rows.Subject("task", "sync.orders"),
    title="sync.orders fails",
    msg="three times in a row",
    opened_ms=AT_MS,
    last_ms=AT_MS + 1,
    count=3,
    acked_by="Anna",
    acked_ms=AT_MS + 2,
    resolved_ms=AT_MS + 3,
)
DELTA: Final = rows.Delta(
    scope="state",
    epoch=EPOCH,
    from_rev=4,
    to_rev=9,
    head=12,
    ts_ms=AT_MS,
    rows=rows.Rows(agent=AGENT, tasks=(TASK,), runs=(RUN,), checks=(CHECK,), alerts=(ALERT,)),
    gone=(rows.Tombstone("task", "old", 5),),
    full=True,
    cursor="abc",
    more=True,
)
INFO: Final = requests.AgentInfo(
    id=KEY_ID, name="shop", version="0.1.0", host="shop-1", tz="UTC", environment="test"
)
SETTINGS: Final = requests.TaskSettings(  # noqa: S604 - a word in a message, no call of a shell
    task_name="sync.orders",
    schedule=("*/30 * * * *",),
    category="Sync",
    description="Fetch orders",
    tags=("night",),
    timezone="Pacific/Auckland",
    command=("{python}", "sync.py"),
    shell="never",
    env_names=("TOKEN",),
    timeout_seconds=600,
    kill_grace_s=5,
    priority=1,
    max_retries=2,
    retry_base_s=10,
    retry_cap_s=60,
    overlap="forbid",
    missed="all",
    start_deadline_s=60,
    dst_gap="skip",
    dst_fold="both",
    memory_limit_mb=256,
    run_as="shop",
    working_directory="/srv/shop",
    enabled=False,
)
REVS: Final = events.Revs(state=12, alerts=2)

REQUESTS: Final[tuple[requests.Request, ...]] = (
    requests.Hello(proto=(1, 2), client="desktop 0.1.0", inst=OP, caps=("zlib",)),
    requests.Ping(),
    requests.Enroll(pub="A" * 52, label="Anna", platform="Linux"),
    requests.Sync(scope="alerts", epoch=EPOCH, since=3, cursor="abc", limit=10),
    requests.TaskGet(id="sync.orders"),
    requests.SchedulePreview(schedule="5 7 * * *", tz="Europe/Berlin", count=3, from_ms=AT_MS),
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
    requests.TaskSkip(op=OP, expires_ms=AT_MS, ids=("a", "b"), count=3, reason="stock-take"),
    requests.RunBackfill(
        op=OP, expires_ms=AT_MS, task_id="sync.orders", moments_ms=(1, 2), reason="outage"
    ),
    requests.RunAbort(op=OP, expires_ms=AT_MS, run_id=RUN_ID, grace_ms=5_000, reason="stuck"),
    requests.RunGet(run_id=RUN_ID),
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
        ),
        cursor="abc",
        limit=5,
    ),
    requests.LogStat(run_id=RUN_ID),
    requests.LogRead(run_id=RUN_ID, stream="output", offset=10, limit=100, wait_ms=20_000),
    requests.MetricsPage(series=("cpu", "mem"), from_ms=1, to_ms=2, step_ms=5_000),
    requests.StatsGet(),
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
REPLIES: Final[dict[str, requests.AnyReply]] = {
    "hello": requests.HelloReply(
        proto=1,
        minor=1,
        epoch=EPOCH,
        role="admin",
        key_id=KEY_ID,
        label="Anna",
        agent=INFO,
        caps=("zlib",),
        limits=requests.Limits(page_rows=7),
        events_port=7461,
        now_ms=AT_MS,
        revs=REVS,
    ),
    "ping": requests.Pong(now_ms=AT_MS, epoch=EPOCH, revs=REVS),
    "enroll": requests.EnrollReply(key_id=KEY_ID, role="viewer", agent=INFO),
    "sync": DELTA,
    "task.get": requests.TaskDetail(
        row=TASK,
        def_rev=4,
        definition=SETTINGS,
        next_ms=(AT_MS,),
        last_failure=requests.Failure(
            run_id=RUN_ID,
            result="error",
            end_ms=AT_MS,
            reason="exit",
            exit=3,
            signal=9,
            message="no route",
            stack_trace="Traceback",
        ),
        series=(requests.Point(AT_MS, 895, "error"), requests.Point(AT_MS, None, "missed")),
    ),
    "schedule.preview": requests.SchedulePreviewReply(
        times_ms=(AT_MS,), schedule_text="Daily 07:05", notes=("02:30 falls out",)
    ),
    "task.set": requests.TaskSetReply(
        rev=9, replayed=True, results=(requests.Outcome(id="a", code="not_found", msg="no a"),)
    ),
    "task.skip": requests.TaskSkipReply(
        rev=9,
        replayed=True,
        results=(
            requests.Skipped(id="a", code="ok", msg="x", until_ms=AT_MS, next_ms=AT_MS + 1),
            requests.Skipped(id="b", code="not_found"),
        ),
    ),
    "run.backfill": requests.RunBackfillReply(rev=9, replayed=True, run_ids=(RUN_ID,)),
    "run.start": requests.RunStartReply(rev=9, replayed=True, run_id=RUN_ID, state="queued"),
    "run.abort": requests.RunAbortReply(rev=9, replayed=True, state="stopping"),
    "run.get": requests.RunDetail(
        run=RUN,
        attempts=(RUN,),
        output_tail="bye",
        error_message="no route",
        stack_trace="Traceback",
        env_names=("TOKEN",),
        log_bytes=512,
        def_rev=4,
    ),
    "runs.page": requests.RunsPageReply(rows=(RUN,), next="abc"),
    "log.stat": requests.LogStatReply(
        streams=(requests.Stream(first=1, size=512, ended=True, gaps=((5, 9),)),)
    ),
    "log.read": requests.LogReadReply(offset=1, next=5, first=1, size=512, eof=True, skipped=4),
    "metrics.page": requests.MetricsPageReply(step_ms=5_000, times_ms=(1,), values=((0.5, None),)),
    "stats.get": requests.StatsReply(
        runs_24h=900,
        fails_24h=9,
        success_rate_24h=0.99,
        avg_ms=800,
        tasks=29,
        active_tasks=28,
        running=2,
        throughput_per_min=1.5,
    ),
    "op.get": requests.OpReply(
        op=OP, type="run.start", state="done", at_ms=AT_MS, code="conflict", run_id=RUN_ID
    ),
    "audit.page": requests.AuditPageReply(
        rows=(
            requests.AuditRow(
                id=1,
                at_ms=AT_MS,
                key_id=KEY_ID,
                label="Anna",
                role="admin",
                address="127.0.0.1",
                op=OP,
                type="run.start",
                target="sync.orders",
                args="{}",
                code="conflict",
                dur_ms=3,
            ),
        ),
        next="abc",
    ),
    "key.list": requests.KeyListReply(
        keys=(
            requests.KeyRow(
                key_id=KEY_ID,
                label="Anna",
                role="admin",
                enabled=False,
                created_ms=AT_MS,
                by="init",
                last_seen_ms=AT_MS,
                last_addr="127.0.0.1",
            ),
        )
    ),
    "key.revoke": requests.CommandReply(rev=9, replayed=True),
    "invite.create": requests.InviteReply(
        rev=9, replayed=True, invite_id="i1", text="smartcron://", expires_ms=AT_MS
    ),
    "agent.reload": requests.ReloadReply(rev=9, replayed=True, problems=("timezone = 'Moon'",)),
}
EVENTS: Final[dict[str, events.Heartbeat | events.Metric | rows.Delta]] = {
    "hb": events.Heartbeat(
        epoch=EPOCH,
        n=5,
        now_ms=AT_MS,
        up_ms=10_000,
        every_ms=2_000,
        revs=REVS,
        sum=events.Summary(
            tasks=29, enabled=28, running=2, queued=1, failing=1, late=1, warn=1, crit=1
        ),
        lag_ms=4,
        mode="draining",
    ),
    "delta": DELTA,
    "metric": events.Metric(
        now_ms=AT_MS,
        cpu=0.25,
        mem_rss=60_000_000,
        mem_share=0.5,
        load1=0.75,
        disk=(events.Disk(mount="/", used_share=0.9),),
        database_ms=2,
        running=2,
        started_60s=3,
        failed_60s=1,
    ),
}
ERROR: Final = ErrorBody(
    code="busy", msg="too many", retry="after", after_ms=500, detail={"limit": 8, "path": "$.x"}
)
