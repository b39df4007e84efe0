"""Comparison: who is better, and how sure that is. Pure functions of arrays whose seed axis is named."""
