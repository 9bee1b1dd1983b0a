"""The records an integration fills in: plain facts, free of OpenTelemetry and of any provider."""
