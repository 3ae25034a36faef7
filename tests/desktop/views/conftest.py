"""A theme, and models filled by hand."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from desktop.theme import Theme


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme("light")
    yield made
    # A closed window is really gone only when Qt comes round to it.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
