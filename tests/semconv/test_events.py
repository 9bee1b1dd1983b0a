import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.trace import SpanContext, TraceFlags

from llmtrace.facts.records import (
    Course,
    Embedding,
    Inference,
    Message,
    Step,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    Usage,
)
from llmtrace.semconv.events import Events

from . import schema
from .strategies import any_course, facts

SPAN = SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=False, trace_flags=TraceFlags(1))
DONE = Course(started=1_000, ended=2_000)


def emitted(record, course=DONE, names="both"):
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    Events(provider.get_logger("test"), names).emit(record, course, SPAN)
    found = exporter.get_finished_logs()
    provider.shutdown()
    return found


def test_a_model_call_is_one_debug_event_in_its_spans_context():
    (data,) = emitted(Inference(operation="chat"))
    log = data.log_record
    assert log.event_name == "gen_ai.client.inference.operation.details"
    assert log.severity_number is SeverityNumber.DEBUG
    assert (log.trace_id, log.span_id, log.trace_flags) == (SPAN.trace_id, SPAN.span_id, SPAN.trace_flags)
    assert log.timestamp == 2_000
    assert log.body is None


def test_its_content_is_structured_and_its_facts_are_the_spans():
    record = Inference(
        operation="chat",
        provider="openai",
        input_messages=[Message("user", [TextPart("\ud800hi")])],
        output_messages=[
            Message(
                "assistant", [ToolCallPart("weather", "c1", {"city": "Oslo", "days": [1, None], "mixed": [1, "a"]})]
            )
        ],
        tool_definitions=[ToolDefinition("weather")],
        usage=Usage(input_tokens=3),
        finish_reasons=["tool_calls"],
    )
    (data,) = emitted(record, names="latest")
    found = dict(data.log_record.attributes)
    assert found["gen_ai.input.messages"] == ({"role": "user", "parts": ({"type": "text", "content": "\ufffdhi"},)},)
    (answer,) = found["gen_ai.output.messages"]
    assert answer["parts"][0]["arguments"] == {"city": "Oslo", "days": (1, None), "mixed": '[1,"a"]'}
    assert found["gen_ai.tool.definitions"] == ({"type": "function", "name": "weather"},)
    assert found["gen_ai.usage.input_tokens"] == 3
    assert found["gen_ai.provider.name"] == "openai"
    assert "gen_ai.system" not in found


@pytest.mark.parametrize("record", [Embedding(), Step(name="s"), Inference(operation="fetch_response")])
def test_nothing_but_a_model_call_is_an_event(record):
    assert not emitted(record)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(facts(Inference), any_course)
def test_any_model_call_makes_an_event_that_can_be_exported(record, course):
    found = emitted(record, course)
    for data in found:
        encode_logs([data]).SerializeToString()


def test_an_events_messages_match_their_schema():
    record = Inference(operation="chat", input_messages=[Message("user", [TextPart("hi")])])
    (data,) = emitted(record)
    value = data.log_record.attributes["gen_ai.input.messages"]
    schema.messages([{**message, "parts": list(message["parts"])} for message in value])
