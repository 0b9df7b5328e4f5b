"""OTLP on the wire: bytes to columns and back to the few objects that people read."""
