"""The official GenAI instrumentations of OpenTelemetry, content on the spans."""

from __future__ import annotations

import importlib
import os

from benchmarks.contestants.contestant import NO_DECORATOR
from benchmarks.contestants.over_sdk import OverSdk


class Contestant(OverSdk):
    """An instrumentor for each client, over the plain SDK."""

    package: str | None = "opentelemetry.instrumentation.genai.openai"
    lacks = NO_DECORATOR

    def begin(self, endpoint: str) -> None:
        """As its documentation says, content by its environment variable."""
        super().begin(endpoint)
        os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "span_only"
        importlib.import_module("opentelemetry.instrumentation.genai.openai").OpenAIInstrumentor().instrument()
        importlib.import_module("opentelemetry.instrumentation.genai.anthropic").AnthropicInstrumentor().instrument()
