"""Receives telemetry, understands it, prices and stores it, and answers queries."""
