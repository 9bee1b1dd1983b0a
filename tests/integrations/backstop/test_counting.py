"""A model call that no integration saw is counted, and named in the log once; every other request is left alone."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import llmtrace
from llmtrace import runtime
from llmtrace.runtime import session
from llmtrace.testing.local_http import Response
from tests.integrations.backstop.clients import WAYS, every_way

CHAT = {"model": "m-1", "messages": [{"role": "user", "content": "hi"}]}
PATH = "/v1/chat/completions"

untraced = pytest.mark.allows_log("untraced: no integration sees them")


@untraced
@every_way
async def test_a_call_is_counted_once_and_named_once(way, at, tracing, logs):
    http = way.module()
    live = tracing()
    for _ in range(3):
        status, body = await way.whole(http, at("api.groq.com", PATH), CHAT)
        assert (status, b'"choices"' in body) == (200, True)
    assert live.handle.uncovered() == {("api.groq.com", "chat"): 3}
    assert live.live.begun == 0
    (said,) = [record.getMessage() for record in logs if "untraced" in record.getMessage()]
    assert said.startswith(f"llmtrace: chat calls to api.groq.com go through {way.library} untraced")
    assert "LLMTRACE_BACKSTOP=trace" in said


@untraced
@every_way
async def test_a_streamed_call_is_counted_once(way, at, tracing):
    http = way.module()
    live = tracing()
    body = b"".join([piece async for piece in way.pieces(http, at("api.groq.com", PATH), {**CHAT, "stream": True})])
    assert body.rstrip().endswith(b"[DONE]")
    assert live.handle.uncovered() == {("api.groq.com", "chat"): 1}


@every_way
@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("api.openai.com", "/v1/files"),
        ("api.openai.com", "/v1/models"),
        ("api.anthropic.com", "/v1/messages/batches"),
        ("api.anthropic.com", "/v1/messages/count_tokens"),
        ("example.com", PATH),
        ("groq.com.example.org", PATH),
        ("127.0.0.1", PATH),
    ],
)
async def test_any_other_request_is_let_pass(way, host, path, at, tracing):
    http = way.module()
    live = tracing()
    await way.whole(http, at(host, path), CHAT)
    assert live.handle.uncovered() == {}
    assert live.live.begun == 0


@untraced
@every_way
async def test_a_host_of_the_apps_own_is_known_when_it_is_named(way, at, tracing, server):
    http = way.module()
    live = tracing(hosts=f"gateway.internal, Other.internal:{server.url.rpartition(':')[2]}")
    await way.whole(http, at("gateway.internal", PATH), CHAT)
    await way.whole(http, at("other.internal", "/v1/messages"), {**CHAT, "max_tokens": 5})
    assert live.handle.uncovered() == {("gateway.internal", "chat"): 1, ("other.internal", "chat"): 1}


@every_way
async def test_nothing_is_counted_where_tracing_is_suppressed(way, at, tracing):
    http = way.module()
    live = tracing()
    with llmtrace.suppress():
        await way.whole(http, at("api.groq.com", PATH), CHAT)
    assert live.handle.uncovered() == {}


@every_way
async def test_nothing_is_counted_in_a_call_that_the_app_marked_itself(way, at, tracing):
    http = way.module()
    live = tracing()
    with llmtrace.llm("ask", model="m-1"):
        await way.whole(http, at("api.groq.com", PATH), CHAT)
    assert live.handle.uncovered() == {}


@untraced
async def test_a_step_of_the_apps_own_around_it_is_not_enough(at, tracing):
    way = WAYS["httpx"]
    live = tracing()
    with llmtrace.step("ask"):
        await way.whole(way.module(), at("api.groq.com", PATH), CHAT)
    assert live.handle.uncovered() == {("api.groq.com", "chat"): 1}


@every_way
async def test_nothing_is_counted_inside_another_tracers_span_of_the_same_call(way, at, tracing):
    http = way.module()
    live = tracing()
    tracer = live.provider.get_tracer("somebody.else")
    with tracer.start_as_current_span("chat m-1", attributes={"gen_ai.operation.name": "chat"}):
        await way.whole(http, at("api.groq.com", PATH), CHAT)
    assert live.handle.uncovered() == {}


@pytest.mark.parametrize("package", ["openai", "anthropic"])
async def test_nothing_is_counted_below_a_library_that_is_traced(package, at, tracing):
    library = pytest.importorskip(package, reason="not applicable: lib is tested in another environment")
    live = tracing()
    if package == "openai":
        client = library.OpenAI(base_url=at("api.openai.com", "/v1"), api_key="fake")
        client.chat.completions.create(**CHAT)
    else:
        client = library.Anthropic(base_url=at("api.anthropic.com", ""), api_key="fake")
        client.messages.create(**CHAT, max_tokens=5)
    assert live.handle.uncovered() == {}
    assert live.only().name == "chat m-1"


@untraced
async def test_a_library_whose_integration_is_left_out_is_counted_and_the_log_says_which(
    at, monkeypatch, tracing, logs
):
    library = pytest.importorskip("openai", reason="not applicable: lib is tested in another environment")
    monkeypatch.setenv("LLMTRACE_INTEGRATIONS", "-openai")
    live = tracing()
    library.OpenAI(base_url=at("api.openai.com", "/v1"), api_key="fake").chat.completions.create(**CHAT)
    assert live.handle.uncovered() == {("api.openai.com", "chat"): 1}
    assert any("The integration 'openai' is not among those in force" in record.getMessage() for record in logs)


@untraced
@every_way
async def test_a_redirect_makes_no_second_call_of_it(way, at, tracing, server, monkeypatch):
    http = way.module()
    live = tracing()
    moved = redirecting(monkeypatch, server, at("api.groq.com", PATH))
    status, _ = await way.whole(http, at("api.groq.com", moved), CHAT)
    assert status == 200
    assert live.handle.uncovered() == {("api.groq.com", "chat"): 1}


def redirecting(monkeypatch, server, target):
    """Makes the server send whoever asks at the path that is given on to the target."""
    handle = server.handle
    path = "/old/v1/chat/completions"
    monkeypatch.setattr(
        server,
        "handle",
        lambda request: Response(307, {"location": target}, b"") if request.path == path else handle(request),
    )
    return path


@untraced
@every_way
async def test_a_call_that_fails_to_connect_fails_as_before_and_is_counted(way, tracing):
    http = way.module()
    with pytest.raises(Exception) as without:  # noqa: PT011 - each library has its own
        await way.whole(http, f"http://api.groq.com:9{PATH}", CHAT)
    live = tracing()
    with pytest.raises(type(without.value)):
        await way.whole(http, f"http://api.groq.com:9{PATH}", CHAT)
    assert live.handle.uncovered() == {("api.groq.com", "chat"): 1}


@untraced
async def test_the_metric_tells_host_operation_and_provider(at, tracing, monkeypatch):
    way = WAYS["httpx"]
    reader = InMemoryMetricReader()
    monkeypatch.setattr(session, "get_meter_provider", lambda: MeterProvider([reader], shutdown_on_exit=False))
    live = tracing()
    await way.whole(way.module(), at("api.groq.com", PATH), CHAT)
    live.handle.flush()
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    (point,) = metric.data.data_points
    assert (metric.name, point.value) == ("llmtrace.uncovered.calls", 1)
    assert point.attributes["gen_ai.provider.name"] == "groq"
    assert point.attributes["gen_ai.operation.name"] == "chat"
    assert point.attributes["server.address"] == "api.groq.com"


async def test_switched_off_it_is_not_even_there(tracing, at):
    httpx = WAYS["httpx"].module()
    send = httpx.Client.send
    live = tracing("off")
    assert httpx.Client.send is send
    await WAYS["httpx"].whole(httpx, at("api.groq.com", PATH), CHAT)
    assert live.handle.uncovered() == {}


def test_a_mode_that_is_none_refuses(monkeypatch):
    monkeypatch.setenv("LLMTRACE_BACKSTOP", "maybe")
    with pytest.raises(llmtrace.SettingsError, match="off, count or trace"):
        runtime.init(exporters="none")
