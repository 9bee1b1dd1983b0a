"""OpenInference's instrumentations, over its own provider, which lifts the SDK's limit on attributes."""

from __future__ import annotations

import importlib
from typing import Any, TypeVar

from benchmarks.contestants.over_sdk import OverSdk

F = TypeVar("F")


class Contestant(OverSdk):
    """An instrumentor for each client, and its tracer's decorator."""

    package: str | None = "openinference.instrumentation.openai"

    def begin(self, endpoint: str) -> None:
        """As its documentation says; content is on unless it is turned off."""
        super().begin(endpoint)
        openai = importlib.import_module("openinference.instrumentation.openai")
        anthropic = importlib.import_module("openinference.instrumentation.anthropic")
        openai.OpenAIInstrumentor().instrument(tracer_provider=self.provider)
        anthropic.AnthropicInstrumentor().instrument(tracer_provider=self.provider)
        self.tracer = self.provider.get_tracer("benchmark")

    def made(self, resource: Any) -> Any:
        """Its own, in place of the SDK's."""
        return importlib.import_module("openinference.instrumentation").TracerProvider(resource=resource)

    def decorated(self, function: F) -> F:
        """The plainest decorator."""
        traced: F = self.tracer.chain(function)
        return traced
