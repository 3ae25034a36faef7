"""How a task is edited, made or deleted from here."""
