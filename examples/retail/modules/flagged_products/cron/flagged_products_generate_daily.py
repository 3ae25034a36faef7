"""Flag today's products for a look: running out, unsold, or selling unusually well."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

A_STORE = 6
LOW = 5
COLUMNS = ("day", "outlet", "sku", "reason", "checked_by")


def main() -> None:
    data = shop.open_shop()
    today = shop.business_time().date().isoformat()
    names = {row["sku"]: row["name"] for row in shop.read_rows(data / "products.csv")}
    stock = shop.read_rows(data / "stock.csv") or shop.read_rows(data / "stock-opening.csv")
    sales = shop.read_rows(data / "sales.csv")
    sold: Counter[tuple[str, str]] = Counter()
    for row in sales:
        sold[row["outlet"], row["sku"]] += int(row["quantity"])
    print(f"{len(stock):,} stock counts and {len(sales):,} sales read")

    flags: list[shop.Row] = []
    for outlet in shop.read_rows(data / "outlets.csv"):
        code = outlet["outlet"]
        counts = [row for row in stock if row["outlet"] == code]
        found = sorted(_reasons(counts, sold), reverse=True)[:A_STORE]
        for _, sku, reason in found:
            checker = _checker(sales, code, sku)
            flags.append(
                {"day": today, "outlet": code, "sku": sku, "reason": reason, "checked_by": checker}
            )
        print(f"{code}: {len(found)} products flagged")
        shop.rest(0.5)

    earlier = [row for row in shop.read_rows(data / "flags.csv") if row["day"] != today]
    shop.write_rows(data / "flags.csv", COLUMNS, [*earlier, *flags])
    print()
    rows = [
        (flag["outlet"], flag["sku"], names.get(flag["sku"], "not in the list"), flag["reason"])
        for flag in flags
    ]
    shop.table(("outlet", "sku", "product", "reason"), rows)
    print(f"Done: {len(flags)} products flagged for {today}")


def _reasons(
    counts: list[shop.Row], sold: Counter[tuple[str, str]]
) -> Iterator[tuple[int, str, str]]:
    """Yield (weight, sku, reason); the heaviest come first in the list."""
    for row in counts:
        on_hand, quantity = int(row["on_hand"]), sold[row["outlet"], row["sku"]]
        if on_hand < 0:
            yield 300 - on_hand, row["sku"], f"count says {on_hand}: recount"
        elif on_hand <= LOW and quantity:
            yield 200 + quantity, row["sku"], f"{on_hand} left, {quantity} sold"
        elif quantity >= 5:
            yield 100 + quantity, row["sku"], f"{quantity} sold: keep it filled"
        elif quantity == 0 and on_hand > 50:
            yield on_hand, row["sku"], f"{on_hand} on hand, none sold"


def _checker(sales: list[shop.Row], outlet: str, sku: str) -> str:
    """Return who sold most of it there, and so knows its shelf; nobody if nobody did."""
    sellers = Counter(
        row["staff"] for row in sales if row["outlet"] == outlet and row["sku"] == sku
    )
    return sellers.most_common(1)[0][0] if sellers else ""


if __name__ == "__main__":
    main()
