"""Puts what Anthropic's API documents onto the wire, and reads it back the way the engine would."""

import base64
import json
import struct
import zlib

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.integrations.anthropic import route

SSE = "text/event-stream; charset=utf-8"
AWS = "application/vnd.amazon.eventstream"


def read(
    answer, request=None, *, url="/v1/messages", method="post", status=200, content_type=None, start=None, cuts=()
):
    """The record of a call: `answer` is a JSON document or bytes; with `cuts` the bytes arrive in so many chunks."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    content_type = content_type or "application/json"
    received = Received(status, content_type, request_id="req_1")
    chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)] if cuts else []
    received.body = None if chunks else body
    operation = route(None, method, url)
    evidence = Evidence(Start(operation, request=start), json.dumps(request or {}).encode(), received, chunks)
    return operation.read(evidence)


def stream(*events):
    """The events as Anthropic sends them."""
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def started(**message):
    """The event that opens a message."""
    usage = {"input_tokens": 7, "output_tokens": 1}
    return {"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "usage": usage, **message}}


def block(index, content_block, *deltas):
    """The events of one content block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": content_block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def ended(stop_reason="end_turn", **usage):
    """The events that close a message."""
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def frame(payload, headers):
    """One message of an AWS event stream, headers being strings."""
    block = b"".join(
        bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
        for name, value in ((name.encode(), value.encode()) for name, value in headers.items())
    )
    head = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = head + struct.pack(">I", zlib.crc32(head)) + block + payload
    return message + struct.pack(">I", zlib.crc32(message))


def chunk(event):
    """An event as Bedrock wraps it."""
    packed = base64.b64encode(json.dumps(event).encode()).decode()
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return frame(json.dumps({"bytes": packed, "p": "abcdef"}).encode(), headers)


def refusal(kind, message):
    """An exception in the middle of a Bedrock stream."""
    return frame(json.dumps({"message": message}).encode(), {":exception-type": kind, ":message-type": "exception"})
