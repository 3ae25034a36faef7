"""Do the example company's programs do their work, and fail only for their two real reasons?"""

import csv
import os
import subprocess
import sys
import time
import tomllib
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

ROOT = Path(__file__).parents[2]
RETAIL = ROOT / "examples" / "retail"
PROGRAMS = sorted(path for path in RETAIL.glob("modules/*/cron/*") if path.suffix in (".py", ".sh"))
WITHOUT_PAUSES = "0"
SLOW = "20"  # so that it still runs whenever we get to look at it
COMPANY = ZoneInfo("Pacific/Auckland")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "app"


def command(name: str) -> list[str]:
    (program,) = RETAIL.glob(f"modules/*/cron/{name}.*")
    return [sys.executable, str(program)] if program.suffix == ".py" else [str(program)]


def environment(data: Path, pace: str = WITHOUT_PAUSES) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "SMARTCRON_DATA": str(data),
        "SMARTCRON_PYTHON": sys.executable,
        "SHOP_PACE": pace,
    }


def run(name: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(name),
        env=environment(data),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_company_has_eighteen_programs() -> None:
    assert len(PROGRAMS) == 18


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_fills_an_empty_folder_and_says_what_it_did(program: Path, data: Path) -> None:
    done = run(program.stem, data)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("Done: ")
    assert (data / "products.csv").exists()


def test_two_folders_are_filled_alike(tmp_path: Path) -> None:
    for name in ("one", "two"):
        done = subprocess.run(
            [sys.executable, RETAIL / "seed.py"], env=environment(tmp_path / name), check=False
        )
        assert done.returncode == 0

    one, two = tmp_path / "one", tmp_path / "two"
    names = sorted(path.relative_to(one) for path in one.rglob("*.csv"))
    assert len(names) > 200
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)


def test_without_a_data_folder_a_program_says_what_to_set() -> None:
    for name in ("vend_sync_sales", "staff_send_reminders"):
        done = subprocess.run(
            command(name), env={"PATH": os.environ["PATH"]}, capture_output=True, check=False
        )

        assert done.returncode == 78
        assert b"SMARTCRON_DATA" in done.stderr


def prices_to_change(data: Path) -> int:
    """How many of our prices today's specials change: each weekday has its own."""
    ours = {row["sku"]: row["price_cents"] for row in rows(data / "products.csv")}
    today = f"{datetime.now(COMPANY):%a}".lower()
    specials = rows(data / "upstream" / "vend" / f"specials-{today}.csv")
    return sum(ours.get(row["sku"], row["price_cents"]) != row["price_cents"] for row in specials)


def test_products_are_synced_with_new_ones_and_todays_specials(data: Path) -> None:
    subprocess.run([sys.executable, RETAIL / "seed.py"], env=environment(data), check=True)
    while f"{datetime.now(COMPANY):%H:%M}" == "23:59":
        time.sleep(1)  # tomorrow has other specials
    changes = prices_to_change(data)
    first = run("vend_sync_products", data)
    second = run("vend_sync_products", data)

    assert changes > 0
    assert f"240 products, 40 new, {changes} prices changed" in first.stdout
    assert "240 products, 0 new, 0 prices changed" in second.stdout
    assert len(rows(data / "products.csv")) == 240


def test_sales_are_fetched_once_and_taken_off_the_stock(data: Path) -> None:
    run("vend_sync_sales", data)
    sold = rows(data / "sales.csv")
    run("vend_sync_sales", data)
    run("vend_sync_inventory", data)

    assert sold
    assert rows(data / "sales.csv")[: len(sold)] == sold
    opening = sum(int(row["on_hand"]) for row in rows(data / "stock-opening.csv"))
    on_hand = sum(int(row["on_hand"]) for row in rows(data / "stock.csv"))
    assert opening - on_hand == sum(int(row["quantity"]) for row in rows(data / "sales.csv"))


