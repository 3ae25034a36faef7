"""How people are reached who watch no screen."""
