"""Fill the example company's data folder: the same files in every folder."""

import random
import sys
from pathlib import Path

import shop

SEED = 20251101
PAGES = 12
PRODUCTS_A_PAGE = 20
TRADING_HOURS = range(8, 19)

OUTLETS = {
    "AKL": "Auckland Queen Street",
    "HAM": "Hamilton East",
    "WLG": "Wellington Cuba Street",
    "CHC": "Christchurch Riverside",
    "DUD": "Dunedin George Street",
}
CATEGORIES = {
    "Coffee": ("House blend", "Decaf", "Single origin", "Cold brew", "Espresso roast"),
    "Tea": ("Breakfast", "Green sencha", "Chamomile", "Earl Grey", "Peppermint"),
    "Kitchen": ("Grinder", "Filter papers", "Kettle", "Scale", "Milk jug"),
    "Pantry": ("Honey", "Oat bar", "Dark chocolate", "Granola", "Almonds"),
}
SIZES = ("small", "medium", "large", "family")
STAFF = ("Aroha", "Ben", "Chloe", "Dev", "Emma", "Finn", "Grace", "Hemi", "Isla", "Jack")
SUPPLIERS = ("Southern Roasters", "Tea Harbour", "Kitchen & Co", "Pantry Goods")

PRODUCT_COLUMNS = ("sku", "name", "category", "price_cents")
SALE_COLUMNS = ("sku", "quantity", "outlet", "staff", "paid_by")
STATEMENT_HEADING = "line,date,amount,reference"


def fill(data: Path) -> None:
    """Write the services' files and the company's own opening state."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable data, no secret
    upstream = data / "upstream"
    products = _products(chance)
    for page in range(PAGES):
        rows = products[page * PRODUCTS_A_PAGE : (page + 1) * PRODUCTS_A_PAGE]
        shop.write_rows(upstream / "vend" / f"products-{page:02d}.csv", PRODUCT_COLUMNS, rows)
    for weekday in shop.WEEKDAYS:
        specials = [
            {"sku": row["sku"], "price_cents": int(row["price_cents"]) * 8 // 10}
            for row in chance.sample(products, 9)
        ]
        path = upstream / "vend" / f"specials-{weekday}.csv"
        shop.write_rows(path, ("sku", "price_cents"), specials)
    _sales(upstream / "vend", products, chance)
    _statements(upstream / "bank", chance)
    _timesheets(upstream / "deputy", chance)
    _trucks(upstream / "consignments", products, chance)

    shop.write_rows(
        data / "outlets.csv",
        ("outlet", "name"),
        [{"outlet": code, "name": name} for code, name in OUTLETS.items()],
    )
    shop.write_rows(
        data / "staff.csv",
        ("staff", "hourly_cents", "balance_cents"),
        [
            {
                "staff": name,
                "hourly_cents": chance.randrange(2400, 3600, 50),
                "balance_cents": chance.randrange(0, 16000, 25),
            }
            for name in STAFF
        ],
    )
    stock = [
        {"sku": row["sku"], "outlet": outlet, "on_hand": chance.randint(8, 60)}
        for row in products
        for outlet in OUTLETS
    ]
    shop.write_rows(data / "stock-opening.csv", ("sku", "outlet", "on_hand"), stock)
    # The product list comes last: it is the sign that everything else is there.
    shop.write_rows(data / "products.csv", PRODUCT_COLUMNS, products[: PRODUCTS_A_PAGE * 10])


def _products(chance: random.Random) -> list[shop.Row]:
    kinds = [(category, name) for category, names in CATEGORIES.items() for name in names]
    rows = []
    for number in range(PAGES * PRODUCTS_A_PAGE):
        category, name = kinds[number % len(kinds)]
        size = SIZES[number // len(kinds) % len(SIZES)]
        edition = number // (len(kinds) * len(SIZES)) + 1
        price = chance.randrange(350, 9000, 5)
        rows.append(
            {
                "sku": f"P{1000 + number}",
                "name": f"{name} {size} no. {edition}",
                "category": category,
                "price_cents": str(price),
            }
        )
    return rows


def _sales(folder: Path, products: list[shop.Row], chance: random.Random) -> None:
    for day, weekday in enumerate(shop.WEEKDAYS):
        for hour in range(24):
            busy = 14 if hour in TRADING_HOURS else 1
            busy += 8 if day >= 5 and hour in TRADING_HOURS else 0
            sales = [
                {
                    # Few products sell often and many seldom, as in any shop.
                    "sku": products[int(chance.paretovariate(0.9) * 7) % len(products)]["sku"],
                    "quantity": chance.choice((1, 1, 1, 2, 3)),
                    "outlet": chance.choice(tuple(OUTLETS)),
                    "staff": chance.choice(STAFF),
                    "paid_by": chance.choice(("card", "card", "card", "cash", "account")),
                }
                for _ in range(chance.randint(busy // 2, busy))
            ]
            shop.write_rows(folder / "sales" / f"{weekday}-{hour:02d}.csv", SALE_COLUMNS, sales)


def _statements(folder: Path, chance: random.Random) -> None:
    """Twelve statements; each fourth has a first issue that broke off in its last line."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 13):
        lines = [STATEMENT_HEADING]
        for line in range(1, 41):
            kind = chance.choice(("card", "card", "supplier", "rent", "wages", "unknown"))
            reference = {
                "card": f"CARD SETTLEMENT {chance.choice(tuple(OUTLETS))}",
                "supplier": f"INV {chance.choice(SUPPLIERS).upper()}",
                "rent": f"RENT {chance.choice(tuple(OUTLETS))}",
                "wages": f"PAYROLL {chance.choice(STAFF).upper()}",
                "unknown": f"TRANSFER {chance.randint(100000, 999999)}",
            }[kind]
            amount = chance.randrange(2000, 250000)
            sign = "" if kind in ("card", "unknown") else "-"
            lines.append(f"{line},{number:02d},{sign}{amount / 100:.2f},{reference}")
        whole = "\n".join(lines) + "\n"
        (folder / f"statement-{number:02d}.csv").write_text(whole, encoding="utf-8")
        if number % 4 == 3:
            broken = whole[: whole.rindex(",") - 3]  # ends inside the last line's amount
            path = folder / f"statement-{number:02d}.preliminary.csv"
            path.write_text(broken, encoding="utf-8")


