"""What real providers sent to other people, read from the bytes and compared with what they reported."""

import random
from urllib.parse import urlsplit

from llmtrace.facts.operation import Received
from llmtrace.facts.records import Record, TextPart, ToolCallPart
from llmtrace.integrations.openai import ROUTES
from tests.integrations.expectations import check
from tests.integrations.openai.wire import evidence
from tests.recordings import Exchange, parametrize

every_exchange = parametrize(
    "openai.chat.completions",
    "openai.responses",
    "openai.completions",
    "openai.embeddings",
    "openai.images.generations",
    "azure_openai.chat.completions",
    "azure_openai.embeddings",
    "deepseek.chat.completions",
    "groq.chat.completions",
    "mistral.chat.completions",
    "mistral.embeddings",
    "together.chat.completions",
    "together.completions",
    "vllm.chat.completions",
    "vllm.completions",
    "vllm.embeddings",
    "openrouter.chat.completions",
    "openai_compatible.chat.completions",
    "openai_compatible.completions",
    "portkey.chat.completions",
    "pydantic_gateway.responses",
    "writer.chat",
    "writer.completions",
)
every_stream = parametrize(
    "openai.chat.completions", "openai.responses", "deepseek.chat.completions", "groq.chat.completions", "writer.chat"
)


def operation_of(exchange: Exchange):
    path = urlsplit(exchange.request["url"]).path
    wanted = "/chat/completions" if path == "/v1/chat" else path
    return next(operation for (_, end), operation in ROUTES.items() if wanted.endswith(end))


def read(exchange: Exchange, cuts: list[int] | None = None) -> Record:
    """The record of an exchange whose body came in whole, or cut at the given places."""
    response = exchange.response
    content_type = response.get("headers", {}).get("content-type") or response["inferred_headers"]["content-type"]
    received = Received(response["status"], content_type)
    body = exchange.response_bytes
    if cuts is None and "event-stream" not in content_type:
        received.body = body
    ends = sorted({cut % (len(body) + 1) for cut in cuts or []})
    chunks = [body[a:b] for a, b in zip([0, *ends], [*ends, len(body)], strict=True)]
    operation = operation_of(exchange)
    return operation.read(evidence(operation, exchange.request_bytes, received, chunks))


@every_exchange
def test_every_fact_the_provider_reported_is_in_the_record(exchange):
    check(read(exchange), exchange)


@every_exchange
def test_the_request_is_in_the_record(exchange):
    record, asked = read(exchange), exchange.request["body"]
    if not isinstance(asked, dict):
        return
    assert record.request_model == asked.get("model")
    for field in ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "top_k"):
        if hasattr(record, field):
            assert getattr(record, field) == asked.get(field)
    if "messages" in asked:
        assert [message.role for message in record.input_messages] == [message["role"] for message in asked["messages"]]
    if "tools" in asked:
        assert len(record.tool_definitions) == len(asked["tools"] or [])


@every_exchange
def test_where_the_bytes_are_cut_changes_nothing(exchange):
    size = len(exchange.response_bytes)
    whole = read(exchange)
    for step in (1, 7, 100):
        if size // step < 20_000:
            assert read(exchange, list(range(0, size, step))) == whole
    places = random.Random(exchange.name)
    for _ in range(3):
        assert read(exchange, [places.randrange(size + 1) for _ in range(20)]) == whole


@every_stream
def test_a_stream_that_ends_early_gives_what_came_so_far(exchange):
    if exchange.expected["stream"] is None:
        return
    body, expected = exchange.response_bytes, exchange.expected
    operation = operation_of(exchange)
    for kept in range(0, len(body), len(body) // 40):
        seen = evidence(operation, exchange.request_bytes, Received(200, "text/event-stream"), [body[:kept]])
        record = operation.read(seen)
        assert record.complete in (True, False)
        for message, whole in zip(record.output_messages, expected["output_texts"] or [""], strict=False):
            said = "".join(part.content for part in message.parts if isinstance(part, TextPart))
            assert (whole or "").startswith(said)
        calls = [part for message in record.output_messages for part in message.parts if isinstance(part, ToolCallPart)]
        for call, whole in zip(calls, expected["tool_calls"], strict=False):
            assert (call.id, call.name) == (whole["id"], whole["name"])
            assert call.arguments == whole["arguments"] or whole["arguments_raw"].startswith(call.arguments or "")
