"""Yardsticks: what everybody should beat, or nobody can."""
