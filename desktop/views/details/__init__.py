"""Everything about the one task that is chosen."""
