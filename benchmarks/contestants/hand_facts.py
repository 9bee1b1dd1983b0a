"""The attributes that the hand-written spans carry, for each of the APIs that are called: asked, and answered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Attributes: TypeAlias = dict[str, Any]

_RATES = {"gpt-4o-mini": (0.15e-6, 0.6e-6), "claude-sonnet-4-5": (3e-6, 15e-6)}


def _common(request: Attributes, provider: str, host: str) -> Attributes:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.system": provider,
        "gen_ai.request.model": request["model"],
        "server.address": host,
        "server.port": 443,
    }


def _set(request: Attributes, **keys: str) -> Attributes:
    """The parameters that the request has."""
    return {key: request[name] for name, key in keys.items() if name in request}


def _text(content: str) -> Attributes:
    return {"type": "text", "content": content}


def _message(message: Attributes) -> Attributes:
    return {"role": message["role"], "parts": [_text(message["content"])]}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _chat(request: Attributes) -> Attributes:
    asked = _common(request, "openai", "api.openai.com") | _set(
        request, temperature="gen_ai.request.temperature", max_tokens="gen_ai.request.max_tokens"
    )
    asked["openai.api.type"] = "chat_completions"
    asked["gen_ai.input.messages"] = _json([_message(message) for message in request["messages"]])
    if tools := request.get("tools"):
        asked["gen_ai.tool.definitions"] = _json([{"type": "function", **tool["function"]} for tool in tools])
    return asked


def _responses(request: Attributes) -> Attributes:
    asked = _common(request, "openai", "api.openai.com") | _set(
        request, temperature="gen_ai.request.temperature", max_output_tokens="gen_ai.request.max_tokens"
    )
    asked["openai.api.type"] = "responses"
    asked["gen_ai.system_instructions"] = _json([_text(request["instructions"])])
    asked["gen_ai.input.messages"] = _json([_message({"role": "user", "content": request["input"]})])
    return asked


def _messages(request: Attributes) -> Attributes:
    asked = _common(request, "anthropic", "api.anthropic.com") | _set(request, max_tokens="gen_ai.request.max_tokens")
    asked["gen_ai.system_instructions"] = _json([_text(request["system"])])
    asked["gen_ai.input.messages"] = _json([_message(message) for message in request["messages"]])
    return asked


def _used(model: str, read: int, made: int) -> Attributes:
    rate_in, rate_out = _RATES[model]
    return {
        "gen_ai.usage.input_tokens": read,
        "gen_ai.usage.output_tokens": made,
        "llmtrace.cost.input": read * rate_in,
        "llmtrace.cost.output": made * rate_out,
        "llmtrace.cost.total": read * rate_in + made * rate_out,
        "llmtrace.cost.currency": "USD",
        "llmtrace.cost.source": "my own table",
    }


def _head(answer: Any, reasons: list[str], said: list[Attributes]) -> Attributes:
    return {
        "gen_ai.response.id": answer.id,
        "gen_ai.response.model": answer.model,
        "gen_ai.response.finish_reasons": reasons,
        "gen_ai.output.messages": _json(said),
        "llmtrace.response.request_id": answer._request_id,
    }


def _assistant(content: str) -> Attributes:
    return _message({"role": "assistant", "content": content})


def _completion(answer: Any) -> Attributes:
    said = [_assistant(choice.message.content) for choice in answer.choices]
    found = _head(answer, [choice.finish_reason for choice in answer.choices], said)
    found["openai.response.service_tier"] = answer.service_tier
    found["openai.response.system_fingerprint"] = answer.system_fingerprint
    return found | _used("gpt-4o-mini", answer.usage.prompt_tokens, answer.usage.completion_tokens)


def _response(answer: Any) -> Attributes:
    found = _head(answer, ["stop"], [_assistant(answer.output_text)])
    found["openai.response.service_tier"] = answer.service_tier
    found["gen_ai.response.status"] = answer.status
    return found | _used("gpt-4o-mini", answer.usage.input_tokens, answer.usage.output_tokens)


def _claude(answer: Any) -> Attributes:
    found = _head(answer, ["stop"], [_assistant("".join(block.text for block in answer.content))])
    return found | _used("claude-sonnet-4-5", answer.usage.input_tokens, answer.usage.output_tokens)


def heard(chunks: Any, write: Callable[[Attributes], None]) -> Iterator[Any]:
    """The chunks of a chat stream as they come; at its end, however that comes, what they amount to is written."""
    began, first = time.perf_counter(), 0.0
    pieces: list[str] = []
    reason, usage, chunk = "error", None, None
    try:
        for chunk in chunks:
            first = first or time.perf_counter()
            for choice in chunk.choices:
                if choice.delta.content:
                    pieces.append(choice.delta.content)
                reason = choice.finish_reason or reason
            usage = chunk.usage or usage
            yield chunk
    finally:
        found: Attributes = {"gen_ai.response.finish_reasons": [reason]}
        found["llmtrace.response.request_id"] = chunks.response.headers.get("x-request-id")
        if chunk is not None:
            found["gen_ai.response.id"], found["gen_ai.response.model"] = chunk.id, chunk.model
            found["gen_ai.response.time_to_first_chunk"] = first - began
            found["openai.response.service_tier"] = chunk.service_tier
            found["openai.response.system_fingerprint"] = chunk.system_fingerprint
        if usage is not None:
            found |= _used("gpt-4o-mini", usage.prompt_tokens, usage.completion_tokens)
        found["gen_ai.output.messages"] = _json([_assistant("".join(pieces))])
        write(found)


ASKED: dict[str, Callable[[Attributes], Attributes]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
}
"""API → what is known when a request goes out."""

ANSWERED: dict[str, Callable[[Any], Attributes]] = {"chat": _completion, "responses": _response, "messages": _claude}
"""API → what its answer adds."""
