"""Learners on words and numbers, for messages that are to be judged."""
