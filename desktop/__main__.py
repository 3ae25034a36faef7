"""`smartcron-desktop`: reads the command line, refuses what cannot work, runs the window."""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType

import zmq

from desktop import __version__
from shared.protocol import carrier

EXAMPLES = """examples:
  smartcron-desktop
  smartcron-desktop --connect 'smartcron://server:7460/?a=...'
  smartcron-desktop --profile ~/night-desk --theme dark --view runs
"""
# Python only hears a signal when it runs: without a timer Ctrl+C would wait for the next event.
SIGNALS_EVERY_MS = 200
# By then the first rows have come.
SHOW_TASK_AFTER_MS = 2_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the window is closed; 2 for wrong use, 1 when it cannot start."""
    options = _parser().parse_args(arguments)
    refusal = (
        _missing()
        or refusal_of(_qt_version(), sys.version_info[:2])
        or carrier.refusal_of(zmq.zmq_version_info(), has_curve=bool(zmq.has("curve")))
    )
    if refusal:
        return _refuse(refusal)
    return _run(options)


def _missing() -> str:
    """Which part of Qt cannot be loaded and what to do; nothing when all can."""
    try:
        import_module("PySide6.QtWidgets")
    except ModuleNotFoundError:
        return "the desktop needs Qt; install it with: pip install 'smart-cron[desktop]'"
    except ImportError as error:
        # Such as "libEGL.so.1: cannot open shared object file: No such file or directory".
        return (
            f"a library of this system that Qt needs is missing ({error}); on Debian and Ubuntu: "
            "sudo apt-get install libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 "
            "libxkbcommon0 libxcb-cursor0"
        )
    return ""


def _qt_version() -> str:
    version: str = import_module("PySide6").__version__
    return version


def _refuse(sentence: str) -> int:
    print(f"smartcron-desktop: {sentence}", file=sys.stderr)  # noqa: T201 - there is no window yet
    return 1


def refusal_of(qt: str, python: tuple[int, int]) -> str:
    """Why this pair of versions cannot work; nothing when it can.

    PySide6 6.12.0 on Python 3.11 and older drops a reference to True and None with each call and
    aborts after some hundreds.
    """
    if qt.startswith("6.12.") and python < (3, 12):
        return (
            f"PySide6 {qt} aborts on Python {python[0]}.{python[1]}; install "
            "PySide6-Essentials==6.11.3, or run on Python 3.12 or newer"
        )
    return ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="smartcron-desktop",
        description="Watch and steer the tasks of a Smart Cron agent.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"smartcron-desktop {__version__} (libzmq {zmq.zmq_version()})"
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("--profile", metavar="DIR", help="where connections and the key are kept")
    parser.add_argument("--connect", metavar="LINK", default="", help="an invite, used at once")
    parser.add_argument("--theme", choices=("system", "light", "dark", "contrast"), default="")
    parser.add_argument(
        "--view",
        choices=("overview", "tasks", "timeline", "runs", "alerts", "health", "audit"),
        default="",
    )
    parser.add_argument("--size", metavar="WxH", type=_size, help="such as 1440x900")
    parser.add_argument("--task", metavar="NAME", default="", help="show this task and its log")
    parser.add_argument(
        "--screenshot", metavar="FILE", type=Path, help="save a picture of the window, then close"
    )
    parser.add_argument(
        "--after", metavar="SECONDS", type=float, default=5.0, help="when to take it (5)"
    )
    return parser


def _size(text: str) -> tuple[int, int]:
    width, found, height = text.partition("x")
    if not (found and width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it like 1440x900")
    return int(width), int(height)


def _run(options: argparse.Namespace) -> int:
    # Only now: a wrong version of Qt must be refused before it can do harm.
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from desktop.app import Application
    from desktop.settings import Profile, SettingsError, profile_folder

    qt = QApplication([sys.argv[0]])
    qt.setApplicationName("Smart Cron")
    qt.setApplicationVersion(__version__)
    qt.setDesktopFileName("smartcron-desktop")
    try:
        application = Application(Profile(profile_folder(options.profile)), theme=options.theme)
    except SettingsError as error:
        return _refuse(str(error))

    def close(_number: int, _frame: FrameType | None) -> None:
        qt.quit()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, close)
    listener = QTimer(interval=SIGNALS_EVERY_MS)
    listener.timeout.connect(lambda: None)
    listener.start()
    application.start(link=options.connect, screen=options.view)
    if options.size:
        application.window.resize(*options.size)
    if options.task:

        def show_task() -> None:
            application.window.open_task(options.task)
            application.window.open_newest_log(options.task)

        QTimer.singleShot(SHOW_TASK_AFTER_MS, show_task)
    if options.screenshot is not None:

        def take() -> None:
            # The mark of the keyboard's place says nothing in a picture.
            if (focused := qt.focusWidget()) is not None:
                focused.clearFocus()
            application.window.grab().save(str(options.screenshot))
            qt.quit()

        QTimer.singleShot(round(options.after * 1000), take)
    status = qt.exec()
    return status if application.stop() else 1


if __name__ == "__main__":
    sys.exit(main())
