"""Fetch new bank statements, and again those the bank had only issued in part."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

STATEMENTS_UPSTREAM = 12
FIRST_BACKLOG = 3
REQUEST_SECONDS = 1.1


def main() -> None:
    data = shop.open_shop()
    with shop.locked(data / "bank" / "bank.lock"):
        _fetch(data)


def _fetch(data: Path) -> None:
    incoming = data / "bank" / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    cursor = data / "bank" / "cursor"
    last = shop.read_number(cursor)
    wanted = [int(path.stem.removeprefix("statement-")) for path in _preliminary(incoming)]
    again = len(wanted)
    wanted += range(last + 1, last + 1 + (1 if last else FIRST_BACKLOG))
    print(f"Asking the bank for {len(wanted)} statements, {again} of them again")

    lines = 0
    for position, number in enumerate(wanted):
        shop.rest(REQUEST_SECONDS)
        text, preliminary = _ask_bank(data, number, is_first_time=position >= again)
        target = incoming / f"statement-{number:04d}.csv"
        target.write_text(text, encoding="utf-8")
        # The bank says in its answer's head whether it will issue the statement again.
        note = target.with_suffix(".preliminary")
        note.touch() if preliminary else note.unlink(missing_ok=True)
        count = len(text.splitlines()) - 1
        lines += count
        word = "preliminary" if preliminary else "final"
        print(f"statement {number:04d}: {count} lines, {len(text)} bytes, {word}")
        shop.write_number(cursor, max(number, last))
    print(f"Done: {lines} lines in {len(wanted)} statements wait in {incoming.name}/")


def _preliminary(incoming: Path) -> list[Path]:
    return sorted(incoming.glob("statement-*.preliminary"))


def _ask_bank(data: Path, number: int, *, is_first_time: bool) -> tuple[str, bool]:
    """Return a statement as the bank sends it, byte for byte, and whether it is preliminary."""
    folder = data / "upstream" / "bank"
    name = f"statement-{(number - 1) % STATEMENTS_UPSTREAM + 1:02d}"
    first_issue = folder / f"{name}.preliminary.csv"
    if is_first_time and first_issue.exists():
        return first_issue.read_text(encoding="utf-8"), True
    return (folder / f"{name}.csv").read_text(encoding="utf-8"), False


if __name__ == "__main__":
    main()
