"""Contextual bandits: what a choice earns depends on what can be seen."""
