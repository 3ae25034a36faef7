"""`python -m agent` and `smartcron-agent`."""

import gc

# What is imported stays: to look through all of it again and again is a tenth of a start.
gc.disable()

from agent.cli.root import main  # noqa: E402 - only now

if __name__ == "__main__":
    main()
