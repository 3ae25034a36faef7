"""Which function answers which request: the whole list."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeAlias

from agent.handlers import (
    admin,
    alerts,
    defining,
    figures,
    keys,
    logs,
    planning,
    runs,
    session,
    standing,
    tasks,
    timeline,
)
from agent.handlers.context import Context
from agent.wire.control import Answer, Handler
from agent.wire.operations import Done
from agent.wire.sessions import Who
from shared.protocol import alerting, health, requests
from shared.protocol import defining as wire_defining
from shared.protocol import planning as wire
from shared.protocol import timeline as course
from shared.protocol.requests import AnyReply, Request

_Function: TypeAlias = Callable[[Context, Who, Any], Awaitable[AnyReply | Answer | Done]]

HANDLERS: Final[dict[type[Request], _Function]] = {
    requests.Hello: session.hello,
    requests.Ping: session.ping,
    requests.Sync: session.sync,
    requests.Enroll: keys.enroll,
    requests.TaskGet: tasks.get,
    requests.SchedulePreview: planning.preview,
    wire.ScheduleNext: planning.coming,
    wire.ScheduleForecast: planning.forecast,
    wire.ScheduleWhatIf: planning.what_if,
    wire.ScheduleWhy: planning.why,
    wire.PausePreview: planning.pause,
    wire_defining.TaskDefinition: defining.get,
    wire_defining.TaskVersions: defining.versions,
    wire_defining.TaskCheck: defining.check,
    wire_defining.TaskPut: defining.put,
    wire_defining.TaskDelete: defining.delete,
    requests.TaskSet: tasks.change,
    requests.TaskSkip: tasks.skip,
    requests.RunStart: runs.start,
    requests.RunBackfill: runs.backfill,
    requests.RunAbort: runs.abort,
    requests.RunRetry: runs.retry,
    requests.TaskPing: runs.ping,
    requests.RunGet: runs.get,
    requests.RunSamples: runs.samples_of,
    requests.RunsPage: runs.page,
    course.TimelineRuns: timeline.runs,
    course.TimelineHours: timeline.hours,
    requests.LogStat: logs.stat,
    requests.LogRead: logs.read,
    requests.LogSearch: logs.search,
    requests.MetricsPage: figures.page,
    requests.StatsGet: figures.stats,
    health.HealthGet: figures.health,
    alerting.AlertsPage: alerts.page,
    alerting.AlertGet: alerts.get,
    alerting.AlertAck: alerts.ack,
    alerting.AlertSnooze: alerts.snooze,
    alerting.AlertResolve: alerts.resolve,
    alerting.AlertReopen: alerts.reopen,
    alerting.AlertNote: alerts.note,
    alerting.AlertsRules: standing.rules,
    alerting.RuleTry: standing.try_rule,
    alerting.RuleSet: standing.set_rule,
    alerting.RuleRemove: standing.remove_rule,
    alerting.QuietTry: standing.try_quiet,
    alerting.QuietSet: standing.set_quiet,
    alerting.QuietRemove: standing.remove_quiet,
    alerting.DeliveriesPage: alerts.deliveries,
    alerting.WayTest: alerts.try_way,
    requests.OpGet: admin.op,
    requests.AuditPage: admin.audit_page,
    requests.KeyList: keys.show,
    requests.KeyRevoke: keys.revoke,
    requests.InviteCreate: keys.invite,
    requests.AgentReload: admin.reload,
}


def handlers(context: Context) -> dict[str, Handler]:
    """The functions by the word in the header, each with what it works with."""
    return {request.type: partial(answer, context) for request, answer in HANDLERS.items()}
