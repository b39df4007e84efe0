"""Brute-force programs: the expected numbers of figures without published ones, from the book's text alone.

They use none of our agents, worlds or rules. Each is run as `python -m sandbox.gallery.brute.NAME` and writes what it
finds, with standard errors, into `numbers.json`.
"""
