"""Emits a model call as an event, for those who ask: the facts of the span as a log record, with structured content."""

from __future__ import annotations

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context

from llmtrace.facts.records import Course, Evaluation, Inference, Record
from llmtrace.semconv.attributes import spelled
from llmtrace.semconv.kinds import pairs
from llmtrace.semconv.names import Names

DETAILS = "gen_ai.client.inference.operation.details"
EVALUATION = "gen_ai.evaluation.result"


class Events:
    """Where events go, and under which names."""

    def __init__(self, logger: Logger, names: Names = "both") -> None:
        self._logger = logger
        self._names = names

    def emit(self, record: Record, course: Course, span: SpanContext) -> None:
        """Emits the event of a model call or of a judgement, in the context of its span; other kinds have none."""
        if isinstance(record, Inference) and record.operation != "fetch_response":
            self._emit(DETAILS, SeverityNumber.DEBUG, record, course, span)
        elif isinstance(record, Evaluation):
            self._emit(EVALUATION, None, record, course, span)

    def _emit(
        self, name: str, severity: SeverityNumber | None, record: Record, course: Course, span: SpanContext
    ) -> None:
        self._logger.emit(
            LogRecord(
                timestamp=course.ended,
                context=set_span_in_context(NonRecordingSpan(span)),
                severity_number=severity,
                event_name=name,
                attributes=spelled(pairs(record, course), self._names, structured=True),
            )
        )
