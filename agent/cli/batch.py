"""When are schedules due that are asked about in JSON, one a line."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from agent.cron.zones import load_zone
from agent.errors import AgentError, WrongUse
from agent.rules.schedule import Fold, Gap, Timing, next_moments

EXAMPLE: Final = '{"cron": "0 7 * * *", "tz": "Europe/Berlin", "from": "2026-11-24T08:00Z"}'


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One schedule, and how many moments after which one are wanted."""

    cron: str
    from_: str = msgspec.field(name="from")
    tz: str = "UTC"
    count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    dst_gap: Gap = "after"
    dst_fold: Fold = "first"
    task_name: str = ""


class Coming(msgspec.Struct, frozen=True):
    """A moment that comes, as its zone shows it, and what a change of clocks did to it."""

    at: str
    at_ms: int
    tag: str


class Answer(msgspec.Struct, frozen=True):
    """The moments that were asked for; fewer when there are no more."""

    next: tuple[Coming, ...]


class Refusal(msgspec.Struct, frozen=True):
    """Why a line has no answer."""

    error: str


_questions: Final = msgspec.json.Decoder(Question)
_answers: Final = msgspec.json.Encoder()


def answer_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """An answer to each line, in order; a bad line is answered too and stops nothing."""
    for line in lines:
        yield _answers.encode(_answer(line)) + b"\n"


def _answer(line: bytes) -> Answer | Refusal:
    try:
        question = _questions.decode(line)
        zone = load_zone(question.tz)
        timing = Timing(
            (question.cron,),
            question.tz,
            dst_gap=question.dst_gap,
            dst_fold=question.dst_fold,
            task_name=question.task_name,
        )
        coming = next_moments(timing, _moment_ms(question.from_, zone), question.count)
    except msgspec.MsgspecError as error:
        return Refusal(f"{error}; write a line such as {EXAMPLE}")
    except AgentError as error:
        return Refusal(str(error))
    return Answer(tuple(Coming(_in_zone(due.at_ms, zone), due.at_ms, due.tag) for due in coming))


def _moment_ms(text: str, zone: ZoneInfo) -> int:
    try:
        at = datetime.fromisoformat(text)
        # A moment without an offset is meant as the clocks of the schedule's zone show it.
        at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise WrongUse(
            f"from {text[:100]!r}: is no moment; write ISO 8601 such as 2026-11-24T08:00+13:00"
        ) from error
    return round(at.timestamp() * 1000)


def _in_zone(at_ms: int, zone: ZoneInfo) -> str:
    """The moment in ISO 8601 with the offset that holds then."""
    return datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec="seconds")
