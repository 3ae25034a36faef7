"""What does a keeper remark in its log, as far as the disk takes it?

Standard library only: the keeper imports this file.
"""

import os

LOG = 2


def remark(text: str) -> None:
    """Say something to whoever reads the log; that nobody can hear it is no reason to end."""
    try:
        os.write(LOG, f"{text}\n".encode(errors="replace"))
    except OSError:
        return
