"""Learners: one idea a file, settings as constructor arguments."""
