"""What exactly is to be executed for a run of this definition?"""

import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from agent.clock import iso
from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.running.abilities import check_abilities
from agent.running.allowed import check_folder, check_program
from agent.running.cgroup import folder_of
from agent.running.reports import REPORT_VARIABLE, make_report, report_path
from agent.running.sandbox import sandbox_words
from agent.running.terms import Order
from agent.runs import Run
from agent.settings import HOME_VARIABLE, Home, Settings

PASSED_ON: Final = ("PATH", "HOME", "LANG", "USER", "LOGNAME", "TZ", "SHELL")
OF_THE_USER: Final = frozenset({"HOME", "USER", "LOGNAME", "SHELL"})
SECRET_MARK: Final = "secret:"  # noqa: S105 - how a secret is referred to, not one
_SECRET_WITHIN: Final = re.compile(r"\{secret:([^{}]+)\}")
# What sh itself knows; there is no program of that name, or it would not do the same.
SHELL_WORDS: Final = frozenset(
    {":", ".", "!", "cd", "case", "command", "eval", "exec", "exit", "export", "for", "if"}
    | {"read", "set", "source", "trap", "type", "ulimit", "umask", "unset", "until", "while"}
)
_AGENT: Final = str(Path(sys.executable).with_name("smartcron-agent"))
_SHELL_SIGNS: Final = frozenset("|&;<>()$`*?[#~\n")
_SIGNS_IN_QUOTES: Final = frozenset("$`")
_PATH_END: Final = r"[^\s'\"|&;<>()]*"


def build_order(
    definition: Definition,
    run: Run,
    settings: Settings,
    home: Home,
    secrets: Mapping[str, str],
    base_environment: Mapping[str, str],
) -> Order:
    """The order for this run; raises BadDefinition naming the field that cannot be."""
    places = {
        "{app_root}": settings.app_root,
        "{home}": str(home.root),
        "{python}": sys.executable,
        "{agent}": _AGENT,
    }
    _check_app_root(definition, settings)
    folder = _working_directory(definition, settings, home, places)
    _check_paths(definition, settings.app_root, folder)
    check_abilities(definition)
    argv = _argv(definition, places)
    environment = _environment(definition, run, home, places, secrets, base_environment)
    writable = [_fill(path, places) for path in definition.writable_paths]
    roots = settings.allowed_roots
    check_program(argv, folder=folder, path=environment["PATH"], roots=roots)
    if definition.working_directory is not None:
        check_folder("working_directory", folder, roots=roots)
    for path in writable:
        check_folder("writable_paths", path, roots=roots)
    return Order(
        run_id=run.id,
        moment=_moment_of(run),
        argv=argv,
        environment=environment,
        working_directory=folder,
        output_file=f"{home.spool}/{run.id}.out",
        timeout_ms=definition.timeout_seconds * 1000,
        kill_grace_ms=definition.kill_grace_s * 1000,
        memory_limit_bytes=(definition.memory_limit_mb or 0) << 20 or None,
        user=definition.run_as,
        group=definition.run_as_group,
        keeps_leftovers=definition.leftovers == "keep",
        cpu_limit_s=definition.cpu_limit_s,
        process_limit=definition.process_limit,
        open_files_limit=definition.open_files_limit,
        file_size_limit_bytes=(definition.file_size_limit_mb or 0) << 20 or None,
        nice=definition.nice,
        io_class=definition.io_class,
        cpus=definition.cpus,
        umask=int(definition.umask, 8),
        no_new_privs=_forbids_new_privs(definition),
        cgroup=folder_of(settings.cgroup, run.id)
        if settings.cgroup and definition.memory_limit_mb
        else "",
        sandbox=sandbox_words(definition, folder, writable, report=environment[REPORT_VARIABLE]),
    )


def _moment_of(run: Run) -> str:
    """What is started once, whatever a database has forgotten.

    That of an order by hand, or of a chain, is only the time at which it was given.
    """
    is_due = run.trigger in ("schedule", "catchup", "retry")
    return f"{run.task_name} {run.scheduled_ms} {run.attempt}" if is_due else ""


def prepare_order(
    definition: Definition,
    run: Run,
    settings: Settings,
    home: Home,
    secrets: Mapping[str, str],
    base_environment: Mapping[str, str],
    *,
    spare_for: Callable[[Order], str],
) -> Order:
    """The order for this run, with the file for its report made where it cannot do that itself.

    `spare_for` hands out an empty file for the output of a run.
    """
    order = build_order(definition, run, settings, home, secrets, base_environment)
    if definition.run_as is not None or order.sandbox:
        # A run that cannot tell how far it is runs all the same.
        with suppress(OSError):
            make_report(order.environment[REPORT_VARIABLE], definition.run_as)
    return msgspec.structs.replace(order, spare=spare_for(order))


def order_on_this_host(
    definition: Definition,
    settings: Settings,
    home: Home,
    secrets: Mapping[str, str],
    base_environment: Mapping[str, str],
) -> Order:
    """The order for a run of this task, as if it were due now; raises BadDefinition."""
    trial = Run(
        id="0" * 26,
        task_name=definition.task_name,
        category=definition.category,
        def_rev=0,
        scheduled_ms=0,
        attempt=1,
        trigger="manual",
        status="queued",
        queued_ms=0,
    )
    return build_order(definition, trial, settings, home, secrets, base_environment)


def hindrance(
    definition: Definition,
    settings: Settings,
    home: Home,
    secrets: Mapping[str, str],
    base_environment: Mapping[str, str],
) -> BadDefinition | None:
    """What would keep a run of this task from starting on this host now, as far as can be seen."""
    if definition.kind == "watch":
        return None
    try:
        order_on_this_host(definition, settings, home, secrets, base_environment)
    except BadDefinition as refusal:
        return refusal
    return None


