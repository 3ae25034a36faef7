"""Which task catalogues come with the product, and what do they say."""

from importlib.resources import files


def names() -> tuple[str, ...]:
    """The catalogues that can be registered."""
    found = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def read(name: str) -> str:
    """The TOML text of a catalogue; raises KeyError when there is none of this name."""
    if name not in names():
        raise KeyError(name)
    return (files(__name__) / f"{name}.toml").read_text(encoding="utf-8")
