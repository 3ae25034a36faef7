"""Approve the timesheets that keep the rules; set the others aside with a reason."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

LONGEST_MINUTES = 12 * 60
BREAK_NEEDED_AFTER = 5 * 60
COLUMNS = ("day", "staff", "outlet", "start", "end", "break_minutes", "minutes", "review")


def main() -> None:
    data = shop.open_shop()
    target = data / "payroll" / "timesheets.csv"
    with shop.locked(data / "payroll" / "timesheets.lock"):
        sheets = shop.read_rows(target)
        unreviewed = [row for row in sheets if not row["review"]]
        print(f"{len(unreviewed)} of {len(sheets)} timesheets wait for a review")
        for row in unreviewed:
            row["review"] = _review(row)
        if unreviewed:
            shop.write_rows(target, COLUMNS, sheets)

    aside = [row for row in unreviewed if row["review"] != "approved"]
    if aside:
        print()
        rows = [(row["day"], row["staff"], row["minutes"], row["review"]) for row in aside]
        shop.table(("day", "staff", "minutes", "why a person must look"), rows)
    print(f"Done: {len(unreviewed) - len(aside)} approved, {len(aside)} set aside")


def _review(row: shop.Row) -> str:
    minutes = int(row["minutes"])
    if minutes > LONGEST_MINUTES:
        return "longer than 12 hours"
    if minutes > BREAK_NEEDED_AFTER and int(row["break_minutes"]) == 0:
        return "no break in more than 5 hours"
    return "approved"


if __name__ == "__main__":
    main()
