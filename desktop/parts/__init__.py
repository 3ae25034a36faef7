"""Small painted pieces that several panels are built of."""
