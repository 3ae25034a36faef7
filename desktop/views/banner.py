"""What to say while the agent or its database is away, or has just come back."""

from PySide6.QtCore import QRectF, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop import freshness, words
from desktop.freshness import Link
from desktop.parts.buttons import PRIMARY, Button
from desktop.parts.labels import Ground, IconLabel, Words
from desktop.theme import Theme

BACK_MS = 8_000
LEAST_PX = 24


class Banner(QWidget):
    """A bar of 44 px over the screens."""

    retry_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._family = "bad"
        self.setFixedHeight(44)
        self._icon = IconLabel(theme, "clock-counter-clockwise", ink="bad.text", px=18)
        self.title = Words(theme, px=13, weight=600, ink="bad.text")
        # Two lines of it have room; on a small window it is whole in the tip.
        self.text = Words(theme, px=12, wrap=True)
        self.text.setMinimumWidth(LEAST_PX)
        self.wait = Words(theme, px=12, ink="text2")
        self.again = Button(theme, self.tr("Try now"), icon="arrow-clockwise")
        self.again.clicked.connect(self.retry_requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(18, 0, 12, 0)
        layout.setSpacing(10)
        layout.addWidget(self._icon)
        layout.addWidget(self.title)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.wait)
        layout.addWidget(self.again)
        self._hide_later = QTimer(self, interval=BACK_MS, singleShot=True)
        self._hide_later.timeout.connect(self.hide)
        self._silent = False
        self._away_since_ms: int | None = None
        self._kept = 0
        self.hide()

    def show_database(self, away_since_ms: int | None, kept: int) -> None:
        """Since when the agent's database is away, and how much is kept for it meanwhile."""
        was_away = self._away_since_ms is not None
        self._away_since_ms, self._kept = away_since_ms, kept
        if was_away and away_since_ms is None and not self._silent:
            self._show_good(
                self.tr("The database is back."), self.tr("What was kept is recorded in it.")
            )

    def forget(self) -> None:
        """Another agent has another database."""
        self._away_since_ms, self._kept = None, 0
        if not self._silent:
            self.hide()

    def show_link(self, link: Link, *, here_ms: int, zone: str) -> None:
        """Stand there while the link is lost, or the database; say for 8 s that it is back."""
        if link.state == freshness.LOST:
            self._silent = True
            self._hide_later.stop()
            self._show_loss(link, here_ms, zone)
        elif link.state == freshness.REFUSED:
            self._hide_later.stop()
            self.hide()
        elif link.is_live and self._away_since_ms is not None:
            self._silent = False
            self._hide_later.stop()
            self._show_away(self._away_since_ms, link.agent_now_ms(here_ms), zone)
        elif link.is_live and self._silent:
            self._silent = False
            self._show_good(self.tr("Live again."), self.tr("Everything shown is up to date."))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, family = QPainter(self), self._theme.tokens.family(self._family)
        painter.fillRect(self.rect(), QColor(family.tint))
        painter.fillRect(QRectF(0, 0, 4, self.height()), QColor(family.fill))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), QColor(family.fill))

    def _show_good(self, title: str, text: str) -> None:
        self._dress("ok", "heartbeat-fill")
        self.title.setText(title)
        self._tell(text)
        self.wait.clear()
        self.again.hide()
        self.show()
        self._hide_later.start()

    def _show_away(self, since_ms: int, now_ms: int, zone: str) -> None:
        """Nothing here is stale: the agent goes on, and so does what is shown of it."""
        self._dress("bad", "database-fill")
        at = words.clock(since_ms, words.zone_named(zone), now_ms, seconds=True)
        self.title.setText(self.tr("Database unreachable since {0}.").format(at))
        self._tell(
            self.tr(
                "Runs go on and are kept in the local journal. "
                "Changes and the history have to wait until it is back."
            )
        )
        kept = self.tr("{0} writes kept").format(self._kept) if self._kept else ""
        self.wait.setText(kept)
        self.again.hide()
        self.show()

    def _show_loss(self, link: Link, here_ms: int, zone: str) -> None:
        self._dress("bad", "clock-counter-clockwise")
        age_ms = link.age_ms(here_ms) or 0
        self.title.setText(self.tr("The agent has been silent for {0}.").format(words.span(age_ms)))
        said = [link.problem or self.tr("What happens now is unknown; commands are off.")]
        if link.beat_ms is not None:
            at = words.clock(link.beat_ms, words.zone_named(zone), link.beat_ms, seconds=True)
            said.insert(0, self.tr("You see the state as of {0}.").format(at))
        self._tell(" ".join(said))
        if link.retry_here_ms is not None:
            wait = words.span(max(0, link.retry_here_ms - here_ms))
            self.wait.setText(self.tr("Trying again in {0}").format(wait))
        else:
            self.wait.clear()
        self.again.show()
        self.show()

    def _tell(self, text: str) -> None:
        self.text.setText(text)
        self.text.setToolTip(text)

    def _dress(self, family: str, icon: str) -> None:
        self._family = family
        self._icon.show_icon(icon, f"{family}.text")
        self.title.set_ink(f"{family}.text")
        self.update()


class Refusal(Ground):
    """A whole page: the agent refuses this key, and the one next step."""

    connections_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "window", parent=parent)
        self._icon = IconLabel(theme, "lock-fill", ink="bad.text", px=28)
        self.title = Words(theme, px=20, weight=600, wrap=True)
        self.text = Words(theme, px=13, ink="text2", wrap=True)
        self.text.setMaximumWidth(520)
        button = Button(theme, self.tr("Connections"), icon="link", kind=PRIMARY, height=32)
        button.clicked.connect(self.connections_requested)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(48, 48, 48, 48)
        layout.setSpacing(12)
        layout.addStretch(2)
        for widget in (self._icon, self.title, self.text, button):
            layout.addWidget(widget)
        layout.addStretch(3)

    def show_link(self, link: Link) -> None:
        """Why, and what to do."""
        name = link.name or self.tr("The agent")
        self.title.setText(self.tr("{0} does not know this desktop").format(name))
        fallback = self.tr(
            "Its key is not enrolled, or was revoked. "
            "Ask who runs the server for a new invite, and paste it under Connections."
        )
        self.text.setText(link.problem or fallback)
