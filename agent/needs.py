"""Which secrets do the settings name that are not there, and who hears of it?"""

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from agent.core import Core
from agent.log import log_of
from agent.patience import Patience
from agent.running.secrets import load_secrets
from agent.settings import Settings
from agent.troubles import MESSAGE_CHARS, Trouble

log = log_of(__name__)

KEY: Final = "secrets_missing"


class Needs:
    """Says it as the agent starts: what is due runs all the same, but somebody may not be told."""

    def __init__(self, core: Core) -> None:
        self._recorder = core.recorder
        self._patience = Patience(core.clock)
        path = core.home.secrets_file
        self._missing = tuple(missing(core.settings, load_secrets(path), path))

    async def run(self) -> None:
        """Raise the alert, or end it where an earlier agent raised it."""
        for sentence in self._missing:
            log.error("a secret is missing", cause=sentence)
        if not self._missing:
            await self._patience.until_recorded(partial(self._recorder.resolve, KEY))
            return
        trouble = Trouble(
            dedupe_key=KEY,
            kind=KEY,
            severity="high",
            title="Secrets that the settings name are missing",
            message="; ".join(self._missing)[:MESSAGE_CHARS],
        )
        await self._patience.until_recorded(partial(self._recorder.alert, trouble))


def missing(settings: Settings, known: Collection[str], path: Path) -> Iterator[str]:
    """A sentence for each name that stands for nothing, with the way out."""
    named = {
        "mail.password_secret": settings.mail.password_secret,
        "dead_man.url_secret": settings.dead_man.url_secret,
        **{f"channels.{one.name}.secret": one.secret for one in settings.channels},
        **{
            f"backup_databases.{one.name}.password_secret": one.password_secret
            for one in settings.backup_databases
        },
    }
    for field, name in named.items():
        if name and name not in known:
            yield (
                f"{field} = {name!r}: {path} has no such name; write {name} = '...' there, "
                "then start the agent anew"
            )
