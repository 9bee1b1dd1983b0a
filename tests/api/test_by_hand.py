"""A model instrumented as the page says has what one has whose client is known: it is held by the same checks."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import llmtrace
from docs.generate import DOCS
from llmtrace.testing import Captured, ModelServer, capture
from llmtrace.testing.captured import decoded
from tests.documented import blocks
from tests.integrations.expectations import check_span
from tests.recordings import Exchange
from tests.semconv import schema

PAGE = (DOCS / "how-to" / "instrument-by-hand.md").read_text()

EXPECTED = {
    "is_error": False,
    "http_status": 200,
    "error": None,
    "stream": None,
    "response_id": "chat-1",
    "response_model": "grey-2-0611",
    "finish_reasons": ["stop"],
    "output_texts": ["You said: Polly?"],
    "reasoning_text": None,
    "refusal": None,
    "tool_calls": [],
    "embeddings": None,
    "extra": {},
    "usage": {
        "input_tokens": 12,
        "output_tokens": 7,
        "cached_input_tokens": 4,
        "cache_creation_input_tokens": None,
        "reasoning_tokens": 2,
    },
}
STREAMED = {
    **EXPECTED,
    "stream": {"complete": True},
    "response_id": "chat-2",
    "usage": {
        **EXPECTED["usage"],
        "input_tokens": 9,
        "output_tokens": 5,
        "cached_input_tokens": 0,
        "reasoning_tokens": 0,
    },
}
ASKED = {
    **EXPECTED,
    "finish_reasons": ["tool_calls"],
    "output_texts": [None],
    "tool_calls": [
        {
            "choice": 0,
            "type": "function",
            "id": "call-1",
            "name": "forecast",
            "arguments": {"city": "Nantes"},
            "arguments_raw": '{"city": "Nantes"}',
        }
    ],
}
TOLD = {**EXPECTED, "output_texts": ['You said: {"city": "Nantes", "sky": "clear"}']}
FAILED = {
    **EXPECTED,
    "is_error": True,
    "error": {"code": "page.ParrotError", "type": None, "message": "no messages"},
    "response_id": None,
    "response_model": None,
    "finish_reasons": [],
    "output_texts": [],
    "usage": None,
}
EMBEDDED = {
    **EXPECTED,
    "response_model": "grey-embed-1",
    "embeddings": {"count": 2, "dimensions": 3},
    "usage": {**dict.fromkeys(EXPECTED["usage"]), "input_tokens": 5},
}

CALL = {
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.response.model",
    "gen_ai.usage.input_tokens",
    "server.address",
}
WANTED = {
    "chat": {*CALL, "gen_ai.response.id", "gen_ai.response.finish_reasons", "gen_ai.usage.output_tokens"},
    "embeddings": {*CALL, "gen_ai.embeddings.dimension.count"},
    "execute_tool": {"gen_ai.operation.name", "gen_ai.tool.name", "gen_ai.tool.call.id", "gen_ai.tool.type"},
    "invoke_agent": {"gen_ai.operation.name"},
}
"""What the conventions' own checker expects on spans of each kind that did not fail."""
KEYED = {"chat": "gen_ai.request.model", "embeddings": "gen_ai.request.model"} | {
    "execute_tool": "gen_ai.tool.name",
    "invoke_agent": "gen_ai.agent.name",
}
STRUCTURED = {
    "gen_ai.input.messages": schema.messages,
    "gen_ai.output.messages": schema.messages,
    "gen_ai.tool.definitions": schema.tools,
}


TREE = """\
chat grey-2
chat grey-2 ERROR
invoke_agent forecaster
  chat grey-2
  execute_tool forecast
  chat grey-2
chat grey-2
chat grey-2
embeddings grey-embed"""


class Told:
    """All that was told of what ran: spans, metrics and events."""

    def __init__(self, captured: Captured, reader: InMemoryMetricReader, logs: InMemoryLogRecordExporter) -> None:
        self.captured = captured
        self.reader = reader
        self.logs = logs

    def metrics(self) -> dict[str, list[Any]]:
        """The points of each metric, by its name."""
        data = self.reader.get_metrics_data()
        scopes = [] if data is None else [scope for one in data.resource_metrics for scope in one.scope_metrics]
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}

    def events(self) -> list[Any]:
        """The events, oldest first."""
        return [log.log_record for log in self.logs.get_finished_logs()]


