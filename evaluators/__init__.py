"""Scores calls, finds drift, raises alerts and routes calls to review."""
