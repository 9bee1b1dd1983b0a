"""Makes the evidence that the engine would hand over, from bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llmtrace.facts.operation import Evidence, Operation, Received, Start
from llmtrace.integrations.openai import route

JSON, SSE = "application/json", "text/event-stream; charset=utf-8"


def evidence(
    operation: Operation, request: Any, response: Received | None = None, chunks: Sequence[bytes] = ()
) -> Evidence:
    """What was seen of a call: the request's body (or a snapshot of its arguments), and the answer."""
    return Evidence(Start(operation, provider="openai"), request, response, list(chunks))


def call(path: str, request: Any, body: Any = None, status: int = 200, method: str = "post") -> Any:
    """The record of a call that was answered with JSON."""
    operation = route(None, method, path)
    sent = request if isinstance(request, bytes) else json.dumps(request).encode()
    return operation.read(evidence(operation, sent, Received(status, JSON, body=json.dumps(body).encode())))


def streamed(path: str, request: Any, events: Sequence[Any], method: str = "post") -> Any:
    """The record of a call that was answered with events: each a JSON value, or a string that is sent as it is."""
    operation = route(None, method, path)
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    sent = request if isinstance(request, bytes) else json.dumps(request).encode()
    chunks = [f"data: {line}\n\n".encode() for line in lines]
    return operation.read(evidence(operation, sent, Received(200, SSE), chunks))
