"""Commands about own rules: what do people want to be told of beside what is built in?"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import click
import msgspec

from agent.alertrules import AlertRule, as_toml, load_rules, read_words
from agent.cli import say
from agent.cli.closing import who_asks
from agent.cli.groups import Group
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.errors import WrongUse
from agent.rehearsal import Rehearsal, rehearse
from agent.rulemaking import DAY_MS, MOST_DAYS, check_patterns, doubting
from agent.store import alert_rules as store
from agent.store import tasks
from agent.store.alert_rules import RuleRow
from agent.store.database import Database

SHOWN: Final = 20

_file = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A TOML file of [[rule]] tables.",
)


@click.group("rules", cls=Group)
def rules() -> None:
    """Own rules: be told of more than what is built in, and try a rule on what happened.

    \b
    Examples:
      smartcron-agent alerts rules add small task='db-*' output_bytes_below=1000
      smartcron-agent alerts rules test too-quiet --days 30
    """


@rules.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the rules, and what is doubtful about each.

    \b
    Example:  smartcron-agent alerts rules list
    """
    with session.database() as database:
        rows = database.read_now(store.load_all)
        doubtful = database.read_now(doubting([row.rule for row in rows]))
    if as_json:
        say.json_out([_as_json(row) | {"doubts": doubtful[row.rule.name]} for row in rows])
        return
    say.table(
        ["Rule", "Severity", "State", "About", "Holds when", "Changed", "By"],
        [
            [
                row.rule.name,
                row.rule.severity,
                "enabled" if row.rule.enabled else "disabled",
                _about(row.rule),
                _condition(row.rule),
                say.moment(row.updated_ms),
                row.updated_by,
            ]
            for row in rows
        ],
        empty="no rule yet; `smartcron-agent alerts rules add --help` shows how to make one",
    )
    _say_doubts(doubtful)


@rules.command()
@click.argument("name", required=False)
@click.option("--versions", is_flag=True, help="Instead: what it was, newest first.")
@json_option
@pass_session
def show(session: Session, name: str | None, versions: bool, as_json: bool) -> None:
    """Show the rule NAME, or all, as the file that `add --file` takes.

    \b
    Example:  smartcron-agent alerts rules show > rules.toml
    """
    with session.database() as database:
        if versions:
            _show_versions(database, name, as_json=as_json)
            return
        rows = (
            database.read_now(store.load_all)
            if name is None
            else (database.read_now(partial(store.get, name=name)),)
        )
    if as_json:
        say.json_out([_as_json(row) for row in rows])
        return
    click.echo(as_toml(row.rule for row in rows), nl=False)


@rules.command()
@click.argument("name", required=False)
@click.argument("words", metavar="[FIELD=VALUE]...", nargs=-1)
@_file
@json_option
@pass_session
def add(
    session: Session, name: str | None, words: tuple[str, ...], path: Path | None, as_json: bool
) -> None:
    """Make the rule NAME of these fields, or the rules of a file; one of the same name is changed.

    \b
    Fields: severity title enabled; about task (with * and ?) category tag host;
      a run that ended:  status exit_status attempt_from longer_than_s
                         shorter_than_s output_has output_lacks
                         output_bytes_below output_bytes_above
      its last moments:  failures of_last
      a span:            success_rate_below within_s runs_from
      silence:           no_success_for_s
      a series:          metric above below for_s
    Lengths (what ends with _s) are written as 90s, 10m, 2h or 1d.
    Examples:
      smartcron-agent alerts rules add small task='db-*' output_bytes_below=1000
      smartcron-agent alerts rules add shaky failures=3 of_last=10 severity=high
      smartcron-agent alerts rules add stale task=sync no_success_for_s=2h
      smartcron-agent alerts rules add hot metric=cpu above=0.9 for_s=10m
    """
    found = _wanted(name, words, path)
    with session.database() as database:
        made = database.write_now(
            lambda connection: {
                rule.name: store.put(connection, rule, who=who_asks(), now_ms=now_ms())
                for rule in found
            }
        )
        doubtful = database.read_now(doubting(found))
    tell_agent(session)
    if as_json:
        say.json_out({"rules": made, "doubts": doubtful})
        return
    for rule in found:
        say.good(f"{made[rule.name]} {rule.name}: {_about(rule)}, {_condition(rule)}")
    _say_doubts(doubtful)


@rules.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str, as_json: bool) -> None:
    """Forget the rule NAME; what it found is over.

    \b
    Example:  smartcron-agent alerts rules remove too-quiet
    """
    with session.database() as database:
        database.write_now(partial(store.remove, name=name, who=who_asks(), now_ms=now_ms()))
    tell_agent(session)
    if as_json:
        say.json_out({"removed": name})
        return
    say.good(f"removed {name}")


@rules.command()
@click.argument("name")
@json_option
@pass_session
def enable(session: Session, name: str, as_json: bool) -> None:
    """Let the rule NAME hold again.

    \b
    Example:  smartcron-agent alerts rules enable too-quiet
    """
    _switch(session, name, enabled=True, as_json=as_json)


