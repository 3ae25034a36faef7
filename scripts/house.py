"""Write docs/house.md: every file of the product with the question it answers."""

import argparse
import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("agent", "desktop", "shared", "schema", "examples", "packaging", "bench", "scripts")
LIST = Path("docs", "house.md")
OPENING = """# The house

Every file has one question to answer; its first line says which. `make house` writes this list.
"""


def main() -> int:
    """Write the list, or with --check say whether it is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 when stale")
    only_compare = parser.parse_args().check

    firsts = {path: first_line(path) for path in product_files(ROOT)}
    speechless = [path for path, line in firsts.items() if not line]
    if speechless:
        names = ", ".join(str(path.relative_to(ROOT)) for path in speechless)
        sys.stderr.write(f"no first line says which question it answers: {names}\n")
        return 1
    wanted = listing(ROOT, firsts)
    target = ROOT / LIST
    if not only_compare:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted, encoding="utf-8")
        return 0
    if not target.exists() or target.read_text(encoding="utf-8") != wanted:
        sys.stderr.write(f"{LIST} is stale: run `make house` and commit it\n")
        return 1
    return 0


def product_files(root: Path) -> list[Path]:
    """Return the programs of every room; an empty __init__.py only marks a package."""
    return sorted(
        path
        for room in ROOMS
        for path in (root / room).rglob("*")
        if is_program(path) and path.stat().st_size and "build" not in path.parts
    )


def is_program(path: Path) -> bool:
    """Say whether a file is one of ours to read: Python, shell, or a script without an ending."""
    if "__pycache__" in path.parts or not path.is_file():
        return False
    return path.suffix in (".py", ".sh", ".spec") or path.parent.name == "scripts"


def first_line(path: Path) -> str:
    """Return the first line of a file's docstring, or of its opening comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".py", ".spec"):
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    comments = [line[1:].strip() for line in text.splitlines() if line.startswith("# ")]
    return next((line for line in comments if not line.startswith("shellcheck")), "")


def listing(root: Path, firsts: dict[Path, str]) -> str:
    """Return the list as Markdown, a heading a folder."""
    parts = [OPENING]
    folder = None
    for path in sorted(firsts, key=lambda path: (path.parent, path.name)):
        if path.parent != folder:
            folder = path.parent
            parts.append(f"\n## {folder.relative_to(root).as_posix()}\n\n")
        parts.append(f"- `{path.name}`: {firsts[path]}\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.exit(main())
