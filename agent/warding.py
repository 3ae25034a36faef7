"""Does what the agent tells its database travel in the open?"""

from typing import Final

import structlog

from agent.errors import AgentError
from agent.recorder import Recorder
from agent.store.database import Database
from agent.store.engines import in_the_open
from agent.troubles import Trouble

log = structlog.get_logger(__name__)

KIND: Final = "database_open"


async def tell_if_open(database: Database, recorder: Recorder) -> None:
    """An alert for as long as it does."""
    said = in_the_open(database.url)
    try:
        if said is None:
            await recorder.resolve(KIND)
            return
        log.warning(said)
        await recorder.alert(
            Trouble(
                dedupe_key=KIND,
                kind=KIND,
                severity="high",
                title="The database is reached without encryption",
                message=said,
            )
        )
    except AgentError as error:
        log.error("whether the way to the database is open is not recorded", cause=str(error))
