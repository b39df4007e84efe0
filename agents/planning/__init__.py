"""Agents that learn a model of the world as they go, and plan with it between decisions."""
