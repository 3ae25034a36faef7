"""How the product looks: the colours in force, its fonts and its icons."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import qtawesome
from PySide6.QtCore import QObject, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QIcon,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QStyleFactory

from desktop.tokens import CONTRAST_DARK, CONTRAST_LIGHT, DARK, LIGHT, Tokens

SYSTEM: Final = "system"
CHOICES: Final = (SYSTEM, "light", "dark", "contrast")

_UI_FAMILIES: Final = ("Inter", "Inter Variable", "Noto Sans", "DejaVu Sans")
_FIXED_FAMILIES: Final = ("JetBrains Mono", "Noto Sans Mono", "DejaVu Sans Mono")
# DejaVu draws larger letters than its size says; this brings it to the measure of the others.
_OPTICAL: Final = {"DejaVu Sans": 0.92, "DejaVu Sans Mono": 0.95}
_TABULAR: Final = QFont.Tag.fromString("tnum")
_LIGATURES: Final = QFont.Tag.fromString("liga")
_ALTERNATES: Final = QFont.Tag.fromString("calt")


@lru_cache(maxsize=1)
def _families() -> frozenset[str]:
    return frozenset(QFontDatabase.families())


def ui_family() -> str:
    """The family for words: the platform's own, on Linux the best of those that are there."""
    for family in _UI_FAMILIES:
        if family in _families():
            return family
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()


def fixed_family() -> str:
    """The family for logs and code."""
    for family in _FIXED_FAMILIES:
        if family in _families():
            return family
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()


