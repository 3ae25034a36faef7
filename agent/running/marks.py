"""Which mark do all processes of a run bear that hardly any program takes off?

Parents die, sessions are left, environments emptied and outputs closed: a daemon does all of that.
But every limit of the kernel is handed down to each child, whatever it becomes, and there is one
that nothing is held to any more: on file locks, since Linux 2.4. The run is written into it.

Standard library only: the keeper imports this file.
"""

import resource

_FILE_LOCKS = 10  # RLIMIT_LOCKS, which the module does not name
_LINE = b"Max file locks"
_IS_MARK = 1 << 61
_PRIME = (1 << 61) - 1


def mark_of(run_id: str) -> int:
    """The number that stands for a run; two have the same as good as never."""
    return _IS_MARK | int.from_bytes(run_id.encode(), "big") % _PRIME


def put_on(mark: int) -> bool:
    """Let whatever this process starts from now on bear this mark; False where that cannot be."""
    most = resource.getrlimit(_FILE_LOCKS)[1]
    try:
        resource.setrlimit(_FILE_LOCKS, (mark, most))
    except (OSError, ValueError):
        return False  # somebody has lowered what nothing is held to
    return True


def take_off() -> None:
    """Start what comes next without a mark."""
    most = resource.getrlimit(_FILE_LOCKS)[1]
    resource.setrlimit(_FILE_LOCKS, (most, most))


def borne_by(pid: int) -> int | None:
    """The mark that a process bears; None for one without, or one that is gone."""
    try:
        with open(f"/proc/{pid}/limits", "rb") as file:  # noqa: PTH123 - pathlib would cost the keeper its memory
            text = file.read()
    except OSError:
        return None
    begin = text.find(_LINE)
    soft = text[begin + len(_LINE) :].split(None, 1)[0] if begin >= 0 else b""
    number = int(soft) if soft.isdigit() else 0
    return number if number >> 61 == 1 else None
