"""Fetch the hours of sales we have not seen and add them to our books."""

import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

HOUR_SECONDS = 0.25
HOUR_S = 3600
FIRST_BACKLOG_S = 24 * HOUR_S
LONGEST_BACKLOG_S = 7 * 24 * HOUR_S  # the point of sale keeps a week
KEPT = timedelta(days=14)
COLUMNS = ("sold_at", "sku", "quantity", "outlet", "staff", "paid_by", "amount_cents")


def main() -> None:
    data = shop.open_shop()
    with shop.locked(data / "sales.lock"):
        _sync(data)


def _sync(data: Path) -> None:
    this_hour = shop.business_time().replace(minute=0, second=0, microsecond=0)
    prices = {row["sku"]: int(row["price_cents"]) for row in shop.read_rows(data / "products.csv")}
    cursor = data / "sales.cursor"
    until_s = int(this_hour.timestamp())
    start_s = shop.read_number(cursor) or until_s - FIRST_BACKLOG_S
    start_s = max(start_s, until_s - LONGEST_BACKLOG_S)
    # Counted in seconds, not on the wall clock: no hour is missed or doubled in a DST change.
    hours = [
        datetime.fromtimestamp(second, shop.BUSINESS_ZONE)
        for second in range(start_s, until_s, HOUR_S)
    ]
    print(f"{len(hours)} hours of sales to fetch until {this_hour:%a %d %b %H:%M}")

    fresh: list[shop.Row] = []
    for hour in hours:
        name = f"{shop.WEEKDAYS[hour.weekday()]}-{hour.hour:02d}.csv"
        sales = shop.read_rows(data / "upstream" / "vend" / "sales" / name)
        for sale in sales:
            amount = prices.get(sale["sku"], 0) * int(sale["quantity"])
            fresh.append({"sold_at": hour.isoformat(), **sale, "amount_cents": str(amount)})
        print(f"{hour:%a %H:%M}  {len(sales):>3} sales")
        shop.rest(HOUR_SECONDS)

    _keep(data, fresh, this_hour)
    shop.write_number(cursor, until_s)
    _charge_staff(data, [sale for sale in fresh if sale["paid_by"] == "account"])
    _report(fresh)


def _keep(data: Path, fresh: list[shop.Row], now: datetime) -> None:
    oldest = (now - KEPT).isoformat()
    kept = [row for row in shop.read_rows(data / "sales.csv") if row["sold_at"] >= oldest]
    shop.write_rows(data / "sales.csv", COLUMNS, [*kept, *fresh])


def _charge_staff(data: Path, sales: list[shop.Row]) -> None:
    """Sales on account wait in a folder of their own until they are deducted."""
    if not sales:
        return
    pending = data / "staff_accounts" / "pending" / f"{sales[-1]['sold_at'][:13]}.csv"
    rows = [{"staff": row["staff"], "amount_cents": row["amount_cents"]} for row in sales]
    shop.write_rows(pending, ("staff", "amount_cents"), rows)
    print(f"{len(sales)} sales on staff account left for payment in {pending.name}")


def _report(fresh: list[shop.Row]) -> None:
    takings: Counter[str] = Counter()
    for sale in fresh:
        takings[sale["outlet"]] += int(sale["amount_cents"])
    print()
    if takings:
        rows = [(outlet, shop.dollars(cents)) for outlet, cents in takings.most_common()]
        shop.table(("outlet", "takings"), rows)
    print(f"Done: {len(fresh)} sales, {shop.dollars(takings.total())}")


if __name__ == "__main__":
    main()
