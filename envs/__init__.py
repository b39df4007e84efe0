"""Environments: those of Gymnasium that we know the law of, and our own."""
