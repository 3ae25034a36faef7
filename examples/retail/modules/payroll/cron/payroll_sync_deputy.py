"""Fetch the timesheets of the last seven days from the rostering service."""

import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

DAYS = 7
DAY_SECONDS = 0.8
COLUMNS = ("day", "staff", "outlet", "start", "end", "break_minutes", "minutes", "review")


def main() -> None:
    data = shop.open_shop()
    target = data / "payroll" / "timesheets.csv"
    with shop.locked(data / "payroll" / "timesheets.lock"):
        known = {(row["day"], row["staff"]): row for row in shop.read_rows(target)}
        print(f"{len(known)} timesheets known")
        today = shop.business_time().date()
        sheets: dict[tuple[str, str], shop.Row] = {}
        for back in range(DAYS, 0, -1):
            day = today - timedelta(days=back)
            name = f"timesheets-{shop.WEEKDAYS[day.weekday()]}.csv"
            rows = shop.read_rows(data / "upstream" / "deputy" / name)
            for row in rows:
                key = (day.isoformat(), row["staff"])
                minutes = _minutes(row)
                fetched = {"day": key[0], **row, "minutes": str(minutes), "review": ""}
                sheets[key] = known.get(key, fetched)
            hours = sum(_minutes(row) for row in rows) / 60
            print(f"{day:%a %d %b}  {len(rows)} timesheets, {hours:.1f} hours")
            shop.rest(DAY_SECONDS)
        shop.write_rows(target, COLUMNS, sheets.values())
    print(f"Done: {len(sheets)} timesheets, {len(sheets.keys() - known.keys())} new")


def _minutes(row: shop.Row) -> int:
    start, end = (60 * int(text[:2]) + int(text[3:]) for text in (row["start"], row["end"]))
    return end - start - int(row["break_minutes"])


if __name__ == "__main__":
    main()
