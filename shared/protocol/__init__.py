"""The words, and their order, that agent and desktop exchange."""
