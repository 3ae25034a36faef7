"""How long is what somebody writes as 90, 90s, 10m, 2h or 1d?"""

import re
from collections.abc import Mapping
from typing import Any, Final

FORMS: Final = "90s, 10m, 2h or 1d"
UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
# Which unit a number alone has in a field that is called so.
_FIELDS_S: Final = {"_s": 1, "_seconds": 1, "_minutes": 60, "_days": 86_400}
_TEXT: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([smhd]?)", re.ASCII)


def seconds_of(text: str, *, bare_s: int = 1) -> float | None:
    """Its seconds; a number alone is of units of `bare_s`; None: it is no length."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        return None
    return float(found[1]) * (UNITS_S[found[2]] if found[2] else bare_s)


def in_unit_of(field: str, value: object) -> object:
    """What a field of numbers holds where somebody wrote a length into it; all else as it is.

    The name of the field says its unit: 10m is 600 for `timeout_seconds`, 10 for `after_minutes`.
    """
    unit_s = _unit_s(field)
    if unit_s is None or not isinstance(value, str):
        return value
    seconds = seconds_of(value, bare_s=unit_s)
    if seconds is None:
        return value
    count = seconds / unit_s
    return int(count) if count.is_integer() else count


def is_length(field: str) -> bool:
    """The name of the field says that it holds a length."""
    return _unit_s(field) is not None


def in_units(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with a number for each length in it, also in tables within it."""
    return {key: _in_unit(key, value) for key, value in table.items()}


def _in_unit(key: str, value: object) -> object:
    if isinstance(value, Mapping):
        if is_length(key):
            return {name: in_unit_of(key, one) for name, one in value.items()}
        return in_units(value)
    if isinstance(value, list):
        return [in_units(one) if isinstance(one, Mapping) else one for one in value]
    return in_unit_of(key, value)


def _unit_s(field: str) -> int | None:
    return next((unit_s for end, unit_s in _FIELDS_S.items() if field.endswith(end)), None)
