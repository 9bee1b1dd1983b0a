"""The OTLP exporter: batches cut by bytes, retries within a deadline, own headers only, every loss counted and said."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from llmtrace.exporters.adapt import fitted, without_content
from llmtrace.exporters.remote import Limits, Remote
from llmtrace.exporters.reply import Reply, Verdict, out_of_time
from llmtrace.exporters.tally import Tally
from llmtrace.semconv.names import CONTENT_DROPPED

logger = logging.getLogger("llmtrace")

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 8.0


class Wire(Protocol):
    """Carries one request to a destination."""

    def send(self, request: ExportTraceServiceRequest, seconds: float) -> Reply:
        """Sends the request once and says what became of it, within the given time."""

    def close(self) -> None:
        """Closes the connections."""


class OtlpExporter(SpanExporter):
    """Sends spans to one OTLP destination, over whichever wire; `tally` counts them."""

    def __init__(self, name: str, remote: Remote, wire: Wire, *, limits: Limits, timeout: float) -> None:
        self.remote = remote
        self.tally = Tally(name, remote)
        self._name = name
        self._wire = wire
        self._limits = limits
        self._timeout = timeout
        self._ended = threading.Event()
        self._unnamed_said = not remote.by_service

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends the spans; FAILURE where any of them was not taken. Returns within the timeout."""
        deadline = time.monotonic() + self._timeout
        with _untraced():
            taken = [fitted(span, self._limits.max_value_bytes) for span in spans]
            self._look_at_service(spans)
            done = self._deliver(taken, deadline) if taken else True
        return SpanExportResult.SUCCESS if done else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Ends: a wait for the next try is cut short, a request under way fails, and what comes after is not sent."""
        self._ended.set()
        self._wire.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Nothing waits here: `export` returns when the spans are sent or lost."""
        return True

    def _deliver(self, spans: Sequence[ReadableSpan], deadline: float) -> bool:
        """Sends the spans in as many requests as their size takes; True if all were taken."""
        request = encode_spans(spans)
        reply = Reply(Verdict.TOO_LARGE, "too large", "one span alone is larger than it takes")
        if request.ByteSize() <= self._limits.max_request_bytes:
            reply = self._persist(request, deadline)
        if reply.verdict is not Verdict.TOO_LARGE:
            return self._account(len(spans), reply)
        if len(spans) > 1:
            middle = len(spans) // 2
            halves = [self._deliver(half, deadline) for half in (spans[:middle], spans[middle:])]
            return all(halves)
        return self._deliver_slim(spans[0], reply, deadline)

    def _deliver_slim(self, span: ReadableSpan, reply: Reply, deadline: float) -> bool:
        """A single span that is too large goes without its content: its facts are never lost for that."""
        if CONTENT_DROPPED.key in (span.attributes or {}):
            return self._account(1, reply)
        return self._deliver([without_content(span)], deadline)

    def _persist(self, request: ExportTraceServiceRequest, deadline: float) -> Reply:
        """Sends the request until it is answered for good, the time is up, or the exporter is shut down."""
        backoff = _FIRST_WAIT
        while not self._ended.is_set():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return out_of_time(self._timeout)
            reply = self._wire.send(request, remaining)
            if reply.verdict is not Verdict.RETRY:
                return reply
            jittered = backoff * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing
            wait = max(jittered, reply.retry_after or 0.0)
            if time.monotonic() + wait >= deadline:
                return reply
            self._ended.wait(wait)
            backoff = min(backoff * 2, _LONGEST_WAIT)
        return Reply(Verdict.REFUSED, "shut down", "the exporter was shut down before they were sent")

    def _account(self, spans: int, reply: Reply) -> bool:
        lost = reply.rejected if reply.verdict is Verdict.ACCEPTED else spans
        lost = min(lost, spans)
        self.tally.count(spans - lost, lost, reply)
        return not lost

    def _look_at_service(self, spans: Sequence[ReadableSpan]) -> None:
        """Says once that spans carry no service's name, where the destination files them under it."""
        if self._unnamed_said or not spans:
            return
        name = str(spans[0].resource.attributes.get("service.name", "unknown_service"))
        self._unnamed_said = name.startswith("unknown_service")
        if self._unnamed_said:
            logger.warning(
                "llmtrace: spans have no service.name, so %s files them under %s: pass init(service_name=...) "
                "or set OTEL_SERVICE_NAME.",
                self._name,
                name,
            )


@contextmanager
def _untraced() -> Iterator[None]:
    """Asks instrumentation to look away, so that an export is never itself traced."""
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        yield
    finally:
        detach(token)
