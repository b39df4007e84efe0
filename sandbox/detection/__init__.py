"""Detectors of change: what they hear, when they alarm, and what that is worth beyond chance."""
