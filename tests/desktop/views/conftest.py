"""A theme, and models filled by hand."""

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from desktop.theme import Theme


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme("light")
    yield made
    made.choose("light")
