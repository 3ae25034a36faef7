"""Sort the lines of fetched bank statements into categories."""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

RULES = {
    "CARD SETTLEMENT": "card takings",
    "INV": "suppliers",
    "RENT": "rent",
    "PAYROLL": "wages",
}
STATEMENT_SECONDS = 0.6
COLUMNS = ("statement", "line", "cents", "category", "reference")


def main() -> None:
    data = shop.open_shop()
    rules = ", ".join(sorted(set(RULES.values())))
    print(f"Categories: {rules}, unmatched")
    shop.rest(2)
    with shop.locked(data / "bank" / "bank.lock"):  # a fetch under way finishes first
        _categorize(data)


def _categorize(data: Path) -> None:
    waiting = sorted((data / "bank" / "incoming").glob("statement-*.csv"))
    print(f"{len(waiting)} statements wait")
    totals: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for path in waiting:
        rows = _read_statement(path)
        for row in rows:
            totals[str(row["category"])] += int(row["cents"])
            lines[str(row["category"])] += 1
        shop.write_rows(data / "bank" / "categorized" / path.name, COLUMNS, rows)
        path.unlink()
        unmatched = sum(row["category"] == "unmatched" for row in rows)
        print(f"{path.name}: {len(rows)} lines, {unmatched} unmatched")
        shop.rest(STATEMENT_SECONDS)
    if lines:
        print()
        rows_shown = [(name, lines[name], shop.dollars(totals[name])) for name in sorted(lines)]
        shop.table(("category", "lines", "sum"), rows_shown)
    print(f"Done: {lines.total()} lines categorized")


def _read_statement(path: Path) -> list[dict[str, str | int]]:
    rows: list[dict[str, str | int]] = []
    text = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(text[1:], start=2):
        fields = line.split(",")
        if len(fields) != 4:
            raise ValueError(
                f"{path.name} line {number}: expected 4 fields, found {len(fields)}: {line!r}"
            )
        position, _, amount, reference = fields
        rows.append(
            {
                "statement": path.stem,
                "line": int(position),
                "cents": int(amount.replace(".", "")),
                "category": _category(reference),
                "reference": reference,
            }
        )
    return rows


def _category(reference: str) -> str:
    for start, category in RULES.items():
        if reference.startswith(start):
            return category
    return "unmatched"


if __name__ == "__main__":
    main()
