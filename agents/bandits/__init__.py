"""Bandits: one choice of several, rewarded at once."""
