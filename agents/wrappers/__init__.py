"""Learners around learners: each takes any agent or River model, and changes what it learns from, or when."""
