"""The Dash user interface for operators and reviewers."""
