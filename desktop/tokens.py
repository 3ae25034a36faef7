"""Which colour serves which purpose, in each of the four appearances."""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Family:
    """The three colours of one meaning: its words, its marks and what lies behind them."""

    text: str
    fill: str
    tint: str


@dataclass(frozen=True, slots=True)
class Ink:
    """A filled ground and what is written on it."""

    ground: str
    ink: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """One appearance of the product."""

    name: str
    is_dark: bool
    is_contrast: bool
    window: str
    chrome: str
    rail: str
    surface: str
    sunken: str
    raised: str
    line: str
    line2: str
    control: str
    text: str
    text2: str
    text3: str
    disabled: str
    sel: str
    hover: str
    accent: Ink
    focus: str
    ok: Family
    bad: Family
    warn: Family
    run: Family
    idle: Family
    production: Ink
    staging: Ink
    test: Ink
    demo: Ink
    grid: str
    band: str
    series: str
    log_paper: str
    ansi_cyan: str
    ansi_magenta: str

    def family(self, name: str) -> Family:
        """The family of that name: ok, bad, warn, run or idle."""
        families = {
            "ok": self.ok,
            "bad": self.bad,
            "warn": self.warn,
            "run": self.run,
            "idle": self.idle,
        }
        return families[name]

    def environment(self, name: str) -> Ink:
        """The colours of an environment; an unnamed one looks like a test."""
        environments = {
            "production": self.production,
            "staging": self.staging,
            "demo": self.demo,
        }
        return environments.get(name.lower(), self.test)


LIGHT: Final = Tokens(
    name="light",
    is_dark=False,
    is_contrast=False,
    window="#F1F3F5",
    chrome="#FAFBFC",
    rail="#E9ECEF",
    surface="#FFFFFF",
    sunken="#F6F7F9",
    raised="#FFFFFF",
    line="#E3E6EA",
    line2="#C5CBD3",
    control="#858E9B",
    text="#171A21",
    text2="#474F5D",
    text3="#606977",
    disabled="#9AA2AE",
    sel="#E7EAFB",
    hover="#F2F4F7",
    accent=Ink("#4150C4", "#FFFFFF"),
    focus="#4150C4",
    ok=Family("#00704F", "#009E73", "#E1F3ED"),
    bad=Family("#AE3E00", "#C24A00", "#FCE9DF"),
    warn=Family("#7E5600", "#C48400", "#FCF1D9"),
    run=Family("#005F96", "#0072B2", "#E0EFF8"),
    idle=Family("#565F6D", "#8B94A1", "#EBEEF1"),
    production=Ink("#99226F", "#FFFFFF"),
    staging=Ink("#5E6B0C", "#FFFFFF"),
    test=Ink("#4A5568", "#FFFFFF"),
    demo=Ink("#6A3DA8", "#FFFFFF"),
    grid="#E9ECF0",
    band="#DDE2EA",
    series="#3C4656",
    log_paper="#FBFBFC",
    ansi_cyan="#006A75",
    ansi_magenta="#99226F",
)

DARK: Final = Tokens(
    name="dark",
    is_dark=True,
    is_contrast=False,
    window="#121418",
    chrome="#191C21",
    rail="#0F1114",
    surface="#181B20",
    sunken="#14161A",
    raised="#21252B",
    line="#282D35",
    line2="#3C434E",
    control="#727C8A",
    text="#E4E8EE",
    text2="#B0B8C4",
    text3="#8C96A4",
    disabled="#5A6370",
    sel="#23283F",
    hover="#1F232A",
    accent=Ink("#5563DE", "#FFFFFF"),
    focus="#93A1FF",
    ok=Family("#43C59C", "#1D9E78", "#122B25"),
    bad=Family("#FF9159", "#DC6216", "#38211A"),
    warn=Family("#EDB84A", "#E6AE3C", "#322A18"),
    run=Family("#6DBDF0", "#3390CE", "#142A3A"),
    idle=Family("#A2ABB8", "#6D7784", "#252A31"),
    production=Ink("#A93A86", "#FFFFFF"),
    staging=Ink("#66731A", "#FFFFFF"),
    test=Ink("#56627A", "#FFFFFF"),
    demo=Ink("#7A4FC0", "#FFFFFF"),
    grid="#23282F",
    band="#2A303A",
    series="#C3CAD5",
    log_paper="#14161A",
    ansi_cyan="#5CC8CF",
    ansi_magenta="#E27ABF",
)

# With high contrast tints vanish; pills, chips and counters get a border instead.
CONTRAST_DARK: Final = Tokens(
    name="contrast",
    is_dark=True,
    is_contrast=True,
    window="#000000",
    chrome="#000000",
    rail="#000000",
    surface="#000000",
    sunken="#000000",
    raised="#0A0A0A",
    line="#8A8A8A",
    line2="#FFFFFF",
    control="#FFFFFF",
    text="#FFFFFF",
    text2="#FFFFFF",
    text3="#E0E0E0",
    disabled="#A0A0A0",
    sel="#00307A",
    hover="#1A1A1A",
    accent=Ink("#FFE600", "#000000"),
    focus="#FFE600",
    ok=Family("#4DF0BE", "#4DF0BE", "#000000"),
    bad=Family("#FFA36B", "#FFA36B", "#000000"),
    warn=Family("#FFD24D", "#FFD24D", "#000000"),
    run=Family("#7FD0FF", "#7FD0FF", "#000000"),
    idle=Family("#E0E0E0", "#C0C0C0", "#000000"),
    production=Ink("#FF9BE0", "#000000"),
    staging=Ink("#D6E35A", "#000000"),
    test=Ink("#C8D2E0", "#000000"),
    demo=Ink("#CDB3FF", "#000000"),
    grid="#4A4A4A",
    band="#333333",
    series="#FFFFFF",
    log_paper="#000000",
    ansi_cyan="#7FF0F5",
    ansi_magenta="#FF9BE0",
)

CONTRAST_LIGHT: Final = replace(
    CONTRAST_DARK,
    name="contrast-light",
    is_dark=False,
    window="#FFFFFF",
    chrome="#FFFFFF",
    rail="#FFFFFF",
    surface="#FFFFFF",
    sunken="#FFFFFF",
    raised="#FFFFFF",
    line="#000000",
    line2="#000000",
    control="#000000",
    text="#000000",
    text2="#000000",
    text3="#000000",
    disabled="#6B6B6B",
    sel="#DDE3FF",
    hover="#F0F0F0",
    accent=Ink("#1A237E", "#FFFFFF"),
    focus="#1A237E",
    ok=Family("#005A3F", "#005A3F", "#FFFFFF"),
    bad=Family("#8A3000", "#8A3000", "#FFFFFF"),
    warn=Family("#5C3E00", "#5C3E00", "#FFFFFF"),
    run=Family("#00466F", "#00466F", "#FFFFFF"),
    idle=Family("#333A45", "#333A45", "#FFFFFF"),
    production=LIGHT.production,
    staging=LIGHT.staging,
    test=LIGHT.test,
    demo=LIGHT.demo,
    grid="#B0B0B0",
    band="#D0D0D0",
    series="#000000",
    log_paper="#FFFFFF",
    ansi_cyan="#005058",
    ansi_magenta="#7A1558",
)

APPEARANCES: Final = (LIGHT, DARK, CONTRAST_DARK, CONTRAST_LIGHT)
