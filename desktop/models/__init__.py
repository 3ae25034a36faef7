"""Rows as Qt wants them; models do not know each other."""