def _forbids_new_privs(definition: Definition) -> bool:
    """Unless the task says so itself, it is what a task of another user gets."""
    if definition.no_new_privs is None:
        return definition.run_as is not None
    return definition.no_new_privs


def needs_shell(command: str) -> bool:
    """Does this command mean something else when no shell reads it?"""
    words = command.split(maxsplit=1)
    if not words or words[0] in SHELL_WORDS or re.match(r"[A-Za-z_]\w*=", words[0]):
        return True
    quote = ""
    letters = iter(command)
    for letter in letters:
        if letter == "\\" and quote != "'":
            next(letters, "")
        elif letter == quote:
            quote = ""
        elif quote:
            if quote == '"' and letter in _SIGNS_IN_QUOTES:
                return True
        elif letter in "'\"":
            quote = letter
        elif letter in _SHELL_SIGNS:
            return True
    return False


def _argv(definition: Definition, places: Mapping[str, str]) -> tuple[str, ...]:
    command = definition.command
    if isinstance(command, str):
        if not command.strip():
            raise BadDefinition("command", command, "name the program to run")
        if definition.shell == "always" or (definition.shell == "auto" and needs_shell(command)):
            return ("/bin/sh", "-c", _fill(command, places, quoted=True))
        try:
            words = tuple(shlex.split(command))
        except ValueError as error:
            raise BadDefinition("command", command, f"close the quotation ({error})") from error
    else:
        words = command
    argv = tuple(_fill(word, places) for word in words)
    if not argv or not argv[0]:
        raise BadDefinition("command", command, "name the program to run")
    if definition.shell == "always":
        return ("/bin/sh", "-c", shlex.join(argv))
    return argv


def _fill(text: str, places: Mapping[str, str], *, quoted: bool = False) -> str:
    for mark, value in places.items():
        text = text.replace(mark, shlex.quote(value) if quoted else value)
    return text


def _environment(
    definition: Definition,
    run: Run,
    home: Home,
    places: Mapping[str, str],
    secrets: Mapping[str, str],
    base: Mapping[str, str],
) -> dict[str, str]:
    """From an allow-list, so that nothing of the agent's own leaks into its tasks."""
    not_passed = OF_THE_USER if definition.run_as else frozenset[str]()
    environment = {
        name: base[name] for name in PASSED_ON if name in base and name not in not_passed
    }
    environment.setdefault("PATH", os.defpath)
    for name, value in definition.environment.items():
        if value.startswith(SECRET_MARK):
            environment[name] = _secret(name, value.removeprefix(SECRET_MARK), secrets)
        else:
            # Last, so that a secret stays as it is whatever stands in it.
            told = _SECRET_WITHIN.split(_fill(value, places))
            told[1::2] = [_secret(name, each, secrets) for each in told[1::2]]
            environment[name] = "".join(told)
    environment |= {
        "SMARTCRON_TASK": run.task_name,
        "SMARTCRON_RUN_ID": run.id,
        "SMARTCRON_SCHEDULED_FOR": iso(run.scheduled_ms),
        "SMARTCRON_ATTEMPT": str(run.attempt),
        REPORT_VARIABLE: report_path(home, run.id, user=definition.run_as),
        HOME_VARIABLE: str(home.root),
    }
    if run.caused_by is not None:
        environment["SMARTCRON_CAUSED_BY"] = run.caused_by
    return environment


def _secret(variable: str, name: str, secrets: Mapping[str, str]) -> str:
    if name not in secrets:
        raise BadDefinition(
            f"environment.{variable}", SECRET_MARK + name, f"add {name!r} to secrets.toml"
        )
    return secrets[name]


def _check_app_root(definition: Definition, settings: Settings) -> None:
    if settings.app_root:
        return
    words = definition.command
    fields = {
        "command": words if isinstance(words, str) else " ".join(words),
        "working_directory": definition.working_directory or "",
    }
    for field, value in fields.items():
        if "{app_root}" in value:
            raise BadDefinition(field, value, "set app_root in settings.toml first")


def _working_directory(
    definition: Definition, settings: Settings, home: Home, places: Mapping[str, str]
) -> str:
    base = settings.app_root or str(home.root)
    if definition.working_directory is None:
        return base
    return os.path.normpath(Path(base) / _fill(definition.working_directory, places))


def _check_paths(definition: Definition, app_root: str, folder: str) -> None:
    """Refuse paths that begin in app_root and climb out of it."""
    if not app_root:
        return
    asked = definition.working_directory
    if asked is not None and not asked.startswith("/"):
        _check_within("working_directory", asked, folder, app_root)
    command = definition.command
    text = command if isinstance(command, str) else shlex.join(command)
    for rest in re.findall(r"\{app_root\}(" + _PATH_END + ")", text):
        _check_within("command", text, app_root + rest, app_root)
    for word in re.findall(r"(?<![^\s'\"=|&;<>()])" + r"(?![/{~-])" + _PATH_END, text):
        if ".." in word.split("/") and _is_within(folder, app_root):
            _check_within("command", text, f"{folder}/{word}", app_root)


def _check_within(field: str, value: str, path: str, app_root: str) -> None:
    if not _is_within(path, app_root):
        raise BadDefinition(field, value, f"the path leaves app_root ({app_root}); remove the `..`")


def _is_within(path: str, app_root: str) -> bool:
    root = os.path.normpath(app_root)
    return os.path.normpath(path) == root or os.path.normpath(path).startswith(root + "/")
