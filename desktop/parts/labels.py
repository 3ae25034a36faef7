"""Words with a role: titles, second facts, pills, icons."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPalette, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from desktop.states import Look
from desktop.theme import Theme, rounded


class Words(QLabel):
    """A label of one size, weight and token colour that follows the theme."""

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        *,
        px: int = 12,
        weight: int = 400,
        ink: str = "text",
        selectable: bool = False,
        wrap: bool = False,
        fixed: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self._fixed = fixed
        self._px, self._weight, self._ink = px, weight, ink
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if selectable:
            self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.setCursor(Qt.CursorShape.IBeamCursor)
        theme.on_change(self._dress)

    def set_ink(self, ink: str, weight: int | None = None) -> None:
        """Another colour: a plain token ("text2") or a family's words ("bad.text")."""
        if weight is not None:
            self._weight = weight
        self._ink = ink
        self._dress()

    def showEvent(self, event: QShowEvent) -> None:
        """Qt gives words that moved to another parent the colour back that they began with."""
        super().showEvent(event)
        if self.palette().color(QPalette.ColorRole.WindowText) != self._colour():
            self._dress()

    def _colour(self) -> QColor:
        return QColor(token_colour(self._theme, self._ink))

    def _dress(self) -> None:
        self.setFont(self._theme.font(self._px, self._weight, fixed=self._fixed))
        palette = QPalette(self._theme_palette())
        colour = self._colour()
        palette.setColor(QPalette.ColorRole.WindowText, colour)
        self.setPalette(palette)

    def _theme_palette(self) -> QPalette:
        parent = self.parentWidget()
        return QPalette(parent.palette()) if parent is not None else QPalette()


def token_colour(theme: Theme, token: str) -> str:
    """The colour of "text2" or "bad.text"."""
    name, dot, part = token.partition(".")
    owner = getattr(theme.tokens, name)
    return str(getattr(owner, part) if dot else owner)


class Elided(Words):
    """One line of words that gives way: elided at its end or in its middle, whole in the tip."""

    def __init__(
        self, theme: Theme, text: str = "", *, middle: bool = False, **more: object
    ) -> None:
        super().__init__(theme, text, **more)  # type: ignore[arg-type]
        self._mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        metrics = QFontMetrics(self.font())
        room = self.contentsRect()
        shown = metrics.elidedText(self.text(), self._mode, room.width())
        self.setToolTip(self.text() if shown != self.text() else "")
        painter.drawText(room, self.alignment() | Qt.AlignmentFlag.AlignVCenter, shown)


class IconLabel(QWidget):
    """One icon of the set, in a token's colour."""

    def __init__(
        self,
        theme: Theme,
        icon: str,
        *,
        ink: str = "text2",
        px: int = 16,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._icon, self._ink, self._px = theme, icon, ink, px
        self.setFixedSize(px + 2, px + 2)
        theme.changed.connect(self.update)

    def show_icon(self, icon: str, ink: str) -> None:
        """Another icon and colour."""
        self._icon, self._ink = icon, ink
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        colour = token_colour(self._theme, self._ink)
        self._theme.draw_icon(painter, self.rect(), self._icon, colour, self._px)


class Pill(QWidget):
    """A state with its shape and word on its tint."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._look: Look | None = None
        self._text = ""
        self._stale = False
        self.setFixedHeight(22)
        theme.changed.connect(self.update)

    def show_look(self, look: Look, text: str = "", *, stale: bool = False) -> None:
        """Tell that state; `text` says more than its word; stale ones are grey."""
        self._look, self._text, self._stale = look, text or look.said, stale
        self.setAccessibleName(self._text)
        self.updateGeometry()
        self.adjustSize()
        self.update()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(self._theme.font(12, 500)).horizontalAdvance(self._text)
        return QSize(wide + 40, 22)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._look is None:
            return
        t, painter = self._theme.tokens, QPainter(self)
        family = t.family("idle" if self._stale else self._look.family)
        border = family.text if t.is_contrast else None
        rounded(painter, QRectF(self.rect()), 11, fill=family.tint, border=border)
        self._theme.draw_icon(painter, QRectF(9, 3, 16, 16), self._look.icon, family.text, 14)
        painter.setFont(self._theme.font(12, 500))
        painter.setPen(QColor(family.text))
        painter.drawText(
            self.rect().adjusted(29, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._text
        )


class Card(QFrame):
    """A surface with a hairline around it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t = self._theme.tokens
        rounded(QPainter(self), QRectF(self.rect()), 8, fill=t.surface, border=t.line)


class Ground(QWidget):
    """A plain area in one token's colour, with hairlines on chosen sides ("tblr")."""

    def __init__(
        self, theme: Theme, ground: str, *, lines: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._ground, self._lines = theme, ground, lines
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, t = QPainter(self), self._theme.tokens
        painter.fillRect(self.rect(), QColor(token_colour(self._theme, self._ground)))
        hair, wide, high = QColor(t.line), self.width(), self.height()
        for side, box in (
            ("t", (0, 0, wide, 1)),
            ("b", (0, high - 1, wide, 1)),
            ("l", (0, 0, 1, high)),
            ("r", (wide - 1, 0, 1, high)),
        ):
            if side in self._lines:
                painter.fillRect(*box, hair)


def draw_words(
    painter: QPainter, box: QRectF, text: str, font: QFont, ink: str, *, middle: bool = False
) -> None:
    """One line; what does not fit gives way at its end, or in its middle where ends tell apart."""
    painter.setFont(font)
    painter.setPen(QColor(ink))
    mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
    shown = QFontMetrics(font).elidedText(text, mode, int(box.width()))
    painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
