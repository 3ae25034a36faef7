"""Panels: they show and ask, and do not know each other."""
