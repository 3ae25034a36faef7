"""Say which categories sell more or less than before, by a fitted line."""

import sys
from collections import Counter
from pathlib import Path
from statistics import fmean, linear_regression

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

CATEGORY_SECONDS = 2.2  # unhurried: the tills share this machine


def main() -> None:
    data = shop.open_shop()
    category = {row["sku"]: row["category"] for row in shop.read_rows(data / "products.csv")}
    sales = shop.read_rows(data / "sales.csv")
    hours = sorted({row["sold_at"] for row in sales})
    print(f"{len(sales):,} sales in {len(hours)} hours")
    by_hour: dict[str, Counter[str]] = {name: Counter() for name in sorted(set(category.values()))}
    for row in sales:
        if row["sku"] in category:
            by_hour[category[row["sku"]]][row["sold_at"]] += int(row["quantity"])

    lines = [f"Insights of {shop.business_time():%A %d %B %Y, %H:%M}", ""]
    for name, counts in by_hour.items():
        shop.rest(CATEGORY_SECONDS)
        series = [counts[hour] for hour in hours]
        sentence = _sentence(name, series)
        lines.append(sentence)
        print(sentence)
    target = data / "insights.txt"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"Done: {len(by_hour)} insights in {target.name}")


def _sentence(name: str, series: list[int]) -> str:
    if len(series) < 3 or not any(series):
        return f"{name}: too few sales to say anything."
    slope = linear_regression(range(len(series)), series).slope
    average = fmean(series)
    change = 100 * slope * len(series) / average
    direction = "steady" if abs(change) < 10 else "rising" if change > 0 else "falling"
    return (
        f"{name}: {direction} ({change:+.0f} % over {len(series)} hours), "
        f"{average:.1f} items an hour, best hour {max(series)}."
    )


if __name__ == "__main__":
    main()
