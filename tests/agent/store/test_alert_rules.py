"""Which own rules of alerts are there, and what were they before?"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import pytest
from sqlalchemy import text

from agent.alertrules import AlertRule, read_rule
from agent.errors import BadDefinition, Conflict, WrongUse
from agent.store import alert_rules, alerts
from agent.store.database import Database
from agent.troubles import Trouble
from tests.agent.store.makings import NOW_MS

QUIET = read_rule({"name": "quiet", "output_bytes_below": 1000, "task": "backup-*"})
EXACT = read_rule({"name": "exact", "success_rate_below": 0.1, "within_s": 3600})


def put(database: Database, rule: AlertRule, *, at_ms: int = NOW_MS) -> str:
    return database.write_now(partial(alert_rules.put, rule=rule, who="anna", now_ms=at_ms))


def found_by(database: Database, rule: AlertRule) -> None:
    trouble = Trouble(
        dedupe_key=f"rule:{rule.name}:backup-1",
        kind="own_rule",
        severity="medium",
        title="t",
        message="m",
        task_name="backup-1",
    )
    database.write_now(partial(alerts.raise_alert, trouble=trouble, now_ms=NOW_MS))


def test_a_rule_comes_back_as_it_was_put(database: Database) -> None:
    said = [put(database, QUIET), put(database, EXACT), put(database, QUIET)]

    rows = database.read_now(alert_rules.load_all)
    assert said == ["added", "added", "unchanged"]
    assert [row.rule for row in rows] == [EXACT, QUIET]
    assert {(row.rev, row.updated_ms, row.updated_by) for row in rows} == {(1, NOW_MS, "anna")}


def test_each_change_of_a_rule_is_a_version_also_its_removal(database: Database) -> None:
    louder = msgspec.structs.replace(QUIET, severity="high")
    put(database, QUIET)
    put(database, louder, at_ms=NOW_MS + 1)
    database.write_now(
        partial(alert_rules.set_enabled, name="quiet", enabled=False, who="bo", now_ms=NOW_MS + 2)
    )
    database.write_now(partial(alert_rules.remove, name="quiet", who="bo", now_ms=NOW_MS + 3))
    put(database, QUIET, at_ms=NOW_MS + 4)

    found = database.read_now(partial(alert_rules.versions, name="quiet"))
    off = msgspec.structs.replace(louder, enabled=False)
    assert [(one.rev, one.rule) for one in found] == [
        (5, QUIET),
        (4, None),
        (3, off),
        (2, louder),
        (1, QUIET),
    ]


def test_what_a_rule_found_ends_when_it_is_changed_disabled_or_removed(database: Database) -> None:
    put(database, QUIET)
    put(database, msgspec.structs.replace(QUIET, name="quiet-too"))
    found_by(database, QUIET)
    other = msgspec.structs.replace(QUIET, name="quiet-too")
    found_by(database, other)

    database.write_now(
        partial(alert_rules.set_enabled, name="quiet", enabled=False, who="bo", now_ms=NOW_MS)
    )

    left = database.read_now(alerts.open_alerts)
    assert [alert.dedupe_key for alert in left] == ["rule:quiet-too:backup-1"]


@pytest.mark.parametrize("act", ["get", "remove", "set_enabled"])
def test_a_rule_that_is_not_there_is_refused_with_a_way_out(database: Database, act: str) -> None:
    who = {"who": "bo", "now_ms": NOW_MS}
    more = {"get": {}, "remove": who, "set_enabled": who | {"enabled": True}}[act]

    with pytest.raises(WrongUse, match=r"no rule 'nosuch'; .*alerts rules list"):
        database.write_now(partial(getattr(alert_rules, act), name="nosuch", **more))


def test_what_cannot_be_is_refused_at_the_store_as_well(database: Database) -> None:
    with pytest.raises(BadDefinition):
        put(database, AlertRule(name="everything"))

    assert database.read_now(alert_rules.load_all) == ()


def test_there_is_an_end_to_the_number_of_rules(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_rules, "MOST", 1)
    put(database, QUIET)

    with pytest.raises(WrongUse, match="1 rules are kept at most"):
        put(database, EXACT)


@pytest.mark.parametrize("spoilt", ['{"name": "quiet", "task": "x"}', '{"name": "qui', "", "[1]"])
def test_a_row_that_a_hand_spoilt_is_left_out(database: Database, spoilt: str) -> None:
    put(database, QUIET)
    put(database, EXACT)
    database.write_now(
        lambda connection: connection.execute(
            text("UPDATE smart_cron_alert_rules SET definition = :it WHERE rule_name = 'quiet'"),
            {"it": spoilt},
        )
    )

    assert [row.rule for row in database.read_now(alert_rules.load_all)] == [EXACT]


def test_who_knows_an_old_version_changes_nothing_and_is_told_what_is_other(
    database: Database,
) -> None:
    def change(rule: AlertRule, base_rev: int, who: str) -> str:
        act = partial(alert_rules.put, rule=rule, who=who, now_ms=NOW_MS, base_rev=base_rev)
        return database.write_now(act)

    louder = msgspec.structs.replace(QUIET, severity="critical", task="shop-*")

    assert change(QUIET, 0, "anna") == "added"
    assert change(louder, 1, "otto") == "changed"
    with pytest.raises(Conflict, match="otto changed the rule 'quiet' meanwhile: severity is 'cri"):
        change(QUIET, 1, "anna")
    with pytest.raises(Conflict, match="by otto; choose another name"):
        change(QUIET, 0, "anna")
    remove = partial(alert_rules.remove, name="quiet", who="anna", now_ms=NOW_MS, base_rev=1)
    with pytest.raises(Conflict, match="task is 'shop-\\*', was 'backup-\\*'"):
        database.write_now(remove)
    assert database.read_now(partial(alert_rules.get, name="quiet")).rule == louder

    database.write_now(partial(alert_rules.remove, name="quiet", who="bo", now_ms=NOW_MS))
    with pytest.raises(Conflict, match="bo removed the rule 'quiet' meanwhile"):
        change(QUIET, 2, "anna")
    assert change(QUIET, 0, "anna") == "added"


@pytest.mark.parametrize("base_rev", [0, 1])
def test_of_several_who_save_in_the_same_moment_one_is_first_and_the_others_are_told(
    database: Database, base_rev: int
) -> None:
    if base_rev:
        put(database, QUIET)

    def save(number: int) -> str:
        rule = msgspec.structs.replace(QUIET, output_bytes_below=number + 1)
        act = partial(
            alert_rules.put, rule=rule, who=f"o{number}", now_ms=NOW_MS, base_rev=base_rev
        )
        try:
            return database.write_now(act)
        except Conflict as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(save, range(4)), key=len)

    assert said[0] == ("changed" if base_rev else "added")
    assert all("meanwhile" in one or "already" in one for one in said[1:])
    row = database.read_now(partial(alert_rules.get, name="quiet"))
    assert row.rev == base_rev + 1
