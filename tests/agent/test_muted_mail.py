"""Does a window keep the mail still that leaves without the database, and only until its end?"""

from functools import partial

from agent.alerter import Alerter
from agent.courier import Courier
from agent.postbox import Mail
from agent.recorder import Shown
from agent.rules.muting import Mute
from agent.store import mutes
from agent.store.writes import Raise
from agent.troubles import Trouble
from tests.agent.store.makings import HOUR_MS, NOW_MS
from tests.agent.workshop import Workshop
from tests.postoffice import mail_server

AWAY = Trouble(
    dedupe_key="database_away",
    kind="database_away",
    severity="critical",
    title="Database unreachable",
    message="it does not answer",
)


async def test_a_database_that_is_away_within_a_window_is_mailed_at_its_end_alone(
    workshop: Workshop,
) -> None:
    window = Mute(
        id="01J0000000000000000000MUTE",
        from_ms=NOW_MS,
        to_ms=NOW_MS + HOUR_MS,
        reason="new server",
        made_ms=NOW_MS,
        made_by="anna",
    )
    await workshop.database.write(partial(mutes.add, mute=window))
    alerter = Alerter(
        clock=workshop.clock,
        database=workshop.database,
        recorder=workshop.recorder,
        priority=lambda _name: 1,
        durations_ms=lambda _name: (),
        waiting=lambda: (0, None),
        roster=workshop.roster,
    )
    await alerter.renew()
    with mail_server() as sink:
        courier = Courier(
            clock=workshop.clock,
            database=workshop.database,
            recorder=workshop.recorder,
            mail=Mail(
                host="127.0.0.1",
                port=sink.port,
                security="plain",
                sender="cron@example.org",
                recipients=("anna@example.org",),
            ),
            password=None,
            agent="shop",
            mask=str,
            is_away=lambda: True,
            is_muted=alerter.is_muted,
        )

        courier.note(Shown(alerts=(Raise(trouble=AWAY, now_ms=NOW_MS).assumed(),)))
        again_ms = await courier.work_off()
        during = list(sink.mails)
        workshop.clock.advance(HOUR_MS)
        await courier.work_off()

    assert during == []
    assert again_ms is not None
    assert again_ms <= NOW_MS + HOUR_MS
    assert "Database unreachable" in sink.text()
