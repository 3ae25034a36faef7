"""System health: how every check stands, and how its readings went."""
