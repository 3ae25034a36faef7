"""How the host and the agent fare."""