def _timesheets(folder: Path, chance: random.Random) -> None:
    columns = ("staff", "outlet", "start", "end", "break_minutes")
    for weekday in shop.WEEKDAYS:
        sheets = []
        for name in chance.sample(STAFF, 8):
            start = chance.randrange(6 * 60, 11 * 60, 15)
            length = chance.choice((240, 360, 480, 480, 510, 780))
            rest_minutes = chance.choice((0, 30, 30, 30)) if length > 300 else 0
            sheets.append(
                {
                    "staff": name,
                    "outlet": chance.choice(tuple(OUTLETS)),
                    "start": f"{start // 60:02d}:{start % 60:02d}",
                    "end": f"{(start + length) // 60:02d}:{(start + length) % 60:02d}",
                    "break_minutes": rest_minutes,
                }
            )
        shop.write_rows(folder / f"timesheets-{weekday}.csv", columns, sheets)


def _trucks(folder: Path, products: list[shop.Row], chance: random.Random) -> None:
    columns = ("supplier", "sku", "outlet", "ordered", "delivered")
    for number in range(24):
        rows = []
        for product in chance.sample(products, chance.randint(4, 12)):
            ordered = chance.randrange(6, 48, 6)
            rows.append(
                {
                    "supplier": chance.choice(SUPPLIERS),
                    "sku": product["sku"],
                    "outlet": chance.choice(tuple(OUTLETS)),
                    "ordered": ordered,
                    "delivered": chance.choice((ordered, ordered, ordered, ordered - 2)),
                }
            )
        shop.write_rows(folder / f"truck-{number:02d}.csv", columns, rows)


if __name__ == "__main__":
    folder = shop.open_shop()
    sys.stdout.write(f"The company's files lie in {folder}\n")
