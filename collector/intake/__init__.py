"""From what came in to what may be stored, in this process or in one of its own."""
