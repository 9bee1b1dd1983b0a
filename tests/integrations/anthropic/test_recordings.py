"""What Anthropic and Bedrock really sent to other people, read from the bytes and compared with what they reported."""

import base64
import json
import random
from urllib.parse import urlsplit

import pytest

from llmtrace.facts.records import Inference, TextPart, ToolDefinition, ToolResponsePart
from llmtrace.facts.shape import mapping
from tests.integrations.anthropic.wire import read
from tests.integrations.expectations import check
from tests.recordings import Exchange, exchanges, parametrize

APIS = ("anthropic.messages", "anthropic.completions")
BEDROCK = ("bedrock.invoke_model", "bedrock.invoke_model_with_response_stream")

every_exchange = parametrize(*APIS)


def replay(exchange: Exchange, *, cuts=()):
    path = urlsplit(exchange.request["url"]).path
    return read(
        exchange.response_bytes,
        asked(exchange),
        url="/v1/messages" if path.startswith("/model/") else path,
        status=exchange.response["status"],
        content_type=exchange.response["headers"].get("content-type"),
        cuts=cuts,
    )


def asked(exchange: Exchange):
    """The body of the request, which some of the sources kept as text."""
    return json.loads(exchange.request_bytes)


def streams(*apis):
    found = [exchange for exchange in exchanges(*apis) if exchange.expected["stream"]]
    return pytest.mark.parametrize("exchange", found, ids=[exchange.name for exchange in found])


def spoken_by_bedrock():
    """The exchanges that Bedrock had with a client that spoke Anthropic's messages to it."""
    found = [
        exchange._replace(api="anthropic.messages")
        for exchange in exchanges(*BEDROCK)
        if "/anthropic." in exchange.request["url"] and "messages" in mapping(asked(exchange))
    ]
    return pytest.mark.parametrize("exchange", found, ids=[exchange.name for exchange in found])


@every_exchange
def test_every_fact_that_anthropic_reported_is_in_the_record(exchange: Exchange):
    check(replay(exchange), exchange)


@spoken_by_bedrock()
def test_every_fact_that_bedrock_reported_of_a_claude_model_is_in_the_record(exchange: Exchange):
    check(replay(exchange), exchange)


@streams(*APIS, *BEDROCK)
def test_where_a_stream_is_cut_into_chunks_changes_nothing(exchange: Exchange):
    size, dice = len(exchange.response_bytes), random.Random(exchange.name)
    whole = replay(exchange)
    for count in (1, 7, 100, size - 1):
        assert replay(exchange, cuts=sorted(dice.sample(range(1, size), count))) == whole


@every_exchange
def test_everything_that_was_asked_is_in_the_record(exchange: Exchange):
    body = asked(exchange)
    record = replay(exchange)
    assert isinstance(record, Inference)
    assert record.request_model == body["model"]
    assert record.stream == body.get("stream", False)
    for key in ("temperature", "top_p", "top_k"):
        assert getattr(record, key) == body.get(key)
    assert record.max_tokens == body.get("max_tokens", body.get("max_tokens_to_sample"))
    assert record.tool_definitions == [
        ToolDefinition(tool["name"], "function", tool.get("description"), tool["input_schema"])
        for tool in body.get("tools", [])
    ]
    assert texts_of(record) == texts_in(body)
    assert len(record.input_messages) == len(body.get("messages", [])) + ("prompt" in body)


def texts_of(record):
    """Every text in the record of a request, in order."""
    parts = record.system_instructions + [part for message in record.input_messages for part in message.parts]
    found = [part.content if isinstance(part, TextPart) else part.response for part in parts if said(part)]
    return [text for text in found if text]


def said(part):
    return isinstance(part, TextPart | ToolResponsePart)


def texts_in(body):
    """Every text in the body of a request, in order."""
    contents = [body.get("system") or [], *(message["content"] for message in body.get("messages", []))]
    blocks = [block for content in contents for block in ([text(content)] if isinstance(content, str) else content)]
    found = [block.get("text") or (block["type"] == "tool_result" and block["content"]) for block in blocks]
    found.append(body.get("prompt"))
    return [content[0]["text"] if isinstance(content, list) else content for content in found if content]


def text(content):
    return {"type": "text", "text": content}


@every_exchange
def test_every_image_in_a_request_is_in_the_record_with_its_bytes(exchange: Exchange):
    blocks = [b for m in asked(exchange).get("messages", []) for b in m["content"] if isinstance(b, dict)]
    sources = [block["source"] for block in blocks if block["type"] == "image"]
    blobs = [part for message in replay(exchange).input_messages for part in message.parts if hasattr(part, "modality")]
    assert [(b.modality, b.mime_type, b.content) for b in blobs] == [
        ("image", source["media_type"], source["data"]) for source in sources
    ]
    assert all(base64.b64decode(blob.content, validate=True) for blob in blobs)
