"""Projects, the keys that open them, and what keeps one from seeing another."""
