"""How long is what an option of the command line says?"""

from typing import Any, Final

import click

from agent.errors import WrongUse
from shared.lengths import FORMS, seconds_of

_UNITS_S: Final = {"seconds": 1, "days": 86_400}


class Length(click.ParamType[int]):
    """A length within bounds, written as 90s, 10m, 2h or 1d.

    A number alone is of `unit`, unless the unit `must_be_said`, as where something is deleted by
    it. The value of the option is a whole number of that unit.
    """

    name = "length"

    def __init__(
        self, lowest: int, highest: int, *, unit: str = "seconds", must_be_said: bool = False
    ) -> None:
        self._lowest, self._highest, self._unit = lowest, highest, unit
        self._must_be_said = must_be_said

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The whole number; raises WrongUse naming the option and the forms."""
        unit_s = _UNITS_S[self._unit]
        option = param.opts[0] if param is not None else self.name
        seconds = seconds_of(str(value), bare_s=unit_s)
        if self._must_be_said and str(value)[-1:].isdigit():
            raise WrongUse(f"{option} {str(value)[:40]!r}: say of what, such as {FORMS}")
        if seconds is None:
            alone = "" if self._must_be_said else f"; a number alone is {self._unit}"
            raise WrongUse(f"{option} {str(value)[:40]!r}: write a length such as {FORMS}{alone}")
        if not self._lowest * unit_s <= seconds <= self._highest * unit_s:
            lowest, highest = (_said(bound * unit_s) for bound in (self._lowest, self._highest))
            raise WrongUse(f"{option} {str(value)[:40]!r}: must be from {lowest} to {highest}")
        if seconds % unit_s:
            raise WrongUse(f"{option} {str(value)[:40]!r}: must be whole {self._unit}")
        return int(seconds // unit_s)


YEAR: Final = Length(1, 366 * 86_400)
"""How long something holds that ends by itself."""
DAYS: Final = Length(1, 36_500, unit="days")
"""An age: a number alone is days."""


def _said(seconds: int) -> str:
    """A bound as people would write it."""
    for unit, unit_s in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % unit_s == 0:
            return f"{seconds // unit_s}{unit}"
    return f"{seconds}s"
