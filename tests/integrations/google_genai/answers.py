"""Answers of Google's models, made up for the tests: whole, in pieces, and with calls of tools."""

from __future__ import annotations

import json
from typing import Any

from tests.integrations.conformance.network import Answer, Network
from tests.integrations.google_genai.clients import http

JSON = {"content-type": "application/json; charset=UTF-8"}
EVENTS = {"content-type": "text/event-stream"}


def generated(*parts: dict[str, Any], reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    """The body of an answer, with those parts."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    candidate |= {"finishReason": reason} if reason else {}
    spent = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    body = {"candidates": [candidate], "usageMetadata": spent, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}
    return {**body, **more}


def text(said: str, **more: Any) -> dict[str, Any]:
    """The body of an answer that says so."""
    return generated({"text": said}, **more)


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A part that calls a tool."""
    return {"functionCall": {"name": name, "args": arguments}}


def whole(body: Any, status: int = 200) -> Answer:
    """The answer as one document."""
    return Answer(status, JSON, json.dumps(body).encode())


def stream(*bodies: Any) -> Answer:
    """The answer in pieces, a document each."""
    return Answer(200, EVENTS, b"".join(b"data: %b\r\n\r\n" % json.dumps(body).encode() for body in bodies))


PIECES = (*(text(word, reason=None) for word in ("Once ", "upon ", "a ", "time")), text("."))

STEPS = (
    {"event_type": "interaction.created", "interaction": {"id": "i1", "status": "in_progress", "model": "gemini-3"}},
    {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
    *(
        {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": word}}
        for word in ("Once ", "upon ", "a ", "time.")
    ),
    {"event_type": "step.stop", "index": 0},
    {
        "event_type": "interaction.completed",
        "interaction": {
            "id": "i1",
            "status": "completed",
            "model": "gemini-3",
            "usage": {"total_input_tokens": 10, "total_output_tokens": 5, "total_thought_tokens": 2},
        },
    },
)


def steps() -> Answer:
    """An interaction in pieces."""
    events = b"".join(
        b"event: %b\ndata: %b\n\n" % (one["event_type"].encode(), json.dumps(one).encode()) for one in STEPS
    )
    return Answer(200, EVENTS, events + b"event: done\ndata: [DONE]\n\n")


def network(*answers: Answer) -> Network:
    """A network that gives these answers, one after the other."""
    return Network(http(), *answers)
