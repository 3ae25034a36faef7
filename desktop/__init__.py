"""The program on a manager's machine: shows what an agent does, and passes on what is wanted."""

__version__ = "0.1.0"
