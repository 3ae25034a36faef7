"""Commands about copies of the database: make and prove them, list them, put one back."""

from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from agent.cli import say
from agent.cli.moments import now_ms
from agent.cli.session import Session, json_option, pass_session
from agent.errors import Conflict, StorageError, WrongUse
from agent.lock import only_agent
from agent.mending import give_up
from agent.proof import doubts
from agent.running.secrets import load_secrets
from agent.settings import BackupDatabase
from agent.store import anchor, chain, mark, restoring, state
from agent.store import backups as store
from agent.store.backups import Backup, Keep
from agent.store.database import database_url
from agent.wire.keyfiles import AGENT_KEY, load_pair
from shared.protocol.keys import key_id

MIN_DAYS: Final = click.IntRange(1, 1000)


@click.command()
@click.option("--daily", type=MIN_DAYS, help="Keep the newest of so many days (else as set).")
@click.option("--weekly", type=click.IntRange(0, 1000), help="And of so many weeks (else as set).")
@click.option("--unproved", is_flag=True, help="Do not restore the copy for proof.")
@click.option("--own-only", is_flag=True, help="Leave out backup_databases of the settings.")
@json_option
@pass_session
def backup(
    session: Session,
    *,
    daily: int | None,
    weekly: int | None,
    unproved: bool,
    own_only: bool,
    as_json: bool,
) -> None:
    """Copy the database while it is in use, and prove the copy by restoring and checking it.

    Also copies what backup_databases in settings.toml names. Ends with 1 when one of them failed
    or when the ledger in the copy is not complete; the others are made all the same.

    \b
    Example:  smartcron-agent db backup --daily 14 --weekly 8
    """
    settings = session.settings
    keep = Keep(
        daily=settings.backup_daily if daily is None else daily,
        weekly=settings.backup_weekly if weekly is None else weekly,
    )
    make = partial(
        store.make,
        folder=session.home.backups,
        prove=None if unproved else doubts,
        scratch_url=settings.backup_scratch_url,
    )
    jobs = [(store.OWN, partial(database_url, settings, session.home))]
    if not own_only:
        jobs += [(one.name, partial(_url_of, session, one)) for one in settings.backup_databases]
    made: list[Backup] = []
    failures: list[str] = []
    for source, url in jobs:
        try:
            made.append(make(url(), source=source, now_ms=now_ms()))
        except StorageError as error:
            failures.append(str(error))
    gone = store.rotate(session.home.backups, keep)
    if as_json:
        say.json_out(
            {"made": [_told(each) for each in made], "failures": failures}
            | {"removed": [str(path) for path in gone]}
        )
    else:
        for each in made:
            how = "restored and checked" if each.is_proved else "not proved"
            say.good(f"{each.path}: {say.size(each.size_bytes)}, {how}")
            if each.remark:
                say.bad(f"the ledger in it: {each.remark}; see `smartcron-agent ledger check`")
        for path in gone:
            click.echo(f"  removed {path.name}")
    if failures:
        raise StorageError("; ".join(failures))
    if any(each.remark for each in made):
        raise StorageError("the copy is whole, but the ledger in it is not")


