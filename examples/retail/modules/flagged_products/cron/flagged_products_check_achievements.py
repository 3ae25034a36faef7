"""Give out the achievements that staff have earned since the last look."""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

SALES_LEVELS = {"first hundred": 10_000, "one thousand": 100_000, "five thousand": 500_000}
COLUMNS = ("given_on", "staff", "achievement")


def main() -> None:
    data = shop.open_shop()
    book = data / "achievements.csv"
    given = shop.read_rows(book)
    have = {(row["staff"], row["achievement"]) for row in given}
    today = shop.business_time().date().isoformat()
    sales: Counter[str] = Counter()
    customers: Counter[str] = Counter()
    for row in shop.read_rows(data / "sales.csv"):
        sales[row["staff"]] += int(row["amount_cents"])
        customers[row["staff"]] += 1
    fresh: list[shop.Row] = []
    for person in shop.read_rows(data / "staff.csv"):
        name = person["staff"]
        earned = [level for level, cents in SALES_LEVELS.items() if sales[name] >= cents]
        new = [level for level in earned if (name, level) not in have]
        fresh += [{"given_on": today, "staff": name, "achievement": level} for level in new]
        words = ", ".join(new) if new else "nothing new"
        print(f"{name:<6} {customers[name]:>4} sales, {shop.dollars(sales[name]):>11}: {words}")
        shop.rest(0.12)
    shop.write_rows(book, COLUMNS, [*given, *fresh])
    print(f"Done: {len(fresh)} achievements given, {len(given) + len(fresh)} in the book")


if __name__ == "__main__":
    main()
