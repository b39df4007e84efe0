"""Streams: worlds that ask one question at a time, simulated or real."""
