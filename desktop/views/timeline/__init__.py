"""The screen of the timeline."""
