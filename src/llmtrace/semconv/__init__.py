"""Spells facts as OpenTelemetry says them: attributes, metrics and events; the only room that knows a key."""