@rules.command()
@click.argument("name")
@json_option
@pass_session
def disable(session: Session, name: str, as_json: bool) -> None:
    """Keep the rule NAME, but let it rest; what it found is over.

    \b
    Example:  smartcron-agent alerts rules disable too-quiet
    """
    _switch(session, name, enabled=False, as_json=as_json)


@rules.command()
@click.argument("name", required=False)
@_file
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=7,
    show_default=True,
    help="How far back it looks.",
)
@json_option
@pass_session
def test(session: Session, name: str | None, path: Path | None, days: int, as_json: bool) -> None:
    """Say on which past records the rule NAME, or those of a file, would have fired.

    \b
    Example:  smartcron-agent alerts rules test too-quiet --days 30
    """
    if (name is None) == (path is None):
        raise WrongUse("NAME, --file: name one rule, or a file of rules, to try")
    asked_ms = now_ms()
    with session.database() as database:
        if path is not None:
            found = _wanted(None, (), path)
        else:
            found = [database.read_now(partial(store.get, name=name or "")).rule]
        known = database.read_now(tasks.load_all)
        told = [
            rehearse(database, rule, known, from_ms=asked_ms - days * DAY_MS, now_ms=asked_ms)
            for rule in found
        ]
    if as_json:
        say.json_out([msgspec.to_builtins(one) for one in told])
        return
    for one in told:
        _show(one, days)


def _show(one: Rehearsal, days: int) -> None:
    span = f"in the last {days} days" if days > 1 else "in the last day"
    rows = "1 alert" if one.alerts == 1 else f"{one.alerts} alerts"
    fired = "once" if one.fired == 1 else f"{one.fired} times"
    click.echo(
        f"{one.rule}: would have fired {fired} {span}, in {rows}; {one.looked_at} records looked at"
    )
    if one.is_cut:
        say.warn("there are more records than are looked at; --days with a smaller number has all")
    if one.records:
        say.table(
            ["When", "Task", "Run", "Message"],
            [
                [say.moment(fired.at_ms), fired.task_name, fired.run_id or "", fired.message]
                for fired in one.records[:SHOWN]
            ],
            empty="",
        )
    if one.fired > SHOWN:
        click.echo(f"and {one.fired - SHOWN} before these")


def _show_versions(database: Database, name: str | None, *, as_json: bool) -> None:
    if name is None:
        raise WrongUse("--versions: name the rule whose versions are meant")
    found = database.read_now(partial(store.versions, name=name))
    if not found:
        raise WrongUse(f"there was no rule {name[:100]!r}; `alerts rules list` shows them all")
    if as_json:
        say.json_out([msgspec.to_builtins(one) for one in found])
        return
    say.table(
        ["Version", "When", "By", "Rule"],
        [
            [
                one.rev,
                say.moment(one.changed_ms),
                one.changed_by,
                "removed" if one.rule is None else f"{_about(one.rule)}, {_condition(one.rule)}",
            ]
            for one in found
        ],
        empty="",
    )


def _switch(session: Session, name: str, *, enabled: bool, as_json: bool) -> None:
    with session.database() as database:
        row = database.write_now(
            partial(store.set_enabled, name=name, enabled=enabled, who=who_asks(), now_ms=now_ms())
        )
    tell_agent(session)
    if as_json:
        say.json_out(_as_json(row))
        return
    say.good(f"{name} {'enabled' if enabled else 'disabled'}")


def _wanted(name: str | None, words: Sequence[str], path: Path | None) -> list[AlertRule]:
    if path is not None:
        if name is not None:
            raise WrongUse("--file: the file names its rules; leave NAME out")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUse(f"{path} cannot be read as UTF-8 text: {error}") from error
        found = load_rules(text, str(path))
    elif name is None:
        raise WrongUse("NAME: name the rule and its fields, or a --file of rules")
    else:
        found = [read_words(name, words)]
    for rule in found:
        check_patterns(rule)
    return found


def _say_doubts(found: dict[str, tuple[str, ...]]) -> None:
    for name, sentences in found.items():
        for sentence in sentences:
            say.warn(f"{name} {sentence}")


def _as_json(row: RuleRow) -> dict[str, object]:
    return {
        **msgspec.to_builtins(row.rule),
        "severity": row.rule.severity,
        "enabled": row.rule.enabled,
        "rev": row.rev,
        "updated_ms": row.updated_ms,
        "updated_by": row.updated_by,
    }


def _about(rule: AlertRule) -> str:
    if rule.is_of_host:
        return "the host"
    parts = ["all tasks" if rule.task == "*" else rule.task]
    parts += [
        f"{field} {getattr(rule, field)}"
        for field in ("category", "tag", "host")
        if getattr(rule, field) is not None
    ]
    return ", ".join(parts)


def _condition(rule: AlertRule) -> str:
    about = {"name", "title", "severity", "enabled", "task", "category", "tag", "host"}
    given = msgspec.to_builtins(rule).items()
    return ", ".join(
        f"{field} {','.join(map(str, value)) if isinstance(value, (list, tuple)) else value}"
        for field, value in given
        if field not in about
    )
