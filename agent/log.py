"""How does a part say what happened: a fixed text, and named facts beside it?"""

import logging
from collections.abc import MutableMapping
from typing import Any, Final

ROOT: Final = "agent"
_HOW: Final = frozenset({"exc_info", "stack_info", "stacklevel"})


class Log(logging.LoggerAdapter[logging.Logger]):
    """Hands what is given by name to whoever writes the line, as `facts` of the record."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        how = {name: kwargs.pop(name) for name in _HOW & kwargs.keys()}
        return msg, {**how, "extra": {"facts": kwargs}}


def log_of(name: str) -> Log:
    """The log of one part; its lines go where the command that was called lets them go."""
    is_ours = name == ROOT or name.startswith(f"{ROOT}.")
    return Log(logging.getLogger(name if is_ours else f"{ROOT}.{name}"), {})
