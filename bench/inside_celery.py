"""Celery with tasks that its beat finds due at once; run by its own Python.

What to do comes in the environment, for beat and worker alike.
"""

import os
import subprocess
from pathlib import Path

from celery import Celery
from celery.schedules import crontab

_COUNT = int(os.environ["BENCH_COUNT"])
_FILE = os.environ["BENCH_FILE"]
_TASK = os.environ["BENCH_TASK"].split()
_IS_SHELL = bool(int(os.environ["BENCH_IS_SHELL"]))
_HOUR, _MINUTE = os.environ["BENCH_AT"].split(":")

app = Celery("bench", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    timezone="UTC",
    beat_schedule={
        f"note-{number}": {"task": "note", "schedule": crontab(hour=_HOUR, minute=_MINUTE)}
        for number in range(_COUNT)
    },
)


def note() -> None:
    """Note one start."""
    words = ["/bin/sh", "-c", f"{' '.join(_TASK)} >> {_FILE}"] if _IS_SHELL else _TASK
    with Path(_FILE).open("ab") as out:
        subprocess.call(words, stdout=out)


app.task(note, name="note")