def test_inventory_stops_with_75_while_products_are_syncing(data: Path) -> None:
    syncing = subprocess.Popen(
        command("vend_sync_products"),
        env=environment(data, pace=SLOW),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert syncing.stdout is not None
        while "page  1/12" not in syncing.stdout.readline():
            assert syncing.poll() is None
        refused = run("vend_sync_inventory", data)
    finally:
        syncing.kill()
        syncing.communicate()
    later = run("vend_sync_inventory", data)

    assert refused.returncode == 75
    assert "products.lock is held: vend_sync_products is changing" in refused.stderr
    assert later.returncode == 0
    assert (data / "stock.csv").exists()


def test_a_statement_cut_off_by_the_bank_fails_until_it_is_fetched_again(data: Path) -> None:
    run("bank_fetch_transactions", data)
    failed = run("bank_auto_categorize", data)
    again = run("bank_auto_categorize", data)
    run("bank_fetch_transactions", data)
    mended = run("bank_auto_categorize", data)

    assert failed.returncode == again.returncode == 1
    assert "Traceback (most recent call last):" in failed.stderr
    assert "ValueError: statement-0003.csv line 41: expected 4 fields, found 3" in failed.stderr
    assert mended.returncode == 0
    kept = sorted(path.name for path in (data / "bank" / "categorized").iterdir())
    assert kept == [f"statement-{number:04d}.csv" for number in range(1, 5)]


def test_every_fourth_statement_comes_broken_at_first(data: Path) -> None:
    endings = []
    for _ in range(10):
        run("bank_fetch_transactions", data)
        endings.append(run("bank_auto_categorize", data).returncode)

    # Fetched are 1-3, 3-4, 5, 6, 7, 7-8, 9, 10, 11, 11-12.
    assert endings == [1, 0, 0, 0, 1, 0, 0, 0, 1, 0]


def test_account_sales_are_charged_once_and_within_the_limit(data: Path) -> None:
    run("vend_sync_sales", data)
    before = {row["staff"]: int(row["balance_cents"]) for row in rows(data / "staff.csv")}
    first = run("staff_process_pending_payments", data)
    after = {row["staff"]: int(row["balance_cents"]) for row in rows(data / "staff.csv")}
    second = run("staff_process_pending_payments", data)

    assert "Done: 1 batches charged" in first.stdout
    assert "Done: 0 batches charged" in second.stdout
    assert after.keys() == before.keys()
    assert sum(after.values()) > sum(before.values())
    assert max(after.values()) <= 40_000


def test_a_pay_run_holds_only_approved_timesheets_and_opens_once(data: Path) -> None:
    for name in ("payroll_sync_deputy", "payroll_process_automated_reviews"):
        run(name, data)
    opened = run("payroll_auto_start", data)
    again = run("payroll_auto_start", data)

    (pay_run,) = (data / "payroll" / "runs").iterdir()
    sheets = rows(data / "payroll" / "timesheets.csv")
    approved = [int(row["minutes"]) for row in sheets if row["review"] == "approved"]
    assert "opened for" in opened.stdout
    assert "is open already" in again.stdout
    assert 0 < len(approved) < len(sheets)
    assert sum(int(row["minutes"]) for row in rows(pay_run)) == sum(approved)


def test_consignments_arrive_in_stock_and_rate_their_suppliers(data: Path) -> None:
    for _ in range(3):
        run("consignments_process_pending", data)
    rated = run("consignments_update_analytics", data)

    received = rows(data / "consignments" / "received.csv")
    suppliers = {row["supplier"] for row in received}
    assert (data / "consignments" / "cursor").read_text() == "3\n"
    assert f"Done: {len(suppliers)} suppliers rated" in " ".join(rated.stdout.split())
    assert {row["sku"] for row in received} <= {
        row["sku"]
        for page in (data / "upstream" / "vend").glob("products-*.csv")
        for row in rows(page)
    }


def test_output_is_seen_line_by_line_while_a_program_still_runs(data: Path) -> None:
    program = subprocess.Popen(
        command("vend_sync_products"), env=environment(data, pace=SLOW), stdout=subprocess.PIPE
    )
    try:
        assert program.stdout is not None
        first = program.stdout.readline()
        still_running = program.poll() is None
    finally:
        program.kill()
        program.communicate()

    assert first == b"Syncing products: 12 pages\n"
    assert still_running


def test_the_catalogue_names_each_program_where_it_lies() -> None:
    catalogue = tomllib.loads((ROOT / "schema" / "catalogue" / "retail.toml").read_text())
    named = {
        argument.removeprefix("{app_root}/")
        for task in catalogue["task"]
        for argument in task["command"]
        if argument.startswith("{app_root}/")
    }

    assert named == {str(path.relative_to(RETAIL)) for path in PROGRAMS}
