"""The program on the server: runs what is due, records it, shows it."""

__version__ = "0.1.0"
