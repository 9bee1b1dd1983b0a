"""What stands behind all other processors: it hands our destinations every span, those of guests described anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from llmtrace.engine.foreign import Arrival
from llmtrace.runtime.delivery import Delivery, flush

if TYPE_CHECKING:
    from llmtrace.engine.engine import Engine


class Intake(SpanProcessor):
    """The one processor of all our destinations; other processors of the provider see the libraries' originals."""

    def __init__(self, engine: Engine, deliveries: Sequence[Delivery]) -> None:
        self._engine = engine
        self._deliveries = deliveries
        self._watchful = [delivery for delivery in deliveries if delivery.watchful]
        self._watching = engine.describing

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Notes whether it is a guest, or inside of one."""
        with self._watching:
            self._engine.guests.began(span, parent_context)
        for delivery in self._deliveries:
            delivery.on_start(span, parent_context)

    def watch(self, span: Any, context: Context) -> None:
        """As `on_start`, for a light span of ours."""
        self._engine.guests.began(span, context)
        for delivery in self._watchful:
            delivery.on_start(span, context)

    def on_end(self, span: ReadableSpan) -> None:
        """Hands the span on: a guest to the worker first, which keeps the order that spans end in."""
        arrival = None
        with self._watching:
            guest = self._engine.guests.ended(span)
            arrival = None if guest is None else Arrival(self._engine, guest, span, self.deliver)
        if arrival is None:
            self.deliver(span)
        else:
            self._engine.worker.put(arrival)

    def deliver(self, span: ReadableSpan) -> None:
        """Hands a span to all destinations, as it is."""
        for delivery in self._deliveries:
            delivery.on_end(span)

    def shutdown(self) -> None:
        """Ends with the app's provider."""
        for delivery in self._deliveries:
            delivery.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Sends what is finished; the hand-over was drained by the processor in front."""
        return flush(self._deliveries, timeout_millis / 1000)
