"""One destination's batches: queued and sent on a thread of their own, flushed and closed within a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from llmtrace.engine.guard import Guard

if TYPE_CHECKING:
    from llmtrace.exporters import Destination

SCHEDULE_MILLIS = 1_000
"""How long a finished span waits for company before its batch goes out."""

QUEUE_SPANS = 8_192

_CLOSING = Guard("the closing of a destination", tolerance=None)
"""An exporter of the app's own may raise at that, and the other destinations still are to be closed."""


class Delivery(BatchSpanProcessor):
    """The SDK's batching, with an end that a dead backend cannot put off, and beside it what the exporter brought."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        super().__init__(destination.exporter, max_queue_size=QUEUE_SPANS, schedule_delay_millis=SCHEDULE_MILLIS)
        self._companion = destination.companion()

    @property
    def watchful(self) -> bool:
        """Whether anybody wants to know of spans that begin."""
        return self._companion is not None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Shows the span to the companion; batches begin at a span's end."""
        if self._companion is not None:
            self._companion.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Puts the span into the next batch."""
        if self._companion is not None:
            self._companion.on_end(span)
        super().on_end(span)

    def close(self, seconds: float) -> None:
        """Sends what waits, for `seconds` at the most; what is under way then is broken off."""
        if self._companion is not None:
            self._companion.shutdown()
        self._batch_processor.shutdown(timeout_millis=max(int(seconds * 1000), 0))

    def shutdown(self) -> None:
        """Ends with the app's provider."""
        if self._companion is not None:
            self._companion.shutdown()
        super().shutdown()  # type: ignore[no-untyped-call]  # the SDK left it unannotated


def flush(deliveries: Sequence[Delivery], seconds: float) -> bool:
    """Flushes all at once, so that none waits for another. False if time ran out or spans were lost meanwhile."""
    deadline, lost = time.monotonic() + seconds, sum(delivery.destination.lost for delivery in deliveries)
    threads = [threading.Thread(target=delivery.force_flush, daemon=True) for delivery in deliveries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    late = any(thread.is_alive() for thread in threads)
    return not late and sum(delivery.destination.lost for delivery in deliveries) == lost


def close(deliveries: Sequence[Delivery], seconds: float) -> bool:
    """Ends all, each with its share of the time that is left. No thread is started: at exit none can be.

    False if spans were lost at it.
    """
    deadline, lost = time.monotonic() + seconds, sum(delivery.destination.lost for delivery in deliveries)
    for number, delivery in enumerate(deliveries):
        with _CLOSING:
            delivery.close((deadline - time.monotonic()) / (len(deliveries) - number))
    return sum(delivery.destination.lost for delivery in deliveries) == lost
