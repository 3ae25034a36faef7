"""Bring our product list in line with the point of sale, page by page."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

PAGE_SECONDS = 1.2  # the service allows 50 requests a minute


def main() -> None:
    data = shop.open_shop()
    pages = sorted((data / "upstream" / "vend").glob("products-*.csv"))
    print(f"Syncing products: {len(pages)} pages")
    # Stock must not be counted against a half-changed list: whoever counts looks at this lock.
    with shop.locked(data / "products.lock"):
        ours = {row["sku"]: row for row in shop.read_rows(data / "products.csv")}
        today = shop.WEEKDAYS[shop.business_time().weekday()]
        specials = {
            row["sku"]: row["price_cents"]
            for row in shop.read_rows(data / "upstream" / "vend" / f"specials-{today}.csv")
        }
        theirs: dict[str, shop.Row] = {}
        changes: list[tuple[str, str, str, str]] = []
        for number, page in enumerate(pages, start=1):
            rows = shop.read_rows(page)
            for row in rows:
                price = specials.get(row["sku"], row["price_cents"])
                theirs[row["sku"]] = {**row, "price_cents": price}
            fresh = [row for row in rows if row["sku"] not in ours]
            changed = _price_changes(rows, ours, theirs)
            changes.extend(changed)
            print(
                f"page {number:>2}/{len(pages)}: {len(rows)} products, "
                f"{len(fresh)} new, {len(changed)} prices changed"
            )
            shop.rest(PAGE_SECONDS)
        columns = ("sku", "name", "category", "price_cents")
        shop.write_rows(data / "products.csv", columns, theirs.values())

    if changes:
        print()
        shop.table(("sku", "product", "was", "is"), changes[:15])
    gone = ours.keys() - theirs.keys()
    new = theirs.keys() - ours.keys()
    print(
        f"Done: {len(theirs)} products, {len(new)} new, {len(changes)} prices changed, "
        f"{len(gone)} removed, {len(specials)} specials on {today}"
    )


def _price_changes(
    rows: list[shop.Row], ours: dict[str, shop.Row], theirs: dict[str, shop.Row]
) -> list[tuple[str, str, str, str]]:
    changes = []
    for row in rows:
        old = ours.get(row["sku"])
        new = theirs[row["sku"]]
        if old is not None and old["price_cents"] != new["price_cents"]:
            was, now = int(old["price_cents"]), int(new["price_cents"])
            changes.append((row["sku"], row["name"], shop.dollars(was), shop.dollars(now)))
    return changes


if __name__ == "__main__":
    main()
