"""The look: readable colours, a font that exists, a shape and a word for every state."""

from collections.abc import Iterator

import pytest
import qtawesome
from PySide6.QtGui import QColor, QFontDatabase, QFontInfo, QImage, QPainter, QPalette
from PySide6.QtWidgets import QApplication

from desktop import states
from desktop.theme import Theme, fixed_family, ui_family
from desktop.tokens import APPEARANCES, Tokens
from shared.protocol.rows import CHECK_STATES, LIVE_STATES, RESULTS, TASK_STATES
from tests.desktop.rows_at_hand import NOW_MS, task

FAMILIES = ("ok", "bad", "warn", "run", "idle")


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme("light")
    yield made
    made.choose("light")


def luminance(colour: str) -> float:
    def part(value: float) -> float:
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    ink = QColor(colour)
    return 0.2126 * part(ink.redF()) + 0.7152 * part(ink.greenF()) + 0.0722 * part(ink.blueF())


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def grounds(tokens: Tokens) -> tuple[str, ...]:
    return (tokens.surface, tokens.chrome, tokens.window, tokens.rail, tokens.sunken,
            tokens.hover, tokens.sel)  # fmt: skip


def test_the_measure_of_contrast_is_right() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("tokens", APPEARANCES, ids=lambda tokens: tokens.name)
@pytest.mark.parametrize("ink", ["text", "text2", "text3", "focus"])
def test_words_are_readable_on_every_ground(tokens: Tokens, ink: str) -> None:
    for ground in grounds(tokens):
        assert contrast(getattr(tokens, ink), ground) >= 4.5, (ink, ground)


@pytest.mark.parametrize("tokens", APPEARANCES, ids=lambda tokens: tokens.name)
@pytest.mark.parametrize("name", FAMILIES)
def test_words_of_a_family_are_readable_and_its_marks_are_seen(tokens: Tokens, name: str) -> None:
    family = tokens.family(name)
    for ground in (*grounds(tokens), family.tint):
        assert contrast(family.text, ground) >= 4.5, (name, ground)
    assert contrast(family.fill, tokens.surface) >= 2.95


@pytest.mark.parametrize("tokens", APPEARANCES, ids=lambda tokens: tokens.name)
def test_ink_on_filled_grounds_is_readable(tokens: Tokens) -> None:
    filled = (tokens.accent, tokens.production, tokens.staging, tokens.test, tokens.demo)
    for pair in filled:
        assert contrast(pair.ink, pair.ground) >= 4.5, pair


@pytest.mark.parametrize("tokens", APPEARANCES, ids=lambda tokens: tokens.name)
@pytest.mark.parametrize("ink", ["ansi_cyan", "ansi_magenta"])
def test_colours_of_the_log_are_readable_on_its_paper(tokens: Tokens, ink: str) -> None:
    assert contrast(getattr(tokens, ink), tokens.log_paper) >= 4.5


def test_the_fonts_exist_on_this_machine(qapp: QApplication) -> None:
    families = QFontDatabase.families()

    assert ui_family() in families
    assert fixed_family() in families


def test_letters_are_drawn_and_are_not_all_the_same_box(theme: Theme) -> None:
    def drawn(letter: str) -> bytes:
        image = QImage(24, 24, QImage.Format.Format_Grayscale8)
        image.fill(255)
        painter = QPainter(image)
        painter.setFont(theme.font(16))
        painter.drawText(4, 18, letter)
        painter.end()
        return bytes(image.constBits())

    assert drawn("A") != drawn("B") != drawn(" ")


def test_the_fixed_font_has_letters_of_one_width(theme: Theme) -> None:
    assert QFontInfo(theme.font(12, fixed=True)).fixedPitch()


def test_every_task_state_has_a_shape_a_word_and_a_colour(qapp: QApplication) -> None:
    for look in (*states.TASK_LOOKS.values(), *states.ENDING_LOOKS.values(),
                 *states.LIVE_LOOKS.values(), *states.CHECK_LOOKS.values()):  # fmt: skip
        assert look.word
        assert look.family in FAMILIES
        assert qtawesome.charmap(f"ph.{look.icon}")


def test_no_two_task_states_and_no_two_endings_share_a_shape() -> None:
    for looks in (states.TASK_LOOKS, states.ENDING_LOOKS):
        shapes = [look.icon for look in looks.values()]
        assert len(set(shapes)) == len(shapes)


def test_every_word_of_the_protocol_is_told() -> None:
    assert set(RESULTS) == set(states.ENDING_LOOKS)
    assert set(LIVE_STATES) == set(states.LIVE_LOOKS)
    assert set(CHECK_STATES) == set(states.CHECK_LOOKS)
    for state in TASK_STATES:
        assert states.state_of(task("a", state=state), NOW_MS) in states.TASK_LOOKS


def test_an_icon_is_painted_in_the_colour_asked_for(theme: Theme) -> None:
    image = theme.icon("stop-fill", "#FF0000", 32).pixmap(32, 32).toImage()

    assert image.pixelColor(image.width() // 2, image.height() // 2).name() == "#ff0000"


def test_choosing_dark_changes_the_palette_and_tells(qtbot: object, theme: Theme) -> None:
    with qtbot.waitSignal(theme.changed):  # type: ignore[attr-defined]
        theme.choose("dark")

    assert theme.tokens.is_dark
    assert QApplication.palette().color(QPalette.ColorRole.Window).name() == "#121418"


def test_an_unknown_choice_follows_the_system(theme: Theme) -> None:
    theme.choose("mauve")

    assert theme.choice == "system"