@pytest.fixture
def told(monkeypatch, tmp_path) -> Iterator[Told]:
    (price,) = [block.text for block in blocks(PAGE) if block.language == "json"]
    (tmp_path / "prices.json").write_text(price)
    monkeypatch.setenv("LLMTRACE_PRICES", str(tmp_path / "prices.json"))
    monkeypatch.setenv("LLMTRACE_EVENTS", "true")
    reader, logs = InMemoryMetricReader(), InMemoryLogRecordExporter()
    meters, loggers = MeterProvider([reader], shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", meters)
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", loggers)
    with capture() as captured:
        yield Told(captured, reader, logs)
    meters.shutdown()
    loggers.shutdown()


@pytest.fixture
def page(told: Told) -> dict[str, Any]:
    """The names that are there once all of the page has run."""
    names: dict[str, Any] = {"__name__": "page"}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for block in blocks(PAGE):
            if block.language == "python":
                exec(compile("\n" * block.line + block.text, "instrument-by-hand.md", "exec"), names)
    assert printed.getvalue() == (
        "You said: Polly?\nnot answered: no messages\n"
        'You said: {"city": "Nantes", "sky": "clear"}\nYou said: Polly?You said: Polly?\n'
    )
    return names


def test_every_fact_is_on_the_spans_and_no_other(told: Told, page) -> None:
    assert told.captured.tree() == TREE
    billed = [span for span in told.captured.spans if span.name.startswith(("chat", "embeddings"))]
    for span, expected in zip(billed, [EXPECTED, FAILED, ASKED, TOLD, STREAMED, STREAMED, EMBEDDED], strict=True):
        check_span(span, Exchange(span.name, "parrot.chat", {}, {}, expected))
        said = decoded(span)
        assert said["gen_ai.provider.name"] == "parrot"
        assert (said["server.address"], said["server.port"]) == ("parrot.example", 8443)


def test_the_rest_of_what_the_page_says_is_there_too(told: Told, page) -> None:
    first, _, asked, answered, streamed, whole = told.captured.all("chat grey-2")
    said = decoded(first)
    assert said["gen_ai.request.max_tokens"] == 200
    assert said["gen_ai.request.temperature"] == 0.2
    assert said["gen_ai.input.messages"] == [{"role": "user", "parts": [{"type": "text", "content": "Polly?"}]}]
    assert "gen_ai.request.stream" not in said
    assert [tool["name"] for tool in decoded(asked)["gen_ai.tool.definitions"]] == ["forecast"]
    response = {"type": "tool_call_response", "id": "call-1", "response": {"city": "Nantes", "sky": "clear"}}
    assert decoded(answered)["gen_ai.input.messages"][-1] == {"role": "tool", "parts": [response]}
    tool = decoded(told.captured.one("execute_tool forecast"))
    assert tool["gen_ai.tool.call.id"] == "call-1"
    assert tool["gen_ai.tool.call.result"] == {"city": "Nantes", "sky": "clear"}
    assert tool["gen_ai.tool.description"] == "The weather in a city."
    for span in (streamed, whole):
        assert decoded(span)["gen_ai.request.stream"] is True
        assert decoded(span)["gen_ai.response.time_to_first_chunk"] > 0
        assert "gen_ai.request.max_tokens" not in decoded(span)


def test_the_conventions_own_checker_would_find_nothing(told: Told, page) -> None:
    for span in told.captured.spans:
        said = decoded(span)
        operation = said["gen_ai.operation.name"]
        assert span.name == f"{operation} {said[KEYED[operation]]}"
        assert span.kind.name == ("CLIENT" if operation in ("chat", "embeddings") else "INTERNAL")
        assert span.status.status_code.name == ("ERROR" if "error.type" in said else "UNSET")
        if "error.type" not in said:
            assert WANTED[operation] - set(said) == set()
        for key, valid in STRUCTURED.items():
            if key in said:
                valid(said[key])


def test_what_was_used_has_its_price(told: Told, page) -> None:
    chat, embedded = told.captured.all("chat grey-2")[0], told.captured.one("embeddings grey-embed")
    assert decoded(chat)["llmtrace.cost.total"] == pytest.approx((8 * 1.0 + 4 * 0.5 + 7 * 4.0) / 1e6)
    assert decoded(embedded)["llmtrace.cost.total"] == pytest.approx(5 * 0.1 / 1e6)


def automatic(server: ModelServer) -> None:
    """The like of the page's calls, made with a client that an integration knows."""
    client = openai.OpenAI(base_url=server.openai_url, api_key="not-a-key")
    messages: Any = [{"role": "user", "content": "Polly?"}]
    client.chat.completions.create(model="gpt-4o", messages=messages, max_tokens=200, temperature=0.2)
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    for _ in client.chat.completions.create(model="gpt-4o", messages=messages, **options):
        pass
    client.embeddings.create(model="text-embedding-3-small", input=["a parrot", "a lyrebird"])
    with contextlib.suppress(openai.BadRequestError):
        client.chat.completions.create(model="gpt-4o", messages=[], max_tokens=200, temperature=0.2)


def keys(told: Told, provider: str) -> dict[str, set[Any]]:
    """Which attributes the spans, metrics and events of a provider's calls have, by what they are of."""
    llmtrace.flush()
    spans = [(span.name.partition(" ")[0], span.status.is_unset, span.attributes) for span in told.captured.spans]
    points = [(name, point.attributes) for name, points in told.metrics().items() for point in points]
    return {
        "spans": {(name, well, *ours(said)) for name, well, said in spans if said.get(PROVIDER) == provider},
        "metrics": {(name, *ours(said)) for name, said in points if said.get(PROVIDER) == provider},
        "events": {
            (e.event_name, *ours(e.attributes)) for e in told.events() if e.attributes.get(PROVIDER) == provider
        },
    }


PROVIDER = "gen_ai.provider.name"
BESIDE = {
    "gen_ai.request.encoding_formats",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.reasoning.output_tokens",
    "llmtrace.response.request_id",
}
"""What only one of the two servers does, or reports."""


def ours(attributes: Any) -> list[str]:
    return sorted(key for key in attributes if not key.startswith("openai.") and key not in BESIDE)


def test_spans_metrics_and_events_are_those_of_an_automatic_call(told: Told, page) -> None:
    with ModelServer() as server:
        automatic(server)
    by_hand, known = keys(told, "parrot"), keys(told, "openai")
    assert by_hand["events"]
    for what, those in known.items():
        assert those <= by_hand[what], what
