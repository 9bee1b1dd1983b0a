"""Whatever a record holds, its attributes can be exported, keep their types and their schemas, and nothing warns."""

import json
import math
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace.facts.operation import Operation, Start
from llmtrace.semconv.attributes import attributes, scope_attributes, span_name, start_attributes
from llmtrace.semconv.names import ATTRIBUTES

from . import schema
from .strategies import TEXTS, any_course, any_record, any_scope

NAMES = st.sampled_from(["both", "latest", "legacy"])
PYTHON = {"string": str, "int": int, "double": float, "boolean": bool, "string[]": list, "json": str}
ROWS = [
    (re.compile(re.escape(key).replace("<key>", ".*").replace("<unit>", ".*").replace("<name>", ".*"), re.DOTALL), row)
    for row in ATTRIBUTES
    for key in (row.key, row.formerly)
    if key
]
slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


def assert_legal(value):
    """A str, bool, int or float, or a list of one of these: what every version of OpenTelemetry can carry."""
    items = value if isinstance(value, list) else [value]
    assert len({type(item) for item in items}) <= 1
    for item in items:
        assert type(item) in (str, bool, int, float)
        assert not isinstance(item, int) or -(1 << 63) <= item < 1 << 63
        assert not isinstance(item, float) or math.isfinite(item)
        if isinstance(item, str):
            item.encode()


@slow
@given(any_record, any_course, NAMES)
def test_attributes_are_legal_and_of_the_tables_type(record, course, names):
    found = attributes(record, course, names)
    for key, value in found.items():
        key.encode()
        assert_legal(value)
        row = next(row for pattern, row in ROWS if pattern.fullmatch(key))
        assert row.type == "any" or type(value) is PYTHON[row.type]
        if row.type == "json":
            json.loads(value)


@slow
@given(any_record, any_course)
def test_structured_content_matches_the_conventions_schemas(record, course):
    schema.check(attributes(record, course, "both"))


@slow
@given(any_record, any_course, NAMES)
def test_flags_that_may_only_be_true_or_false_are_left_out_otherwise(record, course, names):
    found = attributes(record, course, names)
    assert found.get("gen_ai.request.stream") is not False
    assert found.get("gen_ai.conversation.compacted") is not False
    assert found.get("llmtrace.stream.complete") is not True
    assert found.get("gen_ai.request.choice.count") != 1
    assert ("server.port" in found) <= ("server.address" in found)
    assert ("error.type" in found) <= (course.failure is not None)


@slow
@given(any_scope)
def test_what_the_app_says_is_legal_whatever_it_says(scope):
    found = scope_attributes(scope)
    for key, value in found.items():
        key.encode()
        assert_legal(value)
    assert len(found) < 64


@slow
@given(any_record, any_course, any_scope, TEXTS, TEXTS, st.none() | TEXTS)
def test_a_real_span_takes_and_exports_all_of_it_without_a_warning(record, course, scope, operation, provider, target):
    start = Start(Operation(operation, lambda _: record), provider=provider, model=target, target=target)
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer("test").start_span(span_name(start), attributes=start_attributes(start, scope))
    span.set_attributes(attributes(record, course, "both"))
    span.end()
    encode_spans(exporter.get_finished_spans()).SerializeToString()
