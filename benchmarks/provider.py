"""The model provider of the benchmarks: answers in the process itself, so that no network is measured."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

try:
    import httpx2
except ModuleNotFoundError:  # a peer may hold its clients back to what came before it
    import httpx as httpx2

MODEL = "gpt-4o-mini"
CLAUDE = "claude-sonnet-4-5"
CHUNKS = 400
"""Events of one streamed answer that carry text."""

_ANSWER = "Paris is the capital of France. It lies on the Seine, and about two million people live there."
_WORDS = [f"word{number}" for number in range(2000)]
_DETAILS = {"prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}}

ANSWERS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_benchmark",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": _ANSWER},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 29, "completion_tokens": 22, "total_tokens": 51, **_DETAILS},
    },
    "/v1/responses": {
        "id": "resp_benchmark",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": "completed",
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "output": [
            {
                "id": "msg_benchmark",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": _ANSWER, "annotations": []}],
            }
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 29,
            "output_tokens": 22,
            "total_tokens": 51,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    },
    "/v1/messages": {
        "id": "msg_benchmark",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": _ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 29, "output_tokens": 22},
    },
}
"""Path → what is answered there."""

_BODIES = {path: json.dumps(answer).encode() for path, answer in ANSWERS.items()}


def _events() -> list[bytes]:
    head = {key: ANSWERS["/v1/chat/completions"][key] for key in ("id", "created", "model", "system_fingerprint")}
    head |= {"object": "chat.completion.chunk", "service_tier": "default"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": f"{word} "} for word in _WORDS[:CHUNKS]]
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append(head | {"choices": [], "usage": ANSWERS["/v1/chat/completions"]["usage"]})
    return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]


class _Stream(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that comes event by event."""

    def __init__(self, events: list[bytes]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[bytes]:
        yield from self._events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for event in self._events:
            yield event


_EVENTS = _events()


def answer(request: httpx2.Request) -> httpx2.Response:
    """The answer to a request: JSON, or a stream where it asks for one."""
    headers = {"x-request-id": "req_benchmark", "request-id": "req_benchmark", "content-type": "application/json"}
    if b'"stream":true' in request.content:
        headers["content-type"] = "text/event-stream"
        return httpx2.Response(200, headers=headers, stream=_Stream(_EVENTS))
    return httpx2.Response(200, headers=headers, content=_BODIES[request.url.path])


async def answer_later(request: httpx2.Request) -> httpx2.Response:
    """The same, after other tasks had their turn: concurrent calls really are under way together."""
    await asyncio.sleep(0)
    return answer(request)


def small() -> dict[str, Any]:
    """A small chat request."""
    messages = [
        {"role": "system", "content": "You answer in one sentence."},
        {"role": "user", "content": "What is the capital of France, and how many people live there?"},
    ]
    return {"model": MODEL, "messages": messages, "temperature": 0.2, "max_tokens": 200}


def large() -> dict[str, Any]:
    """A chat request of 200 kB, with 20 tools."""
    chance = random.Random(1)  # noqa: S311 - the same request every time, nothing secret
    turns = [" ".join(chance.choices(_WORDS, k=255)) for _ in range(100)]
    messages = [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(turns[:-1])]
    return {"model": MODEL, "messages": [*messages, {"role": "user", "content": turns[-1]}], "tools": _tools(chance)}


def _tools(chance: random.Random) -> list[dict[str, Any]]:
    fields = {f"field_{number}": {"type": "string", "description": "A field of it"} for number in range(6)}
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return [
        {
            "type": "function",
            "function": {
                "name": f"tool_{number}",
                "description": " ".join(chance.choices(_WORDS, k=30)),
                "parameters": schema,
            },
        }
        for number in range(20)
    ]


def small_response() -> dict[str, Any]:
    """A small request to the Responses API."""
    chat = small()
    system, user = (message["content"] for message in chat["messages"])
    return {"model": MODEL, "instructions": system, "input": user, "temperature": 0.2, "max_output_tokens": 200}


def small_message() -> dict[str, Any]:
    """A small request to Anthropic."""
    chat = small()
    system, user = (message["content"] for message in chat["messages"])
    return {
        "model": CLAUDE,
        "system": system,
        "messages": [{"role": "user", "content": user}],
        "max_tokens": 200,
    }
