"""Rank the staff by sales made and flagged products looked after."""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import shop

POINTS_A_FLAG = 25


def main() -> None:
    data = shop.open_shop()
    points: Counter[str] = Counter({row["staff"]: 0 for row in shop.read_rows(data / "staff.csv")})
    sales: Counter[str] = Counter()
    flags: Counter[str] = Counter()
    for row in shop.read_rows(data / "sales.csv"):
        sales[row["staff"]] += int(row["amount_cents"])
    for row in shop.read_rows(data / "flags.csv"):
        if row["checked_by"]:
            flags[row["checked_by"]] += 1
    print(f"{sales.total() / 100:,.0f} dollars of sales and {flags.total()} flags counted")
    shop.rest(1.5)
    for name in points:
        points[name] = sales[name] // 1000 + POINTS_A_FLAG * flags[name]

    before = {row["staff"]: int(row["rank"]) for row in shop.read_rows(data / "leaderboard.csv")}
    board = [
        {"rank": rank, "staff": name, "points": score}
        for rank, (name, score) in enumerate(points.most_common(), start=1)
    ]
    shop.write_rows(data / "leaderboard.csv", ("rank", "staff", "points"), board)
    print()
    shop.table(
        ("rank", "staff", "points", "sales", "flags", "moved"),
        [
            (
                row["rank"],
                row["staff"],
                row["points"],
                shop.dollars(sales[str(row["staff"])]),
                flags[str(row["staff"])],
                _moved(before.get(str(row["staff"])), int(str(row["rank"]))),
            )
            for row in board
        ],
    )
    print(f"Done: {len(board)} people ranked, {board[0]['staff']} leads")


def _moved(before: int | None, rank: int) -> str:
    if before is None:
        return "new"
    if before == rank:
        return "same"
    return f"up {before - rank}" if before > rank else f"down {rank - before}"


if __name__ == "__main__":
    main()
