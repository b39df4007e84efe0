"""Where third-party learners are imported, and nowhere else."""
