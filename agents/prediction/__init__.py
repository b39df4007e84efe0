"""Agents that choose at random and learn what states are worth: policy evaluation."""
