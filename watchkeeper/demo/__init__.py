"""Real answers from before and after a silent model change, replayed through the whole platform."""
