"""The task grid: its cells and its behaviour."""
