"""The door of the command line: options for all, refusals as one sentence."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from agent import __version__, litter
from agent.cli.groups import Group
from agent.cli.session import Session
from agent.errors import AgentError
from agent.log import log_of
from agent.logbook import only_bad_to_stderr, open_logbook
from agent.settings import HOME_VARIABLE, Home, default_home

log = log_of(__name__)

# Which room has which command: only that one is imported, so that the agent stays small.
ROOMS: Final = {
    "alerts": "alerts",
    "audit": "audit",
    "calendars": "calendars",
    "checks": "checks",
    "cleanup": "storage",
    "db": "storage",
    "demo": "demo",
    "diagnostics": "diagnostics",
    "events": "events",
    "exec": "pinging",
    "export": "exchange",
    "files": "files",
    "forecast": "forecast",
    "health": "health",
    "hold": "holding",
    "import": "exchange",
    "init": "setup",
    "invite": "access",
    "keys": "access",
    "ledger": "ledger",
    "logs": "files",
    "metrics": "metrics",
    "next": "coming",
    "ping": "pinging",
    "release": "holding",
    "report": "reports",
    "runs": "runs",
    "serve": "serving",
    "start": "stopping",
    "stats": "stats",
    "status": "health",
    "stop": "stopping",
    "tasks": "tasks",
    "tick": "ticking",
    "why": "why",
}

# Those of which some part changes something; agent/cli/auditing.py names the parts.
CHANGING: Final = frozenset(
    {
        "alerts", "calendars", "checks", "cleanup", "db", "hold", "import", "invite", "keys",
        "logs", "release", "runs", "start", "stop", "tasks",
    }
)  # fmt: skip


class _Rooms(Group):
    """Finds a command in its room when it is asked for; a fault in it comes out as a sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - the last guard; what has no sentence is logged
            return _say(error, ctx.obj)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(ROOMS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; one that is nearly it is named in the refusal."""
        if args[0] not in ROOMS and not args[0].startswith("-"):
            raise click.NoSuchCommand(args[0], possibilities=list(ROOMS), ctx=ctx)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ROOMS:
            return None
        commands: tuple[click.Command, ...] = import_module(f"agent.cli.{ROOMS[cmd_name]}").COMMANDS
        found = next(command for command in commands if command.name == cmd_name)
        # All is imported that stays (agent/__main__.py has waited for it).
        litter.settle()
        if cmd_name not in CHANGING:
            return found
        # Imported only where something may have to be written down.
        watched: click.Command = import_module("agent.cli.auditing").watched(found, cmd_name)
        return watched


def _say(error: BaseException, session: Session) -> int:
    """Say what was refused or failed; the exit status that goes with it."""
    while isinstance(error, BaseExceptionGroup):
        refusals, others = error.split(AgentError)
        error = (refusals or others or error).exceptions[0]
    if isinstance(error, AgentError):
        # Only here: who makes no mistake needs none of it.
        from agent.cli.nearly import meant

        click.echo(f"smartcron-agent: {error}{meant(session, error)}", err=True)
        return error.exit_status
    if isinstance(error, OSError) and error.filename is not None:
        click.echo(f"smartcron-agent: {error.filename}: {error.strerror}", err=True)
        return 1
    sentence = f"failed by a fault of its own ({type(error).__name__}: {error})"
    if session.home.logs.is_dir():
        open_logbook(session.home, to_terminal=False)
        log.error("a command failed", exc_info=error)
        sentence += f"; please report it with its trace in {session.home.logs / 'errors.log'}"
    click.echo(f"smartcron-agent: {sentence}", err=True)
    return 1


def _tell_version(context: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        from agent.wire import carrier  # only here: every command comes by, few need it

        click.echo(f"smartcron-agent, version {__version__} (libzmq {carrier.version()})")
        context.exit()


@click.group(
    cls=_Rooms,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=HOME_VARIABLE,
    help="Folder that holds everything of this agent (else SMARTCRON_HOME, else the "
    "state folder of your user).",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version, and that of what carries its messages, and exit.",
)
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Run scheduled tasks, never miss one, and prove it.

    \b
    Examples:
      smartcron-agent init              make a home: database, keys, first invite
      smartcron-agent tasks register    add the catalogue of 29 tasks
      smartcron-agent serve             run what is due, until stopped
      smartcron-agent status --watch    look at it
    """
    context.obj = Session(Home((home or default_home()).expanduser().absolute()))


def main() -> None:
    """Run the command line; wrong use ends with 2, failure with 1."""
    only_bad_to_stderr()  # until a command says otherwise
    try:
        status = cli.main(prog_name="smartcron-agent", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("smartcron-agent: stopped", err=True)
        sys.exit(130)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)
