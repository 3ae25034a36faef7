"""Does each promise still have the tests that would fail if it were broken?"""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KEPT = tomllib.loads((ROOT / "tests" / "kept.toml").read_text(encoding="utf-8"))
PROMISES = 55


@cache
def functions_of(file: Path) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def lost(tests: list[str]) -> Iterator[str]:
    """Those that are no more, or are skipped wherever they run."""
    for test in tests:
        file, _, name = test.partition("::")
        found = functions_of(ROOT / file).get(name) if (ROOT / file).is_file() else None
        if found is None:
            yield f"{test} is no more"
        elif any(
            ast.unparse(mark).startswith("pytest.mark.skip(") for mark in found.decorator_list
        ):
            yield f"{test} is skipped"


def test_no_promise_is_left_out() -> None:
    assert list(KEPT) == [f"P{number}" for number in range(1, PROMISES + 1)]


@pytest.mark.parametrize("promise", KEPT)
def test_each_promise_has_its_tests(promise: str) -> None:
    assert KEPT[promise]["by"], "nothing would fail"
    assert list(lost(KEPT[promise]["by"])) == [], (
        f"{promise} ({KEPT[promise]['says']}) has lost a test: write another, or name in"
        " tests/kept.toml the one that proves it now"
    )
