"""Anthropic's messages on the wire: requests as turns, answers as JSON bodies, bodies as event streams."""

from __future__ import annotations

import json
from collections.abc import Iterator

from llmtrace.facts.records import Json
from llmtrace.facts.shape import mapping, mappings, text
from llmtrace.testing.answers import Answer, Fault, Mint, OfferedTool, Turn, Types, mistyped, tokens, weight
from llmtrace.testing.local_http import json_bytes
from llmtrace.testing.openai_wire import named_events, text_of

REQUEST_ID = "request-id"
MODELS = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")
_MOST_OUTPUT = 64_000
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_MUST_BE: Types = {"model": str, "max_tokens": int, "messages": list}
_STOP = {"stop": "end_turn", "length": "max_tokens", "filtered": "refusal"}
_CHOICES = {"any": "required", "none": "none"}


def error_body(fault: Fault, request_id: str) -> dict[str, Json]:
    """The body of an error answer."""
    kind = _TYPES.get(fault.status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": fault.message}, "request_id": request_id}


def complaint(body: dict[str, Json]) -> Fault | None:
    """What is wrong with the request, if anything is."""
    for name in ("model", "max_tokens", "messages"):
        if body.get(name) in (None, "", []):
            return Fault(400, f"{name}: Field required")
    if odd := mistyped(body, _MUST_BE):
        return Fault(400, f"{odd}: Input has a wrong type")
    if body["max_tokens"] > _MOST_OUTPUT:
        limit = f"{body['max_tokens']} > {_MOST_OUTPUT}, which is the maximum allowed number of output tokens"
        return Fault(400, f"max_tokens: {limit} for {body['model']}")
    return None


def turn(body: dict[str, Json]) -> Turn:
    """The request in neutral words."""
    messages = [(message.get("role"), _blocks(message.get("content"))) for message in mappings(body.get("messages"))]
    asked = [n for n, (role, blocks) in enumerate(messages) if role == "user" and text_of(blocks)]
    said = [text_of(messages[n][1]) for n in asked]
    since = [block for _, blocks in messages[asked[-1] if asked else 0 :] for block in blocks]
    choice = mapping(body.get("tool_choice"))
    return Turn(
        model=body["model"],
        question=said[-1] if said else "",
        instructions=text_of(body.get("system")),
        earlier=tuple(said[:-1]),
        results=tuple(text_of(block.get("content")) for block in since if block.get("type") == "tool_result"),
        tools=tuple(_offered(tool) for tool in mappings(body.get("tools")) if "input_schema" in tool),
        tool_choice=text(choice.get("name")) or _CHOICES.get(str(choice.get("type")), "auto"),
        parallel=not choice.get("disable_parallel_tool_use", False),
        schema=mapping(mapping(mapping(body.get("output_config")).get("format")).get("schema")) or None,
        thinks=mapping(body.get("thinking")).get("type") in ("enabled", "adaptive"),
        limit=body.get("max_tokens"),
        input_tokens=count_tokens(body),
    )


def count_tokens(body: dict[str, Json]) -> int:
    """The tokens of a request's input."""
    return weight(body.get("messages")) + weight(body.get("system")) + weight(body.get("tools")) + 3


def _blocks(content: Json) -> list[dict[str, Json]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else mappings(content)


def _offered(tool: dict[str, Json]) -> OfferedTool:
    return OfferedTool(str(tool.get("name")), mapping(tool["input_schema"]))


def cached_part(body: dict[str, Json]) -> tuple[str, int]:
    """What the request's cache markers cover, as text and in tokens: system and tools, where one of them is marked."""
    prefix = [body.get("tools") or [], body.get("system") or []]
    text = json.dumps(prefix, sort_keys=True)
    return (text, weight(prefix)) if "cache_control" in text else ("", 0)


def answered(asked: Turn, mint: Mint, cache: tuple[int, int], answer: Answer) -> dict[str, Json]:
    """The answer as one JSON body; `cache` says how many input tokens were read from and written to the cache."""
    return {
        "id": mint("msg_01", 22),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": list(_content(answer, mint)),
        "stop_reason": "tool_use" if answer.tool_calls else _STOP[answer.finish],
        "stop_sequence": None,
        "usage": _usage(asked, answer, *cache),
    }


def _content(answer: Answer, mint: Mint) -> Iterator[dict[str, Json]]:
    if answer.thinking:
        yield {"type": "thinking", "thinking": answer.thinking, "signature": mint("", 40)}
    if said := answer.text or answer.refusal:
        yield {"type": "text", "text": said}
    for call in answer.tool_calls:
        yield {"type": "tool_use", "id": mint("toolu_01", 22), "name": call.name, "input": call.arguments}


def _usage(asked: Turn, answer: Answer, read: int, written: int) -> dict[str, Json]:
    called = sum(len(tokens(call.name)) + weight(json.dumps(call.arguments)) for call in answer.tool_calls)
    return {
        "input_tokens": asked.input_tokens - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": len(tokens(answer.thinking)) + len(tokens(answer.text or answer.refusal or "")) + called,
        "service_tier": "standard",
    }


def stream(body: dict[str, Json], then: Fault | None) -> bytes:
    """The body as an event stream; broken off halfway by the error `then`."""
    made = list(events(body))
    if then is not None:
        made = [*made[: len(made) // 2], {"type": "error", "error": error_body(then, "")["error"]}]
    return named_events(made)


def events(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """The events that the body comes as when it is streamed."""
    empty = {**body, "content": [], "stop_reason": None, "usage": {**body["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": empty}
    for n, block in enumerate(body["content"]):
        blank, deltas = _INSIDE[block["type"]](block)
        yield {"type": "content_block_start", "index": n, "content_block": {**block, **blank}}
        if n == 0:
            yield {"type": "ping"}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": n, "delta": delta}
        yield {"type": "content_block_stop", "index": n}
    usage = {name: body["usage"][name] for name in body["usage"] if name.endswith("_tokens")}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": body["stop_reason"], "stop_sequence": None},
        "usage": usage,
    }
    yield {"type": "message_stop"}


def _text(block: dict[str, Json]) -> tuple[Json, list[Json]]:
    return {"text": ""}, [{"type": "text_delta", "text": token} for token in tokens(block["text"])]


def _tool_use(block: dict[str, Json]) -> tuple[Json, list[Json]]:
    given = block["input"]
    sent = given if isinstance(given, str) else json_bytes(given).decode()
    return {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in ("", *tokens(sent))]


def _thinking(block: dict[str, Json]) -> tuple[Json, list[Json]]:
    deltas: list[Json] = [{"type": "thinking_delta", "thinking": token} for token in tokens(block["thinking"])]
    return {"thinking": "", "signature": ""}, [*deltas, {"type": "signature_delta", "signature": block["signature"]}]


_INSIDE = {"text": _text, "tool_use": _tool_use, "thinking": _thinking}


def models() -> dict[str, Json]:
    """The answer to a listing of the models."""
    data = [{"type": "model", "id": n, "display_name": n.title(), "created_at": "2025-10-01T00:00:00Z"} for n in MODELS]
    return {"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
