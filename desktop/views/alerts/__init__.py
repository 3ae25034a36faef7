"""The alert centre: what is wrong, who cares, who was told."""
