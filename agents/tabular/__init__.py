"""Agents with a table of values: they learn it from one experience after another."""
