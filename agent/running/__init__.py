"""Starting processes, keeping them, and what they wrote."""
