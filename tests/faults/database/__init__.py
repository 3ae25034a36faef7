"""The database goes away in every way it can, with a real agent, a real server and real files."""
