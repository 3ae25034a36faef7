"""What the window asks of the outside.

Connect these to whatever talks to the agent:
    run_requested(task_id)              stop_requested(run_id)  try_again_requested(run_id)
    pause_requested(ids, until_ms|None, reason|None, done(), failed(text, path))
    backfill_requested(task_id, moments_ms, reason|None, done(run_ids), failed(text, path))
    question_asked(request, answered(reply), failed(text, path))
    alerts_ordered(command, said when done, commands that take it back)
    standing_ordered(command, said when done, back(reply), taken(reply), failed(text, path))
    resume_requested(ids)               skip_requested(ids)
    enable_requested(ids)               disable_requested(ids)
    detail_requested(task_id)           the newest `task.get` of the task now shown
    history_requested(task_id|"")       the newest runs of a task, or of all
    run_detail_requested(run_id)        the row of a run that is not known here
    log_requested(run_id)               show this run's log, from its tail, and go on
    log_closed(run_id)                  nobody looks at it any more
    refresh_requested()                 F5: ask for everything anew
    retry_requested()                   "Try now"
    connections_requested()             the list of connections
    agent_requested(agent id)           look at that agent from now on
    undo_requested()                    take the last reversible act back
    theme_chosen(choice)                remember the appearance
    compact_chosen(bool)                remember the density
    metrics_requested()                 the server's samples of the last hour
"""

from PySide6.QtCore import Signal

from desktop.frame import Frame


class Outlets(Frame):
    """Panels in their places, and every wish that leaves them."""

    run_requested = Signal(str)
    stop_requested = Signal(str)
    try_again_requested = Signal(str)
    pause_requested = Signal(list, object, object, object, object)
    backfill_requested = Signal(str, list, object, object, object)
    question_asked = Signal(object, object, object)
    alerts_ordered = Signal(object, str, object)
    standing_ordered = Signal(object, str, object, object, object)
    resume_requested = Signal(list)
    skip_requested = Signal(list)
    enable_requested = Signal(list)
    disable_requested = Signal(list)
    detail_requested = Signal(str)
    history_requested = Signal(str)
    run_detail_requested = Signal(str)
    log_requested = Signal(str)
    log_closed = Signal(str)
    refresh_requested = Signal()
    retry_requested = Signal()
    connections_requested = Signal()
    agent_requested = Signal(str)
    undo_requested = Signal()
    theme_chosen = Signal(str)
    compact_chosen = Signal(bool)
    metrics_requested = Signal()
