"""The command that makes a home: folders, settings, keys, database."""

import os
from pathlib import Path
from typing import Final

import click
import tomlkit

from agent.cli import say
from agent.cli.access import create_invite
from agent.cli.session import Session, json_option, pass_session
from agent.errors import WrongUse
from agent.settings import Home, Settings, load_settings
from agent.store.database import database_url
from agent.store.engines import name_of, read_url
from agent.store.ready import open_ready
from agent.wire.keyfiles import AGENT_KEY, LOCAL_KEY, load_or_make_pair


@click.command()
@click.option("--name", default="", help="Shown on every desktop (else the host's name).")
@click.option(
    "--environment",
    type=click.Choice(["production", "staging", "test", "demo"]),
    default="production",
    show_default=True,
    help="What it is for; every desktop shows it in a colour of its own.",
)
@click.option(
    "--app-root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of the company's scripts, {app_root} in commands.",
)
@click.option("--timezone", default=None, help="Zone of the agent's own times.")
@click.option("--control-port", type=click.IntRange(1, 65535), help="For requests (else 7460).")
@click.option("--events-port", type=click.IntRange(1, 65535), help="For what happens (else 7461).")
@click.option(
    "--remote-edit",
    is_flag=True,
    help="Let admins edit tasks from a desktop: what they write runs as this agent.",
)
@json_option
@pass_session
def init(
    session: Session,
    name: str,
    environment: str,
    app_root: Path | None,
    timezone: str | None,
    control_port: int | None,
    events_port: int | None,
    remote_edit: bool,
    as_json: bool,
) -> None:
    """Make a home: folders, settings, keys, database; print an invite for the first admin.

    A home that exists already keeps its settings and keys.

    \b
    Example:  smartcron-agent --home /var/lib/smartcron init --app-root /srv/app
    """
    chosen = {
        "name": name,
        "environment": environment,
        "app_root": str(app_root.resolve()) if app_root else None,
        "timezone": timezone,
        "control_port": control_port,
        "events_port": events_port,
        "remote_edit": remote_edit,
    }
    prepare(session.home, {key: value for key, value in chosen.items() if value})
    text = create_invite(session, role="admin", label="first admin", ttl_s=86_400)
    if as_json:
        say.json_out({"home": str(session.home.root), "invite": text})
        return
    say.good(f"Home: {session.home.root}")
    url = read_url(database_url(session.settings, session.home))
    say.good(f"Database: {name_of(url)}")
    say.good("Keys: made, for your eyes only")
    click.echo("\nConnect a desktop as admin with this link, within 24 hours and once:\n")
    click.echo(text)
    click.echo(
        "\nNext: tasks of your own (smartcron-agent tasks apply FILE) or those of cron\n"
        "(smartcron-agent import crontab --apply), then smartcron-agent serve"
    )


def prepare(home: Home, chosen: dict[str, object]) -> Settings:
    """Make what a home lacks; settings that exist stay; raises WrongUse for bad values."""
    home.make()
    if not home.settings_file.exists():
        document = tomlkit.document()
        document.add(tomlkit.comment("Smart Cron: what the owner of this agent has chosen."))
        for key, value in chosen.items():
            document.add(key, tomlkit.item(value))
        _write_private(home.settings_file, tomlkit.dumps(document))
        try:
            load_settings(home)
        except WrongUse:
            home.settings_file.unlink()
            raise
    settings = load_settings(home)
    if not home.secrets_file.exists():
        _write_private(home.secrets_file, '# name = "value"; use it as secret:name\n')
    for key in (AGENT_KEY, LOCAL_KEY):
        load_or_make_pair(home.keys / key)
    open_ready(database_url(settings, home), folder=home.backups, agent_id="").close()
    return settings


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


COMMANDS: Final = (init,)
