"""What every command needs: the home, its settings, its database, the agent that serves it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import click

from agent.errors import Conflict, HomeError, WrongUse
from agent.lock import is_served
from agent.settings import Home, Settings, load_settings
from agent.store.database import Database, database_url
from agent.store.ready import open_ready
from agent.wire.caller import Caller, new_op
from agent.wire.keyfiles import AGENT_KEY, LOCAL_KEY, load_pair
from shared.protocol.keys import Address
from shared.protocol.requests import AgentReload

# Listening everywhere includes here.
_LOCAL_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}  # noqa: S104 - not bound

T = TypeVar("T", bound=Callable[..., Any])


class Session:
    """One call of the command line."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.moved_to: str | None = None
        """The database into which this call has copied that of the home."""
        self.touched: tuple[str, ...] = ()
        """The tasks that this call is about, where its own words are patterns or a category."""

    @cached_property
    def settings(self) -> Settings:
        """The owner's choices; raises WrongUse naming the field."""
        self.home.check()
        return load_settings(self.home)

    def settle(self) -> str:
        """Go on by the settings with which an agent last began, where those of now are of no use.

        Why they are, then; raises that where no agent ever began.
        """
        try:
            self.settings  # noqa: B018 - they are read, and kept, by asking for them
        except (HomeError, WrongUse) as error:
            from agent.store.standby import Copy  # every command would start with all of that

            held = Copy(self.home.journal_file.parent).read_settings()
            if held is None:
                raise
            self.__dict__["settings"] = held  # where a cached property keeps its value
            return str(error)
        return ""

    @contextmanager
    def database(self, *, migrate: bool = False) -> Iterator[Database]:
        """The database of this home; refused when there is none, or a newer one.

        With `migrate` an older one is lifted, after a copy of it.
        """
        url = database_url(self.settings, self.home)
        database = (
            open_ready(url, folder=self.home.backups, agent_id="")
            if migrate
            else Database.open(url, migrate=False)
        )
        try:
            yield database
        finally:
            database.close()

    @property
    def is_served(self) -> bool:
        """An agent works on this home now."""
        return is_served(self.home)

    @contextmanager
    def agent(self, *, purpose: str) -> Iterator[Caller]:
        """The agent that serves this home; raises Conflict when there is none."""
        self.home.check()
        if not self.is_served:
            raise Conflict(
                f"no agent serves home {str(self.home.root)!r}, and only an agent can {purpose}; "
                f"start it with `smartcron-agent --home {self.home.root} serve`"
            )
        agent_key = load_pair(self.home.keys / AGENT_KEY)
        local_key = load_pair(self.home.keys / LOCAL_KEY)
        host = _LOCAL_HOSTS.get(self.settings.listen, self.settings.listen)
        address = str(Address(host, self.settings.control_port))
        with Caller(address, agent_key.public, local_key.secret) as caller:
            yield caller


pass_session = click.make_pass_decorator(Session)


def json_option(command: T) -> T:
    """`--json`: the answer for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def tell_agent(session: Session) -> None:
    """Let a living agent take over what was changed in the database."""
    if not session.is_served:
        return
    with session.agent(purpose="take over the change") as agent:
        agent.call(AgentReload(op=new_op(), expires_ms=agent.expires_ms()))
