"""Runs models behind an OpenAI-compatible API and reports over OTLP."""
