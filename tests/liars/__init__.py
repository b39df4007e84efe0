"""Things that break one rule each: for every check, what only it catches, under its name."""
