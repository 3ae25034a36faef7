"""Which secret values may tasks name, and from where are they read?"""

import stat
import tomllib
from pathlib import Path

from agent.errors import HomeError


def load_secrets(path: Path) -> dict[str, str]:
    """The values of secrets.toml by name; none without the file; raises HomeError."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise HomeError(
                    f"{path} can be read by others (mode {mode:o}); mend it with `chmod 600 {path}`"
                )
            values = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HomeError(f"{path} is not TOML: {error}") from error
    except OSError as error:
        raise HomeError(f"{path} cannot be read: {error.strerror}") from error
    for name, value in values.items():
        if not isinstance(value, str):
            raise HomeError(f'{path}: {name} must be text, as in {name} = "value"')
    return values
