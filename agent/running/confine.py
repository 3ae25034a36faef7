"""Which programs of the host, put before a command, hold its run within its limits?

Standard library only: the keeper imports this file. Each of them changes its own process and then
becomes the next, so the run keeps its one process and no instant of it is without its limits.
"""

from __future__ import annotations

import os

from agent.running import cgroup
from agent.running.remarks import remark

TYPE_CHECKING = False  # typing itself would cost the keeper half a megabyte
if TYPE_CHECKING:
    from typing import Any

# Never looked for in a task's own PATH: what holds it must not be of its choosing.
FOLDERS = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
# A program may use the warning to end in order; after that the kernel ends it.
CPU_GRACE_S = 5
_LIMITS = {
    "process_limit": "nproc",
    "open_files_limit": "nofile",
    "file_size_limit_bytes": "fsize",
}
# What the C library itself takes from nobody while it works with more rights than its caller: the
# programs before a command of another user are root's, and must not load what that user can write.
_NOT_FOR_ROOT = frozenset(
    {"GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES", "HOSTALIASES", "LOCALDOMAIN", "LOCPATH"}
    | {"NIS_PATH", "NLSPATH", "RESOLV_HOST_CONF", "RES_OPTIONS", "TMPDIR", "TZDIR"}
)
_NOT_FOR_ROOT_BEGIN = ("LD_", "MALLOC_", "MUSL_")
_IO_CLASSES = {"low": ("-c", "2", "-n", "7"), "idle": ("-c", "3")}


class CannotConfine(Exception):
    """A limit of an order cannot be kept on this host; the message says why, in words."""


def words_before(order: dict[str, Any]) -> list[str]:
    """What stands before the command of this order, often nothing; raises CannotConfine."""
    return [
        *_group(order),
        *_limits(order),
        *_shares(order),
        *(order.get("sandbox") or ()),
        *_identity(order),
    ]


def identity_of(order: dict[str, Any]) -> tuple[str, int, int] | None:
    """Name, user id and group id of another user or group the run is to have.

    None when it stays who the keeper is; raises CannotConfine.
    """
    user, group = order.get("user"), order.get("group")
    if not user and not group:
        return None
    import pwd

    try:
        account = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise CannotConfine(
            f"run_as {user!r}: this host has no such user; add it or name another"
        ) from error
    group_id = _group_id(group) if group else account.pw_gid
    if account.pw_uid == os.geteuid() and (not group or group_id == os.getegid()):
        return None
    if os.geteuid() != 0:
        field = "run_as" if user else "run_as_group"
        raise CannotConfine(f"only root may start tasks as another user; remove {field}")
    return account.pw_name, account.pw_uid, group_id


def words_after_change(environment: dict[str, str]) -> list[str]:
    """What gives a command of another user the variables that nobody before it may have.

    They are taken out of the environment.
    """
    kept_back = [
        f"{name}={environment.pop(name)}"
        for name in sorted(environment)
        if name in _NOT_FOR_ROOT or name.startswith(_NOT_FOR_ROOT_BEGIN)
    ]
    return [_tool("env", "run_as with such an environment"), *kept_back] if kept_back else []


def home_of(user: str) -> dict[str, str]:
    """The variables that tell a program whose it is."""
    import pwd

    account = pwd.getpwnam(user)
    return {
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": account.pw_shell,
    }


def _group(order: dict[str, Any]) -> list[str]:
    """Without a group of its own the family's memory is looked at instead."""
    folder, limit = order.get("cgroup"), order.get("memory_limit_bytes")
    if not folder or not limit:
        return []
    try:
        cgroup.make(folder, limit)
    except OSError as error:
        remark(f"cgroup {folder} cannot be made: {error.strerror}; memory is sampled")
        return []
    return cgroup.words_to_join(folder)


def _limits(order: dict[str, Any]) -> list[str]:
    asked = []
    cpu_limit_s = order.get("cpu_limit_s")
    if cpu_limit_s:
        asked.append(_limit("cpu", cpu_limit_s, cpu_limit_s + CPU_GRACE_S))
    for field, name in _LIMITS.items():
        value = order.get(field)
        if value:
            asked.append(_limit(name, value, value))
    return [_tool("prlimit", "limits"), *asked, "--"] if asked else []


def _limit(name: str, soft: int, hard: int) -> str:
    """As prlimit reads it; what the keeper itself is held to cannot be exceeded but by root."""
    import resource

    most = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
    if most != resource.RLIM_INFINITY and os.geteuid() != 0:
        soft, hard = min(soft, most), min(hard, most)
    return f"--{name}={soft}:{hard}"


def _shares(order: dict[str, Any]) -> list[str]:
    """How much of the processors and disks it may have while others want them."""
    words = []
    if order.get("cpus"):
        words += [_tool("taskset", "cpus"), "-c", "--", order["cpus"]]
    if order.get("io_class") in _IO_CLASSES:
        words += [_tool("ionice", "io_class"), *_IO_CLASSES[order["io_class"]], "--"]
    if order.get("nice"):
        words += [_tool("nice", "nice"), "-n", str(order["nice"]), "--"]
    return words


def _identity(order: dict[str, Any]) -> list[str]:
    other = identity_of(order)
    asked = []
    if other is not None:
        _, user_id, group_id = other
        # A user has the groups it has when it logs in; who only changes group loses the others.
        groups = "--init-groups" if order.get("user") else "--clear-groups"
        asked += [f"--reuid={user_id}", f"--regid={group_id}", groups]
    if order.get("no_new_privs"):
        asked.append("--no-new-privs")
    return [_tool("setpriv", "run_as and no_new_privs"), *asked, "--"] if asked else []


def _group_id(name: str) -> int:
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise CannotConfine(
            f"run_as_group {name!r}: this host has no such group; add it or name another"
        ) from error


def has_tool(name: str) -> bool:
    """Is this program where the host keeps its own?"""
    return any(os.access(f"{folder}/{name}", os.X_OK) for folder in FOLDERS)


def _tool(name: str, needed_for: str) -> str:
    for folder in FOLDERS:
        path = f"{folder}/{name}"
        if os.access(path, os.X_OK):
            return path
    raise CannotConfine(
        f"this host has no {name}, which is needed for {needed_for}; "
        "install the packages util-linux and coreutils"
    )
