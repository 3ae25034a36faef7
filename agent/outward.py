"""What reaches out of an agent: to people, to a watch service, to what its owner has it check?"""

from typing import TYPE_CHECKING

from agent.core import Core
from agent.health.checking import Checking
from agent.health.ownchecks import OwnChecks
from agent.running.secrets import load_secrets

if TYPE_CHECKING:
    from agent.courier import Courier
    from agent.lifesign import Lifesign


def courier_of(core: Core) -> "Courier | None":
    """Whoever tells people that watch no screen; what that needs is in memory only then."""
    settings = core.settings
    if not settings.mail.is_on and not settings.channels:
        return None
    from agent.courier import Courier

    known = load_secrets(core.home.secrets_file)
    courier = Courier(
        clock=core.clock,
        database=core.database,
        recorder=core.recorder,
        mail=settings.mail,
        password=known.get(settings.mail.password_secret),
        agent=settings.agent_name,
        mask=lambda text: core.redactor.mask(text.encode(), is_end=True).decode(errors="replace"),
        is_away=lambda: not core.outage.is_over,
        is_muted=core.alerter.is_muted,
        channels=settings.channels,
        secrets=known,
        escalation=settings.escalation,
        repeat_minutes=settings.repeat_minutes,
        timezone=settings.timezone,
        templates=core.home.templates,
    )
    core.listeners.append(courier.note)
    core.wakers.append(courier.wake)
    return courier


def lifesign_of(core: Core) -> "Lifesign | None":
    """Whoever tells a watch service that this agent lives."""
    dead_man = core.settings.dead_man
    if not dead_man.is_on:
        return None
    from agent.lifesign import Lifesign, hindrance

    return Lifesign(
        clock=core.clock,
        recorder=core.recorder,
        dead_man=dead_man,
        url=dead_man.url or load_secrets(core.home.secrets_file).get(dead_man.url_secret, ""),
        hindrance=lambda: hindrance(
            takes_writes=core.outage.is_over,
            oldest_write_ms=core.database.waiting[1],
            first_due_ms=core.scheduler.first_due_ms(),
            now_ms=core.clock.now_ms(),
        ),
    )


def own_checks_of(core: Core) -> OwnChecks:
    """Whoever does the checks that the owner has added."""
    return OwnChecks(
        clock=core.clock,
        database=core.database,
        recorder=core.recorder,
        checking=Checking(
            home=core.home,
            settings=core.settings,
            secrets=load_secrets(core.home.secrets_file),
            mask=core.redactor.mask_text,
        ),
        show=core.alerter.note_checks,
        gone=core.board.forget_check,
    )
