"""Agents whose exploration comes with a proof: of how little they lose, or how seldom they err."""
