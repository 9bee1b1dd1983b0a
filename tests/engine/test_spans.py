"""A call's span costs its caller little where nobody else sees it begin, and is no other to who looks at it."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

import llmtrace
from llmtrace import runtime
from llmtrace.engine.spans import LightSpan


class Theirs(SpanProcessor):
    """A processor of the app's own."""

    def __init__(self):
        self.begun = []
        self.ended = []

    def on_start(self, span, parent_context=None):
        self.begun.append(dict(span.attributes))

    def on_end(self, span):
        self.ended.append(span)


class Traced:
    """llmtrace over a provider of the app's, and what it exported."""

    def __init__(self, **options):
        self.provider = TracerProvider(shutdown_on_exit=False, **options)
        self.exporter = InMemorySpanExporter()
        self.handle = runtime.init(tracer_provider=self.provider, exporters=[self.exporter])

    def spans(self):
        assert self.handle.flush()
        return self.exporter.get_finished_spans()


@pytest.fixture
def traced():
    made = []

    def make(**options):
        made.append(Traced(**options))
        return made[-1]

    yield make
    for each in made:
        each.handle.shutdown()


@llmtrace.step
def current():
    return trace.get_current_span()


@llmtrace.step
def outer():
    return current()


def test_a_span_that_only_we_see_is_a_light_one(traced):
    tracing = traced()
    assert type(outer()) is LightSpan
    inner, around = tracing.spans()
    assert inner.parent.span_id == around.context.span_id
    assert (inner.name, around.name) == ("current", "outer")
    assert around.parent is None
    assert inner.resource is tracing.provider.resource
    assert inner.instrumentation_scope.name == "llmtrace"
    assert 0 < around.start_time <= inner.start_time <= inner.end_time <= around.end_time


def test_a_processor_of_the_apps_sees_the_sdks_own_spans_from_its_first_on(traced):
    tracing = traced()
    assert type(current()) is LightSpan
    theirs = Theirs()
    tracing.provider.add_span_processor(theirs)
    assert type(current()) is not LightSpan
    tracing.handle.flush()
    assert [span.name for span in theirs.ended] == ["current"]
    assert theirs.begun[0]["llmtrace.step.path"] == "current"
    assert len(tracing.spans()) == 2


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ParentBased(TraceIdRatioBased(0.0))])
def test_a_sampler_that_chooses_is_asked(traced, sampler):
    tracing = traced(sampler=sampler)
    assert type(current()) is not LightSpan
    assert not tracing.spans()


@pytest.mark.parametrize("sampled", [True, False])
def test_what_a_remote_parent_decided_holds(traced, sampled):
    tracing = traced()
    context = SpanContext(5, 7, is_remote=True, trace_flags=TraceFlags(int(sampled)))
    with trace.use_span(NonRecordingSpan(context)):
        span = current()
    assert span.get_span_context().trace_id == 5
    assert type(span) is (LightSpan if sampled else NonRecordingSpan)
    assert [each.parent.span_id for each in tracing.spans()] == ([7] if sampled else [])


def test_what_an_app_writes_on_it_is_kept_as_the_sdk_keeps_it(traced, caplog):
    tracing = traced()

    @llmtrace.step
    def writing():
        span = trace.get_current_span()
        span.set_attribute("mine", ["a", "b"])
        span.set_attributes({"number": 2, "odd": object()})
        span.add_event("moment", {"at": 1})
        span.add_link(SpanContext(1, 2, is_remote=True))
        span.record_exception(ValueError("no"))
        span.update_name("renamed")
        span.set_status(StatusCode.OK)
        span.set_status(StatusCode.ERROR, "too late")
        return span

    with caplog.at_level("CRITICAL", "opentelemetry"):
        span = writing()
    (seen,) = tracing.spans()
    span.set_attribute("late", True)
    span.update_name("late")
    span.add_event("late")
    span.end()
    assert seen.name == "renamed"
    assert (seen.attributes["mine"], seen.attributes["number"]) == (("a", "b"), 2)
    assert seen.attributes.get("odd") is None  # as the SDK has it, with a word in its log
    assert "late" not in seen.attributes
    assert [event.name for event in seen.events] == ["moment", "exception"]
    assert seen.events[1].attributes["exception.message"] == "no"
    assert [link.context.span_id for link in seen.links] == [2]
    assert seen.status.status_code is StatusCode.OK
    assert len(tracing.spans()) == 1


def test_facts_are_not_lost_where_an_app_writes_more_than_a_span_holds_by_default(traced):
    tracing = traced()

    @llmtrace.step
    def writing():
        trace.get_current_span().set_attributes({f"mine.{number}": number for number in range(300)})

    with llmtrace.conversation("c-1"):
        writing()
    (span,) = tracing.spans()
    assert span.attributes["gen_ai.conversation.id"] == "c-1"
    assert len([key for key in span.attributes if key.startswith("mine.")]) == 300


def test_an_exporter_that_looks_below_the_public_names_finds_what_the_sdk_leaves_there(traced):
    tracing = traced()
    current()
    (span,) = tracing.spans()
    shown = json.loads(span.to_json())
    assert (shown["name"], shown["kind"]) == ("current", "SpanKind.INTERNAL")
    assert shown["attributes"]["llmtrace.step.path"] == "current"
    assert shown["resource"]["attributes"]["telemetry.sdk.name"] == "opentelemetry"
    assert span._instrumentation_scope.name == "llmtrace"
