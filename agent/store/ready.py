"""How is a database opened for work: made when it is new, lifted after a copy when it is old?"""

import time
from pathlib import Path

from agent.errors import StorageError
from agent.store.database import Database
from agent.store.upgrading import KNOWN


def open_ready(url: str, *, folder: Path, agent_id: str, copies: bool = True) -> Database:
    """The database at our version; an older one is copied into `folder` before it is lifted.

    Raises StorageError; what could not be copied is not lifted either.
    """

    def copy(found: str) -> Path:
        from agent.store import backups  # only here: mostly there is nothing to lift

        try:
            made = backups.make(
                url,
                folder,
                now_ms=time.time_ns() // 1_000_000,
                prove=None,
                label=f"before-{KNOWN}",
            )
        except StorageError as error:
            raise StorageError(
                f"{error}; a database of version {found} is not brought to {KNOWN} without a "
                "copy: mend that, or run `smartcron-agent db upgrade --no-backup`"
            ) from error
        return made.path

    return Database.open(
        url, migrate=True, before_upgrade=copy if copies else None, agent_id=agent_id
    )
