"""Does what the agent tells its database travel in the open?"""

from functools import partial
from typing import Final

from agent.clock import Clock
from agent.log import log_of
from agent.patience import Patience
from agent.recorder import Recorder
from agent.store.database import Database
from agent.store.engines import in_the_open
from agent.troubles import Trouble

log = log_of(__name__)

KIND: Final = "database_open"


async def tell_if_open(database: Database, recorder: Recorder, clock: Clock) -> None:
    """An alert for as long as it does."""
    patience = Patience(clock)
    said = in_the_open(database.url)
    if said is None:
        await patience.until_recorded(partial(recorder.resolve, KIND))
        return
    log.warning(said)
    trouble = Trouble(
        dedupe_key=KIND,
        kind=KIND,
        severity="high",
        title="The database is reached without encryption",
        message=said,
    )
    await patience.until_recorded(partial(recorder.alert, trouble))
