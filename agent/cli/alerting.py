"""Who says that the agent is dead, when the agent cannot?"""

import asyncio

from agent.cli.session import Session
from agent.clock import SystemClock
from agent.recorder import Recorder
from agent.rules import alerting
from agent.rules.alerting import Trouble
from agent.running.redaction import Redactor
from agent.running.secrets import load_secrets
from agent.store import alerts
from agent.store.database import Database


def tell_stopped(session: Session, message: str) -> None:
    """Raise the alert and mail it from this process; once, however often it is found."""
    with session.database() as database:
        asyncio.run(_tell(session, database, alerting.stopped(message)))


def tell_back(session: Session) -> None:
    """End that alert when the agent lives after all; it may not know that it was raised."""
    with session.database() as database:
        if any(
            alert.dedupe_key == alerting.STOPPED_KEY
            for alert in database.read_now(alerts.open_alerts)
        ):
            asyncio.run(_tell(session, database, None))


async def _tell(session: Session, database: Database, trouble: Trouble | None) -> None:
    clock = SystemClock()
    recorder = Recorder(database, clock, lambda _shown: None)
    if trouble is None:
        await recorder.resolve(alerting.STOPPED_KEY)
    else:
        await recorder.alert(trouble)
    settings = session.settings
    if not settings.mail.is_on and not settings.channels:
        return
    # Only here: a look at a healthy agent needs no mail.
    from agent.courier import Courier

    known = load_secrets(session.home.secrets_file)
    redactor = Redactor(known.values())
    courier = Courier(
        clock=clock,
        database=database,
        recorder=recorder,
        mail=settings.mail,
        password=known.get(settings.mail.password_secret),
        agent=settings.agent_name,
        mask=lambda text: redactor.mask(text.encode(), is_end=True).decode(errors="replace"),
        is_away=lambda: False,
        channels=settings.channels,
        secrets=known,
        timezone=settings.timezone,
        # An agent that is gone tells nobody that nobody cares.
        escalation=settings.escalation,
        repeat_minutes=settings.repeat_minutes,
    )
    await courier.work_off()
