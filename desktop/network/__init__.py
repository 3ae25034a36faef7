"""The one thread that speaks with agents; knows no screen."""
