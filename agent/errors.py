"""What the agent refuses, in words a person can act on."""


class AgentError(Exception):
    """A refusal: `code` is its wire code, `exit_status` what the command line ends with."""

    code = "internal"
    exit_status = 1


class WrongUse(AgentError):
    """The caller asked for something that cannot be; asking otherwise helps."""

    code = "bad_request"
    exit_status = 2


class BadDefinition(WrongUse):
    """A task definition names a field whose value cannot be accepted."""

    def __init__(self, field: str, value: object, fix: str, *, where: str = "") -> None:
        self.field = field
        self.value = value
        self.fix = fix
        self.where = where
        shown = repr(value)
        if len(shown) > 80:
            shown = f"{shown[:76]}...{shown[-1]}"
        begin = f"{where}: " if where else ""
        # What is not there is no value that somebody wrote.
        said = field if value is None else f"{field} = {shown}"
        super().__init__(f"{begin}{said}: {fix}")


class TaskNotFound(WrongUse):
    """No task has this name."""

    code = "not_found"

    def __init__(self, task_name: str) -> None:
        super().__init__(
            f"there is no task {task_name!r}; `smartcron-agent tasks list` shows them all"
        )


class RunNotFound(WrongUse):
    """No run has this id."""

    code = "not_found"

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"there is no run {run_id!r}; `smartcron-agent runs list` shows the newest"
        )


class AlertNotFound(WrongUse):
    """No alert has this id."""

    code = "not_found"

    def __init__(self, alert_id: str) -> None:
        super().__init__(
            f"there is no alert {alert_id!r}; `smartcron-agent alerts list --all` shows the newest"
        )


class CalendarNotFound(WrongUse):
    """No calendar has this name."""

    code = "not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is no calendar {name!r}; `smartcron-agent calendars list` shows them all"
        )


class CheckNotFound(WrongUse):
    """No own check has this name."""

    code = "not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is no check {name!r}; `smartcron-agent checks list` shows them all"
        )


class Conflict(AgentError):
    """The state of the thing does not allow this now."""

    code = "conflict"


class Refused(AgentError):
    """A wire answer with its own code."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        if code in ("bad_request", "not_found"):
            self.exit_status = WrongUse.exit_status
        super().__init__(message)


class HomeError(AgentError):
    """The home folder, or a file in it, cannot be used."""


class StorageError(AgentError):
    """The database cannot be used."""


class Unreachable(StorageError):
    """The database takes nothing now, and may take it later without anybody's doing."""


class DatabaseAway(Unreachable):
    """The database is known not to answer; nothing was done, and it may be asked again."""

    code = "busy"

    def __init__(self, cause: str = "it does not answer") -> None:
        super().__init__(f"the database is away ({cause}); try again when it is back")


class Damaged(StorageError):
    """The file of the database is damaged: nothing is read from it or written to it as it is."""


class DiskFull(StorageError):
    """The disk has no room for it."""


class NotStorable(StorageError):
    """The database takes no such value; asking again does not help."""


class AlreadyServing(AgentError):
    """Another agent works on this home."""

    code = "conflict"
    exit_status = 75  # EX_TEMPFAIL: not an error of the caller, try again later
