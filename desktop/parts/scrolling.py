"""An area that shows a part of what it holds, and is not seen itself."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget


def scrolled(widget: QWidget, name: str) -> QScrollArea:
    """The widget as wide as there is room and as high as it wants, under a name to be read out."""
    area = QScrollArea()
    area.setAccessibleName(name)
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    # The area sees to it that what it holds is filled, and both would be in a colour of their own.
    area.viewport().setAutoFillBackground(False)
    widget.setAutoFillBackground(False)
    return area
