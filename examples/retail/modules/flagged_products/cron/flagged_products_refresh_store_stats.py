"""Roll the sales up by outlet and by hour."""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

COLUMNS = ("outlet", "sales", "items", "takings_cents", "busiest_hour")


def main() -> None:
    data = shop.open_shop()
    sales = shop.read_rows(data / "sales.csv")
    print(f"{len(sales):,} sales read")
    stats = []
    for row in shop.read_rows(data / "outlets.csv"):
        mine = [sale for sale in sales if sale["outlet"] == row["outlet"]]
        hours = Counter(sale["sold_at"][11:13] for sale in mine)
        stats.append(
            {
                "outlet": row["outlet"],
                "sales": len(mine),
                "items": sum(int(sale["quantity"]) for sale in mine),
                "takings_cents": sum(int(sale["amount_cents"]) for sale in mine),
                "busiest_hour": f"{hours.most_common(1)[0][0]}:00" if hours else "none",
            }
        )
        shop.rest(0.4)
    shop.write_rows(data / "store-stats.csv", COLUMNS, stats)
    shop.table(
        ("outlet", "sales", "items", "takings", "busiest hour"),
        [
            (
                row["outlet"],
                row["sales"],
                row["items"],
                shop.dollars(int(str(row["takings_cents"]))),
                row["busiest_hour"],
            )
            for row in stats
        ],
    )
    print(f"Done: {len(stats)} outlets")


if __name__ == "__main__":
    main()
