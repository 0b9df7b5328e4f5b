"""The embedded store: one DuckDB file per UTC day, so that retention drops a file and never deletes rows in bulk."""
