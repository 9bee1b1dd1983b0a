"""One call is one span that bears usage, also where the library traces itself into the same provider."""

import gc

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace import runtime
from llmtrace.testing import Answer as Said
from llmtrace.testing import ModelServer, ToolUse
from tests.integrations.conformance import drives
from tests.integrations.conformance.asked import ASKS
from tests.integrations.conformance.clients import call, connect, each, package_of, settled
from tests.integrations.conformance.network import Network, http_of

sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
early_and_late = pytest.mark.parametrize("early", [False, True], ids=["client made after init", "client made before"])

DRIVES = {
    "create": (drives.plain, False),
    "create, streamed": (drives.plain, True),
    "stream": (drives.helper, True),
    "raw": (drives.raw, False),
    "streaming raw": (drives.streaming, True),
}


class Everything:
    """A global provider of the app's own, all that ends up in it, and llmtrace, which joins it when told to."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.handle = None

    def init(self):
        self.handle = runtime.init(exporters=[InMemorySpanExporter()])

    @property
    def spans(self):
        self.handle.flush()
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time)


@pytest.fixture
def everything(monkeypatch):
    made = Everything()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", made.provider)
    yield made
    runtime.shutdown()


def options(everything, tracing):
    """What a client is made with; versions that do not trace themselves do not know the option."""
    given = {
        "by default": {},
        "into a provider of its own choice": {"open_telemetry": {"tracer_provider": everything.provider}},
        "with content": {"open_telemetry": {"traces": {"enabled": True, "content_mode": "content"}}},
        "switched off": {"open_telemetry": False},
    }[tracing]
    if given and not traces_itself():
        pytest.skip("not applicable: this version of the library does not trace itself")
    return given


def traces_itself():
    from anthropic import _base_client

    return hasattr(_base_client, "start_api_call_span")


def sent_names(network):
    return {name.lower() for one in network.requests for name, _ in one.headers}


@early_and_late
@sync_and_async
@pytest.mark.parametrize("tracing", ["by default", "into a provider of its own choice", "with content", "switched off"])
@pytest.mark.parametrize("way", DRIVES)
@pytest.mark.parametrize("name", ["messages", "beta messages"])
async def test_a_call_is_one_span_whatever_the_library_traces(name, way, tracing, asynchronous, early, everything):
    drive, streamed = DRIVES[way]
    ask = ASKS[name].streamed if streamed else ASKS[name]
    network = Network(http_of("anthropic"), ask.answer())
    given = options(everything, tracing)
    client = connect(ask.kind, network, asynchronous=asynchronous, **given) if early else None
    everything.init()
    client = client or connect(ask.kind, network, asynchronous=asynchronous, **given)
    with trace.get_tracer("app").start_as_current_span("app"):
        await drive(client, ask.verb, ask.body, lambda name, value: None)
    app, inference = everything.spans
    assert (inference.name, app.name) == (f"chat {ask.body['model']}", "app")
    assert inference.parent.span_id == app.get_span_context().span_id
    assert inference.instrumentation_scope.name == "llmtrace"
    assert inference.attributes["gen_ai.usage.input_tokens"] > 0
    assert inference.attributes["gen_ai.usage.output_tokens"] > 0
    assert not sent_names(network) & {"traceparent", "tracestate", "baggage"}


@pytest.mark.skipif(not traces_itself(), reason="not applicable: this version of the library does not trace itself")
def test_the_library_s_own_tracing_works_again_after_shutdown(everything):
    ask = ASKS["messages"]
    network = Network(http_of("anthropic"), ask.answer())
    client = connect(ask.kind, network, asynchronous=False)
    everything.init()
    call(client, ask.verb, ask.body)
    everything.handle.shutdown()
    call(client, ask.verb, ask.body)
    assert [span.instrumentation_scope.name for span in everything.spans] == ["llmtrace", "com.anthropic.sdk.python"]


def weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: Which city.
    """
    return f"rain in {city}"


async def weather_later(city: str) -> str:
    """The weather in a city.

    Args:
        city: Which city.
    """
    return weather(city)


@early_and_late
@sync_and_async
@pytest.mark.parametrize("streamed", [False, True], ids=["values", "streams"])
async def test_a_tool_runner_bears_usage_once_for_each_request(streamed, asynchronous, early, everything):
    anthropic = pytest.importorskip("anthropic")
    tool = anthropic.beta_async_tool(weather_later) if asynchronous else anthropic.beta_tool(weather)
    kind = anthropic.AsyncAnthropic if asynchronous else anthropic.Anthropic
    with ModelServer() as server:
        server.reply(Said(tool_calls=(ToolUse(tool.name, {"city": "Oslo"}),)), "It rains.")
        client = kind(api_key="fake", base_url=server.anthropic_url) if early else None
        everything.init()
        client = client or kind(api_key="fake", base_url=server.anthropic_url)
        runner = client.beta.messages.tool_runner(**ASKS["beta messages"].body, tools=[tool], stream=streamed)
        async for turn in each(runner):
            if streamed:
                assert [event async for event in each(turn)]
        await settled(client.close())
        requests = server.requests
    del runner, turn
    gc.collect()
    billed = [span for span in everything.spans if any("usage" in key for key in span.attributes)]
    assert [span.name for span in billed] == ["chat claude-new"] * 2
    assert len(requests) == 2
    assert not {name.lower() for one in requests for name in one.headers} & {"traceparent", "tracestate", "baggage"}


@pytest.mark.parametrize("name", ["chat", "responses"])
def test_a_call_of_openai_is_one_span_of_the_app_s_own_provider(name, everything):
    ask = ASKS[name]
    network = Network(http_of(package_of(ask.kind)), ask.answer())
    everything.init()
    call(connect(ask.kind, network, asynchronous=False), ask.verb, ask.body)
    assert [span.name for span in everything.spans] == [f"chat {ask.body['model']}"]
    assert not sent_names(network) & {"traceparent", "tracestate", "baggage"}
