"""The tracer provider that spans go through, the app's own where it has one, and our processors on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider

from llmtrace.engine.context import current_scope
from llmtrace.semconv.attributes import scope_attributes
from llmtrace.settings import Settings

SCOPE_NAME = "llmtrace"
"""The instrumentation scope of every span of ours."""

_MADE: list[TracerProvider] = []
"""The provider that we made and set: it outlives a shutdown, since the global one can be set only once."""

MAX_ATTRIBUTES = 1024
"""The SDK's default of 128 drops the oldest when full, which are the model and the operation."""


def provider_for(settings: Settings) -> tuple[Any, bool]:
    """The provider to use, and whether it is the app's. The global one is set only where there is none."""
    if settings.tracer_provider is not None:
        return settings.tracer_provider, True
    existing = trace.get_tracer_provider()
    if not isinstance(existing, trace.ProxyTracerProvider):
        return existing, existing not in _MADE
    limits = SpanLimits(max_span_attributes=MAX_ATTRIBUTES)
    made = TracerProvider(resource=_resource(settings), span_limits=limits, shutdown_on_exit=False)
    trace.set_tracer_provider(made)
    _MADE.append(made)
    return made, False


def _resource(settings: Settings) -> Resource:
    given = {
        "service.name": settings.service_name,
        "deployment.environment.name": settings.environment,
        "telemetry.distro.name": SCOPE_NAME,
        "telemetry.distro.version": version(SCOPE_NAME),
    }
    return Resource.create({key: value for key, value in given.items() if value is not None})


class FrontProcessor(SpanProcessor):
    """Stands before all others: stamps what the app said of this block on every span, and drains the hand-over first.

    `drain` gets seconds and says whether all calls that had finished are spans now.
    """

    def __init__(self, drain: Callable[[float], bool]) -> None:
        self._drain = drain
        self.on = True

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamps spans of other instrumentations; ours begin with it."""
        if self.on and span.instrumentation_scope is not None and span.instrumentation_scope.name != SCOPE_NAME:
            span.set_attributes(scope_attributes(current_scope(parent_context)))

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing: a finished span is the exporters' business."""

    def shutdown(self) -> None:
        """Drains: what finished before the provider is shut down still becomes a span."""
        self.force_flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Drains the hand-over, so that the processors behind have every finished call to flush."""
        return self._drain(timeout_millis / 1000) if self.on else True


def add(provider: Any, front: FrontProcessor, processors: Sequence[SpanProcessor]) -> bool:
    """Puts the front processor first and the others last. False where the provider takes none, as some vendors' do."""
    if not hasattr(provider, "add_span_processor"):
        return False
    provider.add_span_processor(front)
    behind = getattr(provider, "_active_span_processor", None)
    order = getattr(behind, "_span_processors", None)
    if isinstance(order, tuple) and order[-1:] == (front,):
        # The SDK has no way to say "first"; last, `force_flush` of the processors before ours would come too early.
        behind._span_processors = (front, *order[:-1])  # type: ignore[union-attr]
    for processor in processors:
        provider.add_span_processor(processor)
    return True


def remove(provider: Any, processors: Sequence[SpanProcessor]) -> None:
    """Takes our processors off a provider that lives on."""
    behind = getattr(provider, "_active_span_processor", None)
    order = getattr(behind, "_span_processors", None)
    if isinstance(order, tuple):
        behind._span_processors = tuple(p for p in order if p not in processors)  # type: ignore[union-attr]
