"""Traces of LLM applications as OpenTelemetry spans."""
