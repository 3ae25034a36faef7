"""A database as a new agent finds it: its tables are made once, each test gets a copy of them."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.store.database import Database


@cache
def _made() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder, "made.sqlite3")
        Database.open(f"sqlite:///{file}").close()
        return file.read_bytes()


def fresh_file(file: Path) -> str:
    """Put such a database there, unless one is there already; its URL."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(_made())
    return f"sqlite:///{file}"
