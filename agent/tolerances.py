"""From which reading on does the owner want to be told: `[health]`."""

import re
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from agent.errors import WrongUse

PROBES: Final = (
    "clock", "cpu", "database", "database_size", "disk", "disk_days", "inodes", "logs", "loop",
    "master_runner", "memory", "reads", "replication", "swap", "writes",
)  # fmt: skip
"""What is looked at; one of several is named after it, as `disk:/srv` is."""
PER_MOUNT: Final = ("disk", "disk_days", "inodes")
FALLING: Final = ("disk_days",)
"""Where less is worse."""
MOST_MOUNTS: Final = 32
LONGEST_S: Final = 86_400
_NAME_CHARS: Final = 64
_NAME: Final = re.compile(r"([a-z_]{1,32})(?::(/.{0,255}))?", re.DOTALL)


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the owner wants otherwise for one reading; what is not said stays as it is."""

    warn: float | None = None
    crit: float | None = None
    back: float | None = None
    for_s: int | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file systems are looked at besides those on disks, and limits by reading."""

    mounts: tuple[str, ...] = ()
    ignore_mounts: tuple[str, ...] = ()
    limits: dict[str, Limit] = {}

    def limit(self, reading: str) -> Limit | None:
        """What was chosen for this reading by name, else for all of its kind."""
        own = {name_of(*name.split(":", 1)): limit for name, limit in self.limits.items()}
        return own.get(reading) or own.get(reading.partition(":")[0])


def name_of(kind: str, place: str = "") -> str:
    """The name of a reading, short enough for its column however long the place is."""
    name = f"{kind}:{place}" if place else kind
    if len(name) <= _NAME_CHARS:
        return name
    digest = blake2b(place.encode(errors="replace"), digest_size=4).hexdigest()
    return f"{name[: _NAME_CHARS - 9]}~{digest}"


def check_health(path: Path, health: Health) -> None:
    """Refuse what names nothing or could never turn; raises WrongUse."""
    for field in ("mounts", "ignore_mounts"):
        mounts: tuple[str, ...] = getattr(health, field)
        if len(mounts) > MOST_MOUNTS:
            raise WrongUse(f"{path}: health.{field} has {len(mounts)}: {MOST_MOUNTS} is the most")
        for mount in mounts:
            if not mount.startswith("/") or "\0" in mount:
                raise WrongUse(
                    f"{path}: health.{field} = {mount!r}: write where it is mounted, from / on"
                )
    for name, limit in health.limits.items():
        _check_limit(f"{path}: health.limits.{name}", name, limit)


def _check_limit(at: str, name: str, limit: Limit) -> None:
    found = _NAME.fullmatch(name)
    if found is None or found[1] not in PROBES or (found[2] and found[1] not in PER_MOUNT):
        raise WrongUse(
            f"{at}: is no reading; known are {', '.join(PROBES)}, and of one mount such as "
            '"disk:/srv"'
        )
    for field in ("warn", "crit", "back"):
        value = getattr(limit, field)
        if value is not None and not 0 <= value < 1e15:
            raise WrongUse(f"{at}.{field} = {value}: must be a number from 0 on")
    if limit.for_s is not None and not 0 <= limit.for_s <= LONGEST_S:
        raise WrongUse(f"{at}.for_s = {limit.for_s}: must be from 0 to {LONGEST_S}")
    if limit.warn is None or limit.crit is None:
        return
    if found[1] in FALLING and limit.warn < limit.crit:
        raise WrongUse(f"{at}.warn = {limit.warn}: must not be below crit, as less is worse here")
    if found[1] not in FALLING and limit.warn > limit.crit:
        raise WrongUse(f"{at}.warn = {limit.warn}: must not be above crit = {limit.crit}")
