"""What does the way a process ended mean: success, or an error that may pass or will not?"""

from collections.abc import Mapping
from typing import Final, Literal

from agent.exits import own_meaning

Meaning = Literal["success", "fatal", "recoverable"]
ErrorClass = Literal["fatal", "recoverable"]

# sysexits.h, as far as another attempt is sure to meet the same: wrong usage, data or input, no
# such user, a fault in the program, a system file or output file that cannot be, no permission,
# a wrong configuration. The others (no host, unavailable, out of resources, input and output,
# a temporary failure, a fault of the other side) may pass.
_FATAL_SYSEXITS: Final = frozenset({64, 65, 66, 67, 70, 72, 73, 77, 78})
# What a shell and our own spawning answer when the command may not be run, or is not there.
_NOT_RUNNABLE: Final = frozenset({126, 127})
# Of a program that this processor cannot run, that reckons wrongly, that calls what is forbidden,
# or that came to a limit of processor time or file size. Others come from outside, or by chance.
_FATAL_SIGNALS: Final = frozenset({4, 8, 24, 25, 31})
_BY_SIGNAL: Final = 128
_HIGHEST_SIGNAL: Final = 64


def meaning_of(exit_status: int, own: Mapping[str, str]) -> Meaning:
    """The meaning of an exit status: by the task's own table, else as programs agree on it."""
    match own_meaning(own, exit_status):
        case "success":
            return "success"
        case "fatal":
            return "fatal"
        case "recoverable":
            return "recoverable"
    if exit_status == 0:
        return "success"
    if exit_status in _FATAL_SYSEXITS or exit_status in _NOT_RUNNABLE:
        return "fatal"
    # A shell says so of a command that a signal ended.
    if 0 < exit_status - _BY_SIGNAL <= _HIGHEST_SIGNAL:
        return class_of_signal(exit_status - _BY_SIGNAL)
    return "recoverable"


def class_of_signal(signal: int) -> ErrorClass:
    """The class of an end by a signal that nobody of ours sent."""
    return "fatal" if signal in _FATAL_SIGNALS else "recoverable"
