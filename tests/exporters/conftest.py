"""Receivers, and finished spans to send to them."""

import sys

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace.exporters import build
from llmtrace.settings import resolve
from tests.exporters.receiver import receiving


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def other_receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def spans():
    """Makes finished spans, one for each mapping of attributes."""

    def make(*attributes, name="span", resource=None):
        memory = InMemorySpanExporter()
        provider = TracerProvider(resource=resource or Resource({"service.name": "tests"}), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(memory))
        for number, each in enumerate(attributes):
            provider.get_tracer("tests").start_span(f"{name}-{number}", attributes=each).end()
        return memory.get_finished_spans()

    return make


@pytest.fixture
def exporters():
    """Builds the exporters of a setting, in an environment that is only what the test says; closes them at the end."""
    built = []

    def make(spec, **environ):
        destinations = build(resolve({"exporters": spec}, {"OTEL_EXPORTER_OTLP_TIMEOUT": "5", **environ}))
        built.extend(destinations)
        return [destination.exporter for destination in destinations]

    yield make
    for destination in built:
        destination.exporter.shutdown()


@pytest.fixture(params=["httpx", "httpx2"])
def over_each_client(request, monkeypatch):
    """The exporter takes the HTTP client that the app has loaded: the test runs with either."""
    monkeypatch.delitem(sys.modules, "httpx2", raising=False)
    if request.param == "httpx2":
        pytest.importorskip("httpx2", reason="not applicable: httpx2 is tested in another environment")
