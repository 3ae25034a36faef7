"""Commands about checks of the owner's own: add, list, try, remove."""

import asyncio
import sys
from functools import partial
from typing import Any, Final

import click
import msgspec

from agent.cli import say
from agent.cli.closing import who_asks
from agent.cli.groups import Group
from agent.cli.lengths import Length
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session, tell_agent
from agent.errors import BadDefinition
from agent.health.checking import Checking, Finding
from agent.ownchecks import PREFIX, Kind, OwnCheck, check
from agent.rules.alerting import key_of_check
from agent.rules.thresholds import CRIT, OK
from agent.running.patterns import own_patterns
from agent.running.redaction import Redactor
from agent.running.secrets import load_secrets
from agent.store import alerts
from agent.store import checks as found_checks
from agent.store import ownchecks as store
from agent.store.checks import Check


@click.group("checks", cls=Group)
def checks() -> None:
    """Checks of your own: commands as for Nagios, web pages, ports, certificates.

    \b
    Examples:
      smartcron-agent checks add shop --url https://example.org/ --contains Hi
      smartcron-agent checks list
    """


@checks.command()
@click.argument("name")
@click.argument("command", nargs=-1)
@click.option("--url", help="A web page that must answer; https is verified.")
@click.option("--status", type=int, help="Its status; else 200 to 399.")
@click.option("--contains", help="What must stand in it.")
@click.option("--tcp", metavar="HOST:PORT", help="A port that must take connections.")
@click.option("--certificate", metavar="HOST:PORT", help="Days that its certificate is left.")
@click.option("--ca-file", help="Certificates to trust instead of the system's.")
@click.option("--warn", type=float, help="A warning from this figure on.")
@click.option("--crit", type=float, help="Critical from this figure on.")
@click.option("--metric", help="Which figure of the command that is; else its first.")
@click.option("--every", "every_s", type=Length(10, 86_400), help="Between two looks; else 5m.")
@click.option("--timeout", "timeout_s", type=Length(1, 300), help="What a look may take; else 10s.")
@click.option(
    "--severity",
    type=click.Choice(["medium", "high", "critical"]),
    help="How bad its alert is when it is critical (else high).",
)
@json_option
@pass_session
def add(
    session: Session,
    /,
    name: str,
    command: tuple[str, ...],
    tcp: str | None,
    certificate: str | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Add a check, or put it in place of the one of this name.

    A command ends with 0 (fine), 1 (a warning), 2 (critical) or else (not known), prints a line,
    and behind `|` figures, as every plugin of Nagios does. As one word it is split, or given to a
    shell where it needs one; as several words it is run as it stands.

    \b
    Examples:
      smartcron-agent checks add swap -- \\
                /usr/lib/nagios/plugins/check_swap -w 50% -c 20%
      smartcron-agent checks add shop --url https://example.org/ --contains Hi
    """
    own = _read(name, command, tcp, certificate, chosen)
    check(own)
    with session.database(migrate=True) as database:
        known = {one.name for one in database.read_now(store.load_all)}
        is_new = database.write_now(partial(store.put, own=own, who=who_asks(), now_ms=now_ms()))
    tell_agent(session)
    word = ("changed" if name in known else "added") if is_new else "unchanged"
    if as_json:
        say.json_out({word: name})
        return
    say.good(f"{word} {name}: {_what(own)}, every {own.every_s} s")


@checks.command("list")
@json_option
@pass_session
def list_checks(session: Session, as_json: bool) -> None:
    """All checks of your own and what each found last.

    \b
    Example:  smartcron-agent checks list
    """
    with session.database() as database:
        known = database.read_now(store.load_all)
        latest = {one.check_name: one for one in database.read_now(found_checks.latest)}
    if as_json:
        say.json_out(
            [
                {**msgspec.to_builtins(own), "last": _as_json(latest.get(own.check_name))}
                for own in known
            ]
        )
        return
    say.table(
        ("Check", "Kind", "State", "Looked at", "Every", "What", "Message"),
        [
            (
                own.name,
                own.kind,
                last.status if (last := latest.get(own.check_name)) else "-",
                say.moment(last.checked_ms if last else None),
                f"{own.every_s} s",
                _what(own),
                last.message if last else "",
            )
            for own in known
        ],
        empty="No checks of your own yet; `smartcron-agent checks add --help` shows how.",
    )


@checks.command()
@click.argument("name")
@json_option
@pass_session
def run(session: Session, name: str, as_json: bool) -> None:
    """Do a check here and now; nothing is kept. Ends with 1 when it is critical.

    \b
    Example:  smartcron-agent checks run shop
    """
    with session.database() as database:
        own = database.read_now(partial(store.get, name=name))
    secrets = load_secrets(session.home.secrets_file)
    redactor = Redactor(secrets.values(), own_patterns(session.settings.redact))
    checking = Checking(
        home=session.home, settings=session.settings, secrets=secrets, mask=redactor.mask_text
    )
    found = asyncio.run(checking.look(own))
    if as_json:
        say.json_out({"name": name, **msgspec.to_builtins(found)})
    else:
        _say(name, found)
    if found.state == CRIT:
        sys.exit(1)


@checks.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str, as_json: bool) -> None:
    """Forget a check; its alert ends with it.

    \b
    Example:  smartcron-agent checks remove shop
    """
    with session.database() as database:
        database.write_now(partial(store.remove, name=name))
        key = key_of_check(PREFIX + name)
        database.write_now(partial(alerts.resolve, dedupe_key=key, now_ms=now_ms()))
    tell_agent(session)
    if as_json:
        say.json_out({"removed": name})
        return
    say.good(f"removed {name}")


def _read(
    name: str,
    command: tuple[str, ...],
    tcp: str | None,
    certificate: str | None,
    chosen: dict[str, Any],
) -> OwnCheck:
    kinds: dict[Kind, object] = {
        "command": command,
        "http": chosen["url"],
        "tcp": tcp,
        "certificate": certificate,
    }
    asked = [kind for kind, value in kinds.items() if value]
    if len(asked) != 1:
        raise BadDefinition(
            "check", ", ".join(asked), "give one of: a command, --url, --tcp, --certificate"
        )
    said = {field: value for field, value in chosen.items() if value is not None}
    if tcp or certificate:
        said["host"], said["port"] = _place(asked[0], tcp or certificate or "")
    if command:
        # A single word is split as the command of a task is.
        said["command"] = command[0] if len(command) == 1 else command
    return OwnCheck(name=name, kind=asked[0], **said)


def _place(field: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise BadDefinition(field, text, "must look like example.org:443")
    return host.strip("[]"), int(port)


def _what(own: OwnCheck) -> str:
    if own.kind == "command":
        return own.command if isinstance(own.command, str) else " ".join(own.command)
    return own.url if own.kind == "http" else f"{own.host}:{own.port}"


def _say(name: str, found: Finding) -> None:
    words = f"{name}: {found.state}, {say.harmless(found.message)}"
    if found.state == OK:
        say.good(words)
    elif found.state == CRIT:
        say.bad(words)
    else:
        say.warn(words)
    for label, value in found.figures:
        click.echo(f"  {say.harmless(label)} = {value:g}")


def _as_json(last: Check | None) -> dict[str, object] | None:
    if last is None:
        return None
    return {
        "state": last.status,
        "message": last.message,
        "value": last.value,
        "unit": last.unit,
        "checked_ms": last.checked_ms,
    }


COMMANDS: Final = (checks,)
