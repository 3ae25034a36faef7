"""How does an alert with its runs become a letter to people?"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from agent.channels import letters
from agent.channels.letters import Letter, Said, Story
from agent.channels.templates import BrokenTemplate, OwnTemplates
from agent.clock import moment
from agent.sayings import message_in, title_in
from agent.store.outbox import Told
from agent.words import Words

_FILES: Final = {"plain": "alert.txt", "html": "alert.html"}


class Lettering:
    """Words letters in one language; `fault` is what is wrong with a template of the owner's."""

    def __init__(
        self,
        *,
        agent: str,
        mask: Callable[[str], str],
        words: Words,
        templates: Path | None,
        timezone: str,
    ) -> None:
        self.words = words
        self._agent = agent
        self._mask = mask
        self._zone = timezone
        self._own = None if templates is None else OwnTemplates(templates)
        self.fault: str | None = None  # no letter was worded yet

    def letter(self, told: Sequence[Told], more: int, *, lead: str = "") -> Letter:
        """One letter about all of these, and so many more, in our words."""
        return letters.compose(self._said(told, more, lead))

    async def own(self, told: Sequence[Told], more: int, *, lead: str = "") -> dict[str, str]:
        """What of that letter the owner words otherwise, `plain` or `html`; it may take seconds."""
        found: dict[str, str] = {}
        self.fault = ""
        if self._own is None:
            return found
        for part, name in _FILES.items():
            if not self._own.has(name):
                continue
            said = self._said(told, more, lead)
            try:
                found[part] = await asyncio.to_thread(self._own.render, name, said)
            except BrokenTemplate as error:
                self.fault = str(error)
        return found

    def _said(self, told: Sequence[Told], more: int, lead: str) -> Said:
        return Said(
            stories=tuple(self._story(one) for one in told),
            more=more,
            agent=self._agent,
            language=self.words.language,
            lead=lead,
        )

    def _story(self, told: Told) -> Story:
        alert, language = told.alert, self.words.language
        tail = told.run.output_tail if told.run is not None and told.run.output_tail else ""
        return Story(
            alert_id=alert.id,
            severity=alert.severity,
            is_over=alert.status == "resolved",
            title=self._mask(title_in(language, alert.title, kind=alert.kind)),
            message=self._cut(self._mask(message_in(language, alert.message))),
            opened=self._when(alert.opened_ms),
            over=self._when(alert.resolved_ms),
            count=alert.occurrences,
            task_name=alert.task_name or "",
            tail=self._mask(tail)[-letters.TAIL_CHARS :],
            runs=tuple(
                (self._when(run.scheduled_ms), run.status, self._took(run.duration_ms))
                for run in told.runs
            ),
        )

    def _cut(self, text: str) -> str:
        left = len(text) - letters.MESSAGE_CHARS
        return text if left <= 0 else f"{text[:-left]}{self.words('cut', count=left)}"

    def _took(self, duration_ms: int | None) -> str:
        if duration_ms is None:
            return ""
        if duration_ms < 1_000:
            return f"{duration_ms} ms"
        return f"{duration_ms / 1000:.1f} s".replace(".", self.words("decimal"))

    def _when(self, at_ms: int | None) -> str:
        """A moment by the clocks of the agent's zone; by those of UTC too where that is two."""
        if at_ms is None:
            return ""
        at = moment(at_ms)
        said = f"{at.astimezone(ZoneInfo(self._zone)):%Y-%m-%d %H:%M:%S} {self._zone}"
        return f"{said} ({at:%H:%M:%S} UTC)" if _comes_twice(at, ZoneInfo(self._zone)) else said


def _comes_twice(at: datetime, zone: ZoneInfo) -> bool:
    """The clocks of the zone show this time once more on the same night."""
    local = at.astimezone(zone)
    other = local.replace(fold=1 - local.fold)
    # A time that no clock shows has two offsets as well, but no moment comes to it.
    return other.utcoffset() != local.utcoffset()
