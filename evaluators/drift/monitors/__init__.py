"""Drift monitors: they gather windows from the calls as they arrive, and decide about each."""
