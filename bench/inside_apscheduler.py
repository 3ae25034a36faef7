"""APScheduler 3 with tasks that are due at once; run by its own Python.

Arguments: how many, the period in seconds (0: once), seconds until they are due, is a shell
between, the file for notes. Prints the moment at which they are due.
"""

import math
import os
import subprocess
import sys
import time
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger


def main() -> None:
    """Schedule, then wait until the input ends."""
    count, period_s, lead_s, is_shell = (int(word) for word in sys.argv[1:5])
    file, *task = sys.argv[5:]
    line = f"{' '.join(task)} >> {file}"
    out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note() -> None:
        words = ["/bin/sh", "-c", line] if is_shell else task
        subprocess.call(words, stdout=out)

    # It drops what is a second late unless it is told not to.
    scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None})
    step_s = period_s or 1
    due_s = math.ceil((time.time() + lead_s) / step_s) * step_s
    due = datetime.fromtimestamp(due_s, UTC)
    for _ in range(count):
        scheduler.add_job(
            note,
            IntervalTrigger(seconds=period_s, start_date=due, timezone=UTC)
            if period_s
            else DateTrigger(due, timezone=UTC),
        )
    scheduler.start()
    print(due_s, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
