"""Watching one run: what an agent does early, midway and at the end, as an animation, and where it errs, as maps."""
