"""How does a systemd service run its program, and which command of a task does the same."""

import re
import shlex
from collections.abc import Callable
from typing import Final, NamedTuple

from agent.errors import BadDefinition
from agent.foreign.commands import why_no_variable, why_not
from agent.foreign.proposals import UMASK
from agent.foreign.units import Unit, read_span, split_words

SECTION: Final = "Service"
_VARIABLE: Final = re.compile(r"\$\$|\$\{(\w+)\}|\$(\w+)", re.ASCII)
_SPECIFIER: Final = re.compile(r"%(.)")
# Without these the program would not do the same.
_DECIDES: Final = {
    "DynamicUser": "a user made for each run is not offered",
    "EnvironmentFile": "put its variables into the task's environment, and secrets into secrets",
    "ExecCondition": "a condition is not offered; test it in the command",
    "ExecReload": "a task is never reloaded",
    "ExecStartPost": "only one command is run; write a script of all",
    "ExecStartPre": "only one command is run; write a script of all",
    "ExecStop": "a task is ended by signals only",
    "ExecStopPost": "only one command is run; write a script of all",
    "Group": "a task runs with the groups of its user",
    "LoadCredential": "credentials are not offered; secrets.toml holds secrets",
    "PassEnvironment": "put the variables into the task's environment",
    "Restart": "a task that fails is tried again by max_retries",
    "RootDirectory": "another root is not offered",
    "StandardInput": "a task reads nothing",
}
_KEPT: Final = frozenset(
    {"Environment", "ExecStart", "RuntimeMaxSec", "TimeoutSec", "TimeoutStartSec", "Type", "UMask"}
    | {"User", "WorkingDirectory"}
)
# Where the output goes and what it is called there: a task's output is kept with its run.
_OF_THE_LOG: Final = frozenset(
    {"RemainAfterExit", "StandardError", "StandardOutput", "SyslogIdentifier", "TimeoutStopSec"}
)


class Service(NamedTuple):
    """What is run, by whom, where, with which variables, for how long at most."""

    command: str | tuple[str, ...]
    uses_shell: bool
    user: str
    folder: str
    environment: dict[str, str]
    limit_s: float
    umask: str
    lost: tuple[str, ...]


def read_service(
    unit: Unit, name: str, *, user: str, home_of: Callable[[str], str | None], is_system: bool
) -> Service:
    """The service of this name; raises BadDefinition with the reason why no task can say it."""
    _check_decisive(unit)
    user = unit.last(SECTION, "User") or user
    home = home_of(user)
    if home is None:
        raise BadDefinition("run_as", user, f"there is no user {user!r} on this host")
    known = {
        "%": "%",
        "n": name,
        "N": name.removesuffix(".service"),
        "p": name.removesuffix(".service"),
        "u": user,
        "h": home,
    }
    environment = _environment(unit, known)
    commands = [_argv(line.value, known, environment) for line in unit.all(SECTION, "ExecStart")]
    if not commands:
        raise BadDefinition("command", name, f"{name} has no ExecStart")
    return Service(
        command=commands[0] if len(commands) == 1 else " && ".join(map(shlex.join, commands)),
        uses_shell=len(commands) > 1,
        user=user,
        folder=_folder(unit, known, home, is_system=is_system),
        environment=environment,
        limit_s=_limit_s(unit),
        umask=(unit.last(SECTION, "UMask") or UMASK).zfill(3)[-3:],
        lost=tuple(
            key
            for key in unit.names(SECTION)
            if key not in _KEPT | _OF_THE_LOG and key not in _DECIDES
        ),
    )


def _check_decisive(unit: Unit) -> None:
    for key in unit.names(SECTION):
        value = unit.last(SECTION, key)
        if key in _DECIDES and value not in ("no", "false", "null"):
            raise BadDefinition("command", key, f"{key}={value}: {_DECIDES[key]}")
    for key in unit.names("Unit"):
        if key.startswith(("Condition", "Assert")):
            raise BadDefinition("command", key, f"{key}: a condition is not offered; test it there")
    kind = unit.last(SECTION, "Type") or "simple"
    if kind not in ("simple", "exec", "oneshot", "idle"):
        raise BadDefinition("command", kind, f"Type={kind} goes on as a service, a run has an end")


def _environment(unit: Unit, known: dict[str, str]) -> dict[str, str]:
    environment: dict[str, str] = {}
    for line in unit.all(SECTION, "Environment"):
        for word in _words("environment", line.value):
            name, sign, value = _fill("environment", word, known).partition("=")
            if not sign:
                raise BadDefinition("environment", name, f"Environment={name}: has no value")
            if reason := why_no_variable(value):
                raise BadDefinition("environment", name, f"its variable {name} {reason}")
            environment[name] = value
    return environment


def _argv(text: str, known: dict[str, str], environment: dict[str, str]) -> tuple[str, ...]:
    if text[:1] in "@+!|-:":
        raise BadDefinition(
            "command", text, f"ExecStart begins with {text[0]}; write a script that does the same"
        )
    argv: list[str] = []
    for number, word in enumerate(_words("command", text)):
        if word == ";":
            raise BadDefinition("command", text, "ExecStart holds several commands; write a script")
        filled = _fill("command", word, known)
        argv.extend(_expand(filled, environment) if number else [filled])
    if reason := why_not(*argv):
        raise BadDefinition("command", text, reason)
    return tuple(argv)


def _words(field: str, text: str) -> list[str]:
    try:
        return split_words(text)
    except ValueError as error:
        raise BadDefinition(field, text, str(error)) from error


def _fill(field: str, word: str, known: dict[str, str]) -> str:
    for found in _SPECIFIER.finditer(word):
        if found[1] not in known:
            raise BadDefinition(field, word, f"%{found[1]} is known to systemd only; write it out")
    return _SPECIFIER.sub(lambda found: known[found[1]], word)


def _expand(word: str, environment: dict[str, str]) -> list[str]:
    """The word with the unit's own variables; one that is nothing else becomes several words."""
    for found in _VARIABLE.finditer(word):
        name = found[1] or found[2]
        is_whole = found[0] == word
        if name and (found[1] or is_whole) and name not in environment:
            raise BadDefinition("command", word, f"${name} is not set in the unit; write it out")
        if found[2] and is_whole:
            return environment[name].split()
    return [_VARIABLE.sub(lambda found: _value(found, environment), word)]


def _value(found: re.Match[str], environment: dict[str, str]) -> str:
    if found[0] == "$$":
        return "$"
    # Within a word only the form with braces is a variable.
    return environment[found[1]] if found[1] else found[0]


def _folder(unit: Unit, known: dict[str, str], home: str, *, is_system: bool) -> str:
    wanted = unit.last(SECTION, "WorkingDirectory")
    if wanted is None:
        return "/" if is_system else home
    if wanted.startswith("-"):
        raise BadDefinition(
            "working_directory", wanted, "a folder that may be missing is not offered; drop the -"
        )
    return home if wanted == "~" else _fill("working_directory", wanted, known)


def _limit_s(unit: Unit) -> float:
    is_oneshot = unit.last(SECTION, "Type") == "oneshot"
    keys = ("TimeoutStartSec", "TimeoutSec") if is_oneshot else ("RuntimeMaxSec",)
    for key in keys:
        text = unit.last(SECTION, key)
        if text is not None:
            try:
                limit_s = read_span(text)
            except ValueError as error:
                raise BadDefinition("timeout_seconds", text, f"{key}: {error}") from error
            # Zero means none.
            return limit_s or float("inf")
    return float("inf")
