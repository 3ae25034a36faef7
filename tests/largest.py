"""The largest task that is taken at the door: what has to go every way that tasks go."""

from typing import Any

import msgspec

from agent.taskcheck import MAX_BYTES
from agent.tasktables import read_definition


def largest_task(name: str = "large") -> dict[str, Any]:
    """A task that runs `true` with long arguments and variables, and has no byte to spare."""
    table: dict[str, Any] = {
        "task_name": name,
        "schedule": ["30 2 * * *"],
        "command": ["true"],
        # Each sign is three bytes.
        "environment": {f"V{number}": "\N{SNOWMAN}" * 1_200 for number in range(20)},
    }
    arguments = table["command"]
    while bytes_left(table) > 3_500:
        arguments.append("x" * 3_000)
    arguments.append("y" * 300)
    arguments[-1] += "y" * bytes_left(table)
    return table


def bytes_left(table: dict[str, Any]) -> int:
    return MAX_BYTES - len(msgspec.msgpack.encode(read_definition(table)))
