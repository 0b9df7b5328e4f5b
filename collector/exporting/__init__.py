"""Stored telemetry in forms that other programs read. Pure, but for the writing of the files themselves."""
