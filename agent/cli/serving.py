"""The command that serves a home; it loads nothing that only other commands need."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from agent.app import serve as run_agent
from agent.cli.session import Session, pass_session
from agent.errors import AgentError, AlreadyServing
from agent.log import log_of
from agent.logbook import open_logbook
from agent.settings import Home
from agent.wire import carrier

log = log_of(__name__)


@click.command()
@click.option("--quiet", is_flag=True, help="Log to the home's log files only.")
@click.option("--unless-stopped", is_flag=True, hidden=True)
@pass_session
def serve(session: Session, quiet: bool, unless_stopped: bool) -> None:
    """Run what is due until stopped; SIGTERM or Ctrl+C leave living runs to their keeper.

    \b
    Example:  smartcron-agent --home /var/lib/smartcron serve
    """
    with noted(session.home):
        settings = session.settings
        carrier.check()
        open_logbook(session.home, to_terminal=not quiet)
        asyncio.run(run_agent(session.home, settings, unless_stopped=unless_stopped))


@contextmanager
def noted(home: Home) -> Iterator[None]:
    """Why an agent did not start stands in errors.log too, where people look for it later."""
    try:
        yield
    except (AgentError, BaseExceptionGroup) as error:
        cause: BaseException = error
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        # That another agent serves is no trouble: crontab may ask every minute.
        is_trouble = isinstance(cause, AgentError) and not isinstance(cause, AlreadyServing)
        if is_trouble and home.logs.is_dir():
            open_logbook(home, to_terminal=False)
            log.error("the agent does not serve", cause=str(cause))
        raise


COMMANDS: Final = (serve,)
