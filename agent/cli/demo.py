"""The command that shows everything at once: a home, the 29 tasks, an agent, a desktop."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.live import Live

from agent.cli import say
from agent.cli.access import create_invite
from agent.cli.session import Session, pass_session
from agent.cli.setup import prepare
from agent.cli.ticking import START_WITHIN_S
from agent.cli.watch import overview, take
from agent.errors import AgentError, Refused
from agent.lock import is_served
from agent.settings import Settings
from agent.store import state, tasks
from agent.tasktables import load_definitions
from agent.wire.caller import Caller, Unreachable, new_op
from schema import catalogue
from shared.protocol import requests

ORDERED: Final = "demo_ordered"
LOOK_EVERY_S: Final = 1.0
PORTS_TRIED: Final = 200
STOP_WITHIN_S: Final = 8.0


@click.command()
@click.option(
    "--app-root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="Folder of the scripts that the catalogue's tasks run.",
)
@click.option("--catalogue", "name", default="retail", show_default=True, help="Which catalogue.")
@click.option("--no-desktop", is_flag=True, help="Stay in the terminal, even with a display.")
@pass_session
def demo(session: Session, app_root: Path, name: str, no_desktop: bool) -> None:
    """Run a catalogue in a home of its own and watch it live; a second time it goes on.

    With a display the desktop opens, enrolled and connected; without one the terminal shows the
    same. Closing the window or Ctrl+C stops the agent.

    \b
    Example:
      smartcron-agent --home ~/smartcron-demo demo --app-root examples/retail
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _prepare(session, app_root, name)
    agent = _start_agent(session)
    desktop: subprocess.Popen[bytes] | None = None
    try:
        _wait_for_agent(session, agent)
        _order_each_once(session)
        missing = "--no-desktop was given" if no_desktop else _no_desktop_because()
        if missing is None:
            desktop = _open_desktop(session)
            click.echo("The desktop is open. Close it, or press Ctrl+C here, to stop.")
            _wait_for_either(agent, desktop)
        else:
            _explain_connection(session, missing)
            _watch(session, agent)
    except KeyboardInterrupt:
        click.echo("")
    finally:
        _stop(desktop)
        _stop(agent)
    click.echo("Stopped. Runs that were alive go on with their keeper and are recorded next time.")


def _prepare(session: Session, app_root: Path, name: str) -> None:
    chosen: dict[str, object] = {
        "name": "demo",
        "environment": "demo",
        "app_root": str(app_root.resolve()),
        "timezone": "Pacific/Auckland",
        "remote_edit": True,
    }
    if not session.home.settings_file.exists():
        chosen |= _free_ports()
    prepare(session.home, chosen)
    definitions = load_definitions(catalogue.read(name), f"catalogue {name}")
    with session.database(migrate=True) as database:
        new = database.write_now(
            partial(
                tasks.register,
                definitions=definitions,
                who="demo",
                why=f"catalogue {name}",
                now_ms=_now_ms(),
            )
        )
        total = len(database.read_now(tasks.load_all))
    say.good(f"Home: {session.home.root}")
    say.good(f"New Tasks Registered: {new}")
    say.good(f"Total Tasks: {total}")