@click.command("backups")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the copies, newest first, and what a restore has put aside.

    \b
    Example:  smartcron-agent db backups
    """
    found = store.find_all(session.home.backups)
    url = database_url(session.settings, session.home)
    aside = restoring.asides(url)
    if as_json:
        say.json_out({"backups": [_told(each) for each in found], "aside": aside})
        return
    say.table(
        ["Made", "Of", "Bytes", "Proved", "Rows", "File"],
        [
            [
                say.moment(each.made_ms),
                each.source + (f" ({each.label})" if each.label else ""),
                say.size(each.size_bytes),
                "yes" if each.is_proved else "no",
                sum(each.rows.values()) if each.rows else "-",
                each.path.name,
            ]
            for each in found
        ],
        empty="no backup yet; `smartcron-agent db backup` makes one",
    )
    for name in aside:
        click.echo(f"kept aside: {name}; `smartcron-agent db restore {name}` puts it back")


@click.command()
@click.argument("file")
@click.option("--as-it-was", is_flag=True, help="Take over no runs recorded since the backup.")
@click.option("--yes", is_flag=True, help="Ask no question.")
@json_option
@pass_session
def restore(session: Session, file: str, *, as_it_was: bool, yes: bool, as_json: bool) -> None:
    """Put a backup in the place of the database: FILE is a path or a name that `db backups` lists.

    Refused while an agent serves this home. The copy is opened and checked first; the database
    it replaces is kept aside, and how it comes back is said. Runs that it has recorded since the
    backup are taken over, so that no due moment runs twice; tasks, calendars and keys are as they
    were. Without those runs due moments since the backup are decided anew.

    \b
    Example:  smartcron-agent db restore smartcron-20261124-010000-000.sqlite3
    """
    url = database_url(session.settings, session.home)
    session.home.check()
    with only_agent(session.home):
        _refuse_held(session)
        if file in restoring.asides(url):
            act = partial(restoring.put_back, file)
            question = f"Put {file} in the place of the database?"
        else:
            chosen = store.described(_path_of(session, file))
            act = partial(restoring.restore, chosen, carries=not as_it_was)
            question = (
                f"Put {chosen.path.name} of {say.moment(chosen.made_ms)} in the place of the "
                "database?"
            )
        if as_json and not yes:
            raise WrongUse("--json: there is no place for a question; add --yes")
        if not yes and not click.confirm(question):
            raise click.Abort
        done = act(url, now_ms=now_ms(), prove=doubts)
        give_up(session.home)
        if as_it_was:
            mark.forget(session.home.journal_file.parent)
        _remember_cut(session, done.backup.path.name)
    if as_json:
        say.json_out(
            {"restored": str(done.backup.path), "aside": done.aside, "remark": done.remark}
        )
        return
    say.good(f"{done.backup.path} is the database now")
    if done.carried is not None:
        click.echo(f"{done.carried} runs recorded since the backup were taken over")
    elif not as_it_was and done.aside:
        say.warn(
            "no runs since the backup were taken over: as far as this home knows that due moments "
            "since were decided, they are recorded as missed and do not run again"
        )
    if done.remark:
        say.warn(f"the ledger in it: {done.remark}")
    if done.aside:
        click.echo(f"The database before is kept: {done.aside}")
        click.echo(f"To undo:  smartcron-agent db restore {done.aside}")


def _refuse_held(session: Session) -> None:
    """The lock keeps agents out of this home; a database may be named by another one."""
    own = key_id(load_pair(session.home.keys / AGENT_KEY).public)
    try:
        with session.database() as database:
            other = database.read_now(partial(state.living_holder, agent_id=own, now_ms=now_ms()))
    except StorageError:
        return  # damaged or gone: that is what a restore is for
    if other is not None:
        raise Conflict(
            f"agent {other.agent_id} on host {other.host!r} works on this database; stop that one"
        )


def _remember_cut(session: Session, name: str) -> None:
    """The audit goes back with the database; that it was ordered is told by `audit verify`."""
    with session.database(migrate=True) as database:
        kept = database.read_now(chain.head)
    anchor.cut(session.home.root, kept, at_ms=now_ms(), why=f"{name} was put in place")


def _path_of(session: Session, file: str) -> Path:
    named = session.home.backups / file
    return named if "/" not in file and named.is_file() else Path(file)


def _url_of(session: Session, one: BackupDatabase) -> str:
    if not one.password_secret:
        return one.url
    secrets = load_secrets(session.home.secrets_file)
    if one.password_secret not in secrets:
        raise StorageError(
            f"backup_databases.{one.name}.password_secret = {one.password_secret!r}: "
            "add it to secrets.toml"
        )
    return store.with_password(one.url, secrets[one.password_secret])


def _told(each: Backup) -> Any:
    return msgspec.to_builtins(each, enc_hook=str)


COMMANDS: Final = (backup, list_, restore)
