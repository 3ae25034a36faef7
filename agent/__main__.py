"""`python -m agent` and `smartcron-agent`."""

from agent.cli.root import main

if __name__ == "__main__":
    main()
