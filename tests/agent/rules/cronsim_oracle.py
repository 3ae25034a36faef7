"""Ask cronsim for next moments: one JSON case a line in, one answer a line out.

Runs as a program of its own, because cronsim does not return in some cases: each gets a second.
"""

import json
import signal
import sys
from datetime import UTC, datetime
from types import FrameType
from zoneinfo import ZoneInfo

from cronsim import CronSim


def answer(case: dict[str, object]) -> list[int] | None:
    start = datetime.fromtimestamp(float(str(case["from_s"])), UTC)
    moments = CronSim(str(case["text"]), start.astimezone(ZoneInfo(str(case["zone"]))))
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        return [int(next(moments).timestamp()) for _ in range(int(str(case["count"])))]
    except (TimeoutError, StopIteration):
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def give_up(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, give_up)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
