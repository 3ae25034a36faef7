"""One sample of every message, and the bytes it once became."""
