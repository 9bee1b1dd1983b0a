"""OpenAI's chat completions on the wire: requests as turns, answers as JSON bodies, bodies as event streams."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from llmtrace.facts.records import Json
from llmtrace.facts.shape import mapping, mappings
from llmtrace.testing.answers import Answer, Fault, Mint, ToolUse, Turn, Types, tokens, weight
from llmtrace.testing.local_http import json_bytes
from llmtrace.testing.openai_wire import (
    CREATED,
    MOST_OUTPUT,
    arguments,
    choice,
    error,
    offered,
    text_of,
    too_large,
    wrong,
)

_FINISH = {"stop": "stop", "length": "length", "filtered": "content_filter"}

_MOST = {"max_completion_tokens": MOST_OUTPUT, "max_tokens": MOST_OUTPUT, "n": 128}
_TYPES: Types = {
    "model": str,
    "messages": list,
    "max_completion_tokens": int,
    "max_tokens": int,
    "n": int,
    "parallel_tool_calls": bool,
    "reasoning_effort": str,
    "tool_choice": (str, dict),
}


def complaint(body: dict[str, Json]) -> Fault | None:
    """What is wrong with the request, if anything is."""
    return wrong(body, ("model", "messages"), _TYPES) or too_large(body, _MOST)


def turn(body: dict[str, Json]) -> Turn:
    """The request in neutral words."""
    messages = mappings(body.get("messages"))
    users = [n for n, message in enumerate(messages) if message.get("role") == "user"]
    said = [text_of(messages[n].get("content")) for n in users]
    since = messages[users[-1] :] if users else messages
    return Turn(
        model=body["model"],
        question=said[-1] if said else "",
        instructions="\n".join(text_of(m.get("content")) for m in messages if m.get("role") in ("system", "developer")),
        earlier=tuple(said[:-1]),
        results=tuple(text_of(m.get("content")) for m in since if m.get("role") == "tool"),
        tools=offered(body.get("tools")),
        tool_choice=choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls", True),
        schema=_schema(mapping(body.get("response_format"))),
        thinks=body.get("reasoning_effort") not in (None, "none", "minimal"),
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
        input_tokens=weight(body["messages"]) + weight(body.get("tools")) + 3,
    )


def _schema(response_format: dict[str, Json]) -> dict[str, Json] | None:
    if response_format.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    return mapping(mapping(response_format.get("json_schema")).get("schema")) or None


def answered(body: dict[str, Json], asked: Turn, mint: Mint, answer: Answer) -> dict[str, Json]:
    """The answer as one JSON body."""
    count = body.get("n") or 1
    logprobs = bool(body.get("logprobs"))
    return {
        "id": mint("chatcmpl-", 29),
        "object": "chat.completion",
        "created": CREATED,
        "model": asked.model,
        "choices": [_choice(n, answer, mint, logprobs=logprobs) for n in range(count)],
        "usage": _usage(asked, answer, count),
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
    }


def _choice(index: int, answer: Answer, mint: Mint, *, logprobs: bool) -> dict[str, Json]:
    # Choices differ, as a sampler's would, but only where that breaks no structured output.
    text = f"{answer.text} ({index + 1})" if index and not answer.text.startswith(("{", "[")) else answer.text
    message: dict[str, Json] = {
        "role": "assistant",
        "content": text or None,
        "refusal": answer.refusal,
        "annotations": [],
    }
    if answer.tool_calls:
        message["tool_calls"] = [_call(call, mint) for call in answer.tool_calls]
    finish = "tool_calls" if answer.tool_calls else _FINISH[answer.finish]
    scores = {"content": [_logprob(token) for token in tokens(text)], "refusal": None} if logprobs else None
    return {"index": index, "message": message, "logprobs": scores, "finish_reason": finish}


def _call(call: ToolUse, mint: Mint) -> dict[str, Json]:
    return {"id": mint("call_", 24), "type": "function", "function": {"name": call.name, "arguments": arguments(call)}}


def _logprob(token: str) -> dict[str, Json]:
    return {"token": token, "logprob": -0.25, "bytes": list(token.encode()), "top_logprobs": []}


def _usage(asked: Turn, answer: Answer, count: int) -> dict[str, Json]:
    thought = len(tokens(answer.thinking))
    said = len(tokens(answer.text)) + len(tokens(answer.refusal or ""))
    called = sum(len(tokens(call.name + arguments(call))) for call in answer.tool_calls)
    output = count * (thought + said + called)
    return {
        "prompt_tokens": asked.input_tokens,
        "completion_tokens": output,
        "total_tokens": asked.input_tokens + output,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": count * thought,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def stream(request: dict[str, Json], body: dict[str, Json], then: Fault | None) -> bytes:
    """The body as an event stream; broken off halfway by the error `then`."""
    usage = bool(mapping(request.get("stream_options")).get("include_usage"))
    events = [json_bytes(chunk) for chunk in _chunks(body, usage=usage)]
    end = b"[DONE]" if then is None else json_bytes({"error": error(then)})
    if then is not None:
        events = events[: len(events) // 2]
    return b"".join(b"data: %b\n\n" % event for event in (*events, end))


def _chunks(body: dict[str, Json], *, usage: bool) -> Iterator[dict[str, Json]]:
    head = {name: body[name] for name in ("id", "created", "model", "service_tier", "system_fingerprint")}
    head["object"] = "chat.completion.chunk"
    if usage:
        head["usage"] = None
    for part in zip_longest(*(_parts(one) for one in body["choices"])):
        for delta in part:
            if delta is not None:
                yield {**head, "choices": [delta]}
    if usage:
        yield {**head, "choices": [], "usage": body["usage"]}


def _parts(one: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """The pieces of one choice, in order."""
    message, scored = one["message"], one["logprobs"] is not None

    def piece(delta: dict[str, Json], finish: str | None = None, logprobs: Any = None) -> dict[str, Json]:
        return {"index": one["index"], "delta": delta, "logprobs": logprobs, "finish_reason": finish}

    yield piece({"role": "assistant", "content": None if message.get("tool_calls") else "", "refusal": None})
    for token in tokens(message["content"] or ""):
        yield piece({"content": token}, logprobs={"content": [_logprob(token)], "refusal": None} if scored else None)
    for token in tokens(message["refusal"] or ""):
        yield piece({"refusal": token})
    for n, call in enumerate(message.get("tool_calls", ())):
        function = {"name": call["function"]["name"], "arguments": ""}
        yield piece({"tool_calls": [{"index": n, "id": call["id"], "type": "function", "function": function}]})
        for token in tokens(call["function"]["arguments"]):
            yield piece({"tool_calls": [{"index": n, "function": {"arguments": token}}]})
    yield piece({}, finish=one["finish_reason"])
