"""Recount the stock of every outlet, unless the product list is changing."""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

OUTLET_SECONDS = 0.9
LOW = 5

Stock = Counter[tuple[str, str]]


def main() -> None:
    data = shop.open_shop()
    outlets = shop.read_rows(data / "outlets.csv")
    print(f"Counting stock in {len(outlets)} outlets")
    stock = _count(data, outlets)
    try:
        with shop.locked(data / "products.lock", wait=False):
            low = _save(data, stock)
    except BlockingIOError:
        print(
            f"{data / 'products.lock'} is held: vend_sync_products is changing the product list. "
            "Nothing was written; try again when it has finished.",
            file=sys.stderr,
        )
        raise SystemExit(shop.EXIT_BUSY) from None

    print()
    if low:
        shop.table(("sku", "product", "outlet", "on hand"), low[:12])
    print(f"Done: {sum(stock.values()):,} items on hand, {len(low)} counts at {LOW} or below")


def _count(data: Path, outlets: list[shop.Row]) -> Stock:
    stock: Stock = Counter()
    for row in shop.read_rows(data / "stock-opening.csv"):
        stock[row["sku"], row["outlet"]] += int(row["on_hand"])
    for row in shop.read_rows(data / "consignments" / "received.csv"):
        stock[row["sku"], row["outlet"]] += int(row["delivered"])
    sold: Stock = Counter()
    for row in shop.read_rows(data / "sales.csv"):
        sold[row["sku"], row["outlet"]] += int(row["quantity"])
    for row in outlets:
        shop.rest(OUTLET_SECONDS)
        code = row["outlet"]
        on_hand = sum(count for (_, outlet), count in stock.items() if outlet == code)
        gone = sum(count for (_, outlet), count in sold.items() if outlet == code)
        print(f"{code}  {row['name']:<24} {on_hand:>6} delivered, {gone:>5} sold")
    stock.subtract(sold)
    return stock


def _save(data: Path, stock: Stock) -> list[tuple[str, str, str, int]]:
    names = {row["sku"]: row["name"] for row in shop.read_rows(data / "products.csv")}
    rows = [
        {"sku": sku, "outlet": outlet, "on_hand": count}
        for (sku, outlet), count in sorted(stock.items())
    ]
    shop.write_rows(data / "stock.csv", ("sku", "outlet", "on_hand"), rows)
    low = [
        (sku, names.get(sku, "not in the list"), outlet, count)
        for (sku, outlet), count in stock.items()
        if count <= LOW
    ]
    return sorted(low, key=lambda row: row[3])


if __name__ == "__main__":
    main()
