"""What the worker makes of a finished call: evidence → facts → content rules → price → span, metrics, events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Status, StatusCode, set_span_in_context

from llmtrace.content.fields import strip
from llmtrace.engine.inferred import seen
from llmtrace.facts.records import Cost, Embedding, Inference, Record, Rerank, Usage
from llmtrace.pricing import price
from llmtrace.semconv.attributes import attributes, name_of, scope_attributes
from llmtrace.tokens import estimate

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Span

    from llmtrace.engine.engine import Engine
    from llmtrace.facts.operation import Evidence, Start
    from llmtrace.facts.records import Course, Scope


def facts_of(engine: Engine, span: Span, evidence: Evidence, course: Course, scope: Scope, *, covered: bool) -> Record:
    """The record of a call, as it may leave the process; `course` is brought into line with what the answer says.

    `covered` says that an inner span saw the same physical call: then that one bears the usage, and this one none.
    """
    record = evidence.start.operation.read(evidence)
    _complete(record, evidence.start)
    record.conversation_id = scope.conversation_id or record.conversation_id
    reconcile(course, record)
    if isinstance(record, Inference):
        # A copy: the scope is shared by all calls of its block, and content rules work in place.
        record.prompt = replace(scope.prompt) if scope.prompt else record.prompt
        record.stream = record.stream or (bool(evidence.chunks) and not evidence.start.wire)
        refused = evidence.response is not None and (evidence.response.status or 0) >= 400  # noqa: PLR2004 - HTTP's errors
        if refused or not record.stream:  # the pieces were the network's, of an answer that was no stream
            course.first_chunk, course.chunk_gaps = None, []
    bill(engine, record, covered=covered)
    capture = _capture(evidence.start, course, scope)
    infer_tools(engine, span, record, course, scope, capture)
    let_through(engine, record, course, capture)
    if record.bears_usage and evidence.start.model is None and record.request_model is not None:
        with engine.describing:
            span.update_name(name_of(record))  # the model was not known before the request was read
    return record


def bill(engine: Engine, record: Record, *, covered: bool) -> None:
    """Counts what no provider counted, and prices it all; nothing stays on a call that an inner one bears it for."""
    if isinstance(record, Inference | Embedding | Rerank):
        with engine.describing:
            record.usage, record.cost = (Usage(), None) if covered else _counted(engine, record)


def infer_tools(
    engine: Engine, span: Span | ReadableSpan, record: Record, course: Course, scope: Scope, capture: str | None
) -> None:
    """Makes the spans of the tools whose results this call was sent, and that nobody saw run."""
    if engine.tools is None:
        return
    with engine.describing:
        where = seen(span, scope, secret="none" in (engine.policy.capture, capture))
        for tool in engine.tools.saw(record, course, where) if where is not None else ():
            let_through(engine, tool.record, tool.course, "none" if tool.secret else None)
            context = set_span_in_context(NonRecordingSpan(tool.around), Context())
            said = scope_attributes(tool.scope)
            made = engine.tracer.start_span(
                name_of(tool.record), context, attributes=said, start_time=tool.course.started
            )
            describe(engine, made, tool.record, tool.course)


def unread(engine: Engine, start: Start, course: Course) -> Record:
    """What is known of a call whose facts could not be read."""
    record = _complete(Record(operation=start.operation.name), start)
    let_through(engine, record, course, "none")
    return record


def describe(engine: Engine, span: Span, record: Record, course: Course) -> None:
    """Writes the facts on the span and ends it at the call's own end, whatever fails on the way."""
    with engine.describing:
        if engine.events is not None:
            engine.events.emit(record, course, span.get_span_context())
    with engine.describing:
        if not engine.span_content:
            strip(record)
        if span.is_recording():
            write = getattr(span, "described", span.set_attributes)
            write(attributes(record, course, engine.names))
    with engine.describing:
        if course.failure is not None:
            span.set_status(Status(StatusCode.ERROR, course.failure.message or None))
    with engine.describing:
        span.end(course.ended)
    with engine.describing:
        if engine.metrics is not None:
            engine.metrics.record(record, course)


def _capture(start: Start, course: Course, scope: Scope) -> str | None:
    """What of the content the app asked for here; who says `none` is heard before anybody else."""
    if "none" in (start.capture, scope.capture) or course.content_dropped == "queue full":
        return "none"
    return scope.capture


def let_through(engine: Engine, record: Record, course: Course, capture: str | None) -> None:
    """Content rules; where they fail, as an app's own redactor may, no content is left and the facts stay."""
    with engine.describing:
        engine.policy.apply(record, course.failure, capture)
        return
    strip(record)
    if course.failure is not None:
        strip(course.failure)


def _complete(record: Record, start: Start) -> Record:
    """Adds what was known at the start and the answer did not say better."""
    record.provider = record.provider or start.provider
    record.request_model = record.request_model or start.model
    record.conversation_id = record.conversation_id or start.conversation_id
    if record.server_address is None:
        record.server_address, record.server_port = start.address, start.port
    return record


def reconcile(course: Course, record: Record) -> None:
    """What the answer itself says of how the call went is truer than what the client made of it."""
    if course.outcome == "abandoned" and record.complete:
        course.outcome = "completed"  # clients let go of a stream once its end marker has come by
    failure = record.failure
    if failure is None:
        if course.outcome == "completed":
            course.outcome = record.outcome or course.outcome
        return
    course.failure = replace(failure, message=failure.message or (course.failure.message if course.failure else ""))
    if course.outcome in ("completed", "abandoned"):
        course.outcome = "failed"
    course.outcome = record.outcome or course.outcome


def _counted(engine: Engine, record: Inference | Embedding | Rerank) -> tuple[Usage, Cost | None]:
    if isinstance(record, Inference):
        estimate(record, engine.token_tables)
    return record.usage, price(record, engine.prices)


def outcome_of(error: BaseException) -> str:
    """How a call ended that this was raised out of."""
    if isinstance(error, GeneratorExit):
        return "abandoned"
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "interrupted"
    if isinstance(error, TimeoutError):
        return "timed_out"
    return "failed" if isinstance(error, Exception) else "cancelled"
