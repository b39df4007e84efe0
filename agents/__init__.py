"""Learners, a folder for each family: one idea a file, settings as constructor arguments."""
