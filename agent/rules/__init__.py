"""Decisions: plain functions of what is known and what time it is."""