class Theme(QObject):
    """The appearance in force; `changed` is told after the application has put it on."""

    changed = Signal()

    def __init__(self, choice: str = SYSTEM, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = SYSTEM
        self.tokens: Tokens = LIGHT
        self._fonts: dict[tuple[int, int, bool], QFont] = {}
        self._icon_fonts: dict[int, QFont] = {}
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._follow_system)
        self.choose(choice)

    @property
    def choice(self) -> str:
        """What the user chose: "system", "light", "dark" or "contrast"."""
        return self._choice

    def choose(self, choice: str) -> None:
        """Put on another appearance, at once and everywhere."""
        self._choice = choice if choice in CHOICES else SYSTEM
        self.tokens = self._tokens_for(self._choice)
        self._put_on()
        self.changed.emit()

    def _follow_system(self) -> None:
        if self._choice == SYSTEM:
            self.choose(SYSTEM)

    def _tokens_for(self, choice: str) -> Tokens:
        if choice == "light":
            return LIGHT
        if choice == "dark":
            return DARK
        hints = QGuiApplication.styleHints()
        is_dark = hints.colorScheme() == Qt.ColorScheme.Dark
        if choice == "contrast":
            # On purpose dark unless the system says light aloud.
            is_light = hints.colorScheme() == Qt.ColorScheme.Light
            return CONTRAST_LIGHT if is_light else CONTRAST_DARK
        wants_contrast = (
            hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast
        )
        if wants_contrast:
            return CONTRAST_DARK if is_dark else CONTRAST_LIGHT
        return DARK if is_dark else LIGHT

    def _put_on(self) -> None:
        application = QApplication.instance()
        if not isinstance(application, QApplication):
            return
        if application.style().name() != "fusion":
            application.setStyle(QStyleFactory.create("Fusion"))
        application.setPalette(self._palette())
        application.setFont(self.font(13))
        application.setStyleSheet(self._sheet())

    def _palette(self) -> QPalette:
        t, role = self.tokens, QPalette.ColorRole
        palette = QPalette()
        for which, colour in (
            (role.Window, t.window),
            (role.WindowText, t.text),
            (role.Base, t.surface),
            (role.AlternateBase, t.sunken),
            (role.Text, t.text),
            (role.PlaceholderText, t.text3),
            (role.Button, t.raised),
            (role.ButtonText, t.text),
            (role.BrightText, t.bad.text),
            (role.Highlight, t.sel),
            (role.HighlightedText, t.text),
            (role.Accent, t.accent.ground),
            (role.Link, t.focus),
            (role.LinkVisited, t.focus),
            (role.ToolTipBase, t.raised),
            (role.ToolTipText, t.text),
            (role.Light, t.raised),
            (role.Midlight, t.line),
            (role.Mid, t.line2),
            (role.Dark, t.line2),
            (role.Shadow, t.line2),
        ):
            palette.setColor(which, QColor(colour))
        for which in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(t.disabled))
        return palette

    def _sheet(self) -> str:
        t = self.tokens
        handle = t.line2
        return f"""
        QHeaderView {{ background: {t.chrome}; border: none; }}
        QHeaderView::section {{
            background: {t.chrome}; color: {t.text2}; border: none;
            border-bottom: 1px solid {t.line}; padding: 0 4px 0 8px;
            font-size: {self.font(11).pixelSize()}px; font-weight: 500;
        }}
        QHeaderView::section:first {{ padding-left: 14px; }}
        QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
        QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
        QScrollBar::handle {{ background: {handle}; border-radius: 3px; margin: 2px; }}
        QScrollBar::handle:hover {{ background: {t.control}; }}
        QScrollBar::handle:vertical {{ min-height: 32px; }}
        QScrollBar::handle:horizontal {{ min-width: 32px; }}
        QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
        QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
        QAbstractScrollArea::corner {{ background: transparent; border: none; }}
        QToolTip {{
            background: {t.raised}; color: {t.text}; border: 1px solid {t.line2}; padding: 4px 6px;
        }}
        """

    def font(self, px: int, weight: int = 400, *, fixed: bool = False) -> QFont:
        """A font of that size in px at 100 %, with figures of equal width."""
        key = (px, weight, fixed)
        if key not in self._fonts:
            family = fixed_family() if fixed else ui_family()
            font = QFont(family)
            font.setPixelSize(max(9, round(px * _OPTICAL.get(family, 1.0))))
            font.setWeight(QFont.Weight(weight))
            font.setFeature(_TABULAR, 1)
            if fixed:
                # In a log "->" is two characters, whatever the font thinks of it.
                font.setFeature(_LIGATURES, 0)
                font.setFeature(_ALTERNATES, 0)
                font.setStyleHint(QFont.StyleHint.Monospace)
                font.setFixedPitch(True)
            self._fonts[key] = font
        return self._fonts[key]

    def draw_icon(
        self, painter: QPainter, rect: QRectF | QRect, name: str, colour: str, px: int = 14
    ) -> None:
        """Draw one icon of the set in the middle of a rectangle, crisp at any scale."""
        if px not in self._icon_fonts:
            font = qtawesome.font("ph", px)
            font.setPixelSize(px)
            self._icon_fonts[px] = font
        painter.save()
        painter.setFont(self._icon_fonts[px])
        painter.setPen(QColor(colour))
        painter.drawText(
            QRectF(rect), Qt.AlignmentFlag.AlignCenter, str(qtawesome.charmap(f"ph.{name}"))
        )
        painter.restore()

    def icon(self, name: str, colour: str | None = None, px: int = 16) -> QIcon:
        """An icon of the set for menus and actions."""
        icon = QIcon()
        for mode, ink in (
            (QIcon.Mode.Normal, colour or self.tokens.text2),
            (QIcon.Mode.Disabled, self.tokens.disabled),
        ):
            for scale in (1, 2):
                pixmap = QPixmap(px * scale, px * scale)
                pixmap.setDevicePixelRatio(scale)
                pixmap.fill(Qt.GlobalColor.transparent)
                painter = QPainter(pixmap)
                self.draw_icon(painter, QRect(0, 0, px, px), name, ink, px)
                painter.end()
                icon.addPixmap(pixmap, mode)
        return icon

    def on_change(self, slot: Callable[[], None]) -> None:
        """Call it now and after each change of appearance."""
        self.changed.connect(slot)
        slot()


def put_palette(area: QAbstractScrollArea, palette: QPalette) -> None:
    """Colour a part that scrolls, and its ground.

    Once a style sheet has dressed it, what scrolls keeps the colours it had then for its own.
    """
    area.setPalette(palette)
    area.viewport().setPalette(palette)


def rounded(
    painter: QPainter,
    rect: QRectF,
    radius: float,
    *,
    fill: str | None = None,
    border: str | None = None,
    width: float = 1.0,
    dashed: bool = False,
) -> None:
    """A rounded box whose border lies crisp inside the rectangle."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if border is None:
        painter.setPen(Qt.PenStyle.NoPen)
        inner = rect
    else:
        pen = painter.pen()
        pen.setColor(QColor(border))
        pen.setWidthF(width)
        pen.setStyle(Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
        if dashed:
            pen.setDashPattern([3, 3])
        painter.setPen(pen)
        half = width / 2
        inner = rect.adjusted(half, half, -half, -half)
    painter.setBrush(QColor(fill) if fill is not None else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(inner, radius, radius)
    painter.restore()


def line(painter: QPainter, start: QPointF, end: QPointF, colour: str, width: float = 1.0) -> None:
    """A straight stroke."""
    pen = painter.pen()
    pen.setColor(QColor(colour))
    pen.setWidthF(width)
    pen.setStyle(Qt.PenStyle.SolidLine)
    painter.setPen(pen)
    painter.drawLine(start, end)
