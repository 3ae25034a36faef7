"""Cron text and time zones as values: what a schedule says, and what the clocks do."""