def _free_ports() -> dict[str, object]:
    """The usual ports, or the next two that are free: a demo must not quarrel with a real agent."""
    usual = Settings()
    found: list[int] = []
    for port in range(usual.control_port, usual.control_port + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((usual.listen, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == 2:
            break
    if len(found) < 2:
        return {}  # the agent will say which one it lacks
    return {"control_port": found[0], "events_port": found[1]}


def _start_agent(session: Session) -> subprocess.Popen[bytes] | None:
    """The agent as a child of its own; None when one serves this home already."""
    if is_served(session.home):
        say.good("An agent serves this home already")
        return None
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "agent", "--home", str(session.home.root), "serve", "--quiet"],
        stdin=subprocess.DEVNULL,
        # Ctrl+C in the terminal is ours to pass on, after the window has gone.
        start_new_session=True,
    )


def _wait_for_agent(session: Session, agent: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if agent is not None and agent.poll() is not None:
            raise AgentError(
                f"the agent ended at once; its log is {session.home.logs / 'master.log'}"
            )
        if is_served(session.home):
            try:
                with session.agent(purpose="answer") as caller:
                    caller.hello()
            except Unreachable:
                continue
            say.good(f"Agent: serving on {session.settings.listen}:{session.settings.control_port}")
            return
        time.sleep(0.05)
    raise AgentError(
        f"the agent did not answer within {START_WITHIN_S:.0f} s; its log is "
        f"{session.home.logs / 'master.log'}"
    )


def _order_each_once(session: Session) -> None:
    """On the first start each task runs once, so that there is something true to see."""
    with session.database() as database:
        if database.read_now(partial(state.get, name=ORDERED)) is not None:
            return
        names = [row.task_name for row in database.read_now(tasks.load_all)]
        with session.agent(purpose="run the tasks once") as caller:
            for name in names:
                _order(caller, name)
        database.write_now(partial(state.put, name=ORDERED, value="yes", now_ms=_now_ms()))
    say.good(f"Ordered each of the {len(names)} tasks once")


def _order(caller: Caller, task_name: str) -> None:
    order = requests.RunStart(
        op=new_op(), expires_ms=caller.expires_ms(), task_id=task_name, reason="first look"
    )
    try:
        caller.call(order)
    except Refused as refusal:
        if refusal.code != "conflict":  # else its schedule was quicker
            raise


def _no_desktop_because() -> str | None:
    """Why no window can be opened; None when one can."""
    if shutil.which("smartcron-desktop", path=str(Path(sys.executable).parent)) is None:
        return "the desktop is not installed"
    offscreen = os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal")
    if sys.platform == "linux" and not offscreen:
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            return "there is no display"
    return None


def _open_desktop(session: Session) -> subprocess.Popen[bytes]:
    profile = session.home.root / "desktop"
    command = [
        str(Path(sys.executable).parent / "smartcron-desktop"),
        "--profile",
        str(profile),
    ]
    if not _is_enrolled(profile / "desktop.toml"):
        link = create_invite(session, role="admin", label="demo desktop", ttl_s=600)
        command += ["--connect", link]
    return subprocess.Popen(command, start_new_session=True)  # noqa: S603 - our own program


def _is_enrolled(settings_file: Path) -> bool:
    """The desktop of this demo knows its agent from an earlier time."""
    try:
        return "[[connections]]" in settings_file.read_text(encoding="utf-8")
    except OSError:
        return False


def _wait_for_either(
    agent: subprocess.Popen[bytes] | None, desktop: subprocess.Popen[bytes]
) -> None:
    while desktop.poll() is None:
        if agent is not None and agent.poll() is not None:
            raise AgentError(f"the agent ended by itself with exit status {agent.returncode}")
        time.sleep(0.1)


def _explain_connection(session: Session, missing: str) -> None:
    settings = session.settings
    link = create_invite(session, role="admin", label="other machine", ttl_s=86_400)
    port, events = settings.control_port, settings.events_port
    click.echo(f"\nNo window: {missing}. The agent runs here; this terminal shows it.")
    click.echo("From another machine, bring the two ports over and paste the link there:")
    click.echo(f"  ssh -L {port}:127.0.0.1:{port} -L {events}:127.0.0.1:{events} this-server")
    click.echo(f"  smartcron-desktop --connect '{link}'\n")


def _watch(session: Session, agent: subprocess.Popen[bytes] | None) -> None:
    console = say.console()
    with session.database() as database:
        if not console.is_terminal:
            console.print(overview(take(database, session), width=console.width, height=None))
            click.echo("Press Ctrl+C, or send SIGTERM, to stop.")
            while agent is None or agent.poll() is None:
                time.sleep(LOOK_EVERY_S)
            return
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while agent is None or agent.poll() is None:
                live.update(
                    overview(
                        take(database, session), width=console.width, height=console.height - 4
                    ),
                    refresh=True,
                )
                time.sleep(LOOK_EVERY_S)


def _stop(child: subprocess.Popen[bytes] | None) -> None:
    if child is None or child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        click.echo(f"process {child.pid} does not stop; ending it", err=True)
        child.kill()
        child.wait()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


COMMANDS: Final = (demo,)
