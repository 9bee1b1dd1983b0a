"""Bedrock's Converse on the wire: requests as turns, answers as JSON bodies, bodies as binary event streams."""

from __future__ import annotations

import json
from collections.abc import Iterator

from llmtrace.facts.records import Json
from llmtrace.facts.shape import decoded, integer, mapping, mappings, text
from llmtrace.testing.answers import Answer, Fault, Mint, OfferedTool, Turn, Types, mistyped, tokens, weight
from llmtrace.testing.bedrock_wire import frames
from llmtrace.testing.local_http import json_bytes
from llmtrace.testing.openai_wire import text_of

_MUST_BE: Types = {"messages": list, "system": list, "inferenceConfig": dict, "toolConfig": dict}
_STOP = {"stop": "end_turn", "length": "max_tokens", "filtered": "content_filtered"}


def complaint(body: dict[str, Json]) -> Fault | None:
    """What is wrong with the request, if anything is."""
    if odd := mistyped(body, _MUST_BE):
        return Fault(400, f"1 validation error detected: Value at '{odd}' has a wrong type")
    if not body.get("messages"):
        return Fault(400, "The value at messages is empty. Add at least one message.")
    return None


def turn(body: dict[str, Json]) -> Turn:
    """The request in neutral words."""
    messages = [(message.get("role"), mappings(message.get("content"))) for message in mappings(body.get("messages"))]
    asked = [n for n, (role, blocks) in enumerate(messages) if role == "user" and text_of(blocks)]
    said = [text_of(messages[n][1]) for n in asked]
    since = [block for _, blocks in messages[asked[-1] if asked else 0 :] for block in blocks]
    config = mapping(body.get("toolConfig"))
    choice = mapping(config.get("toolChoice"))
    more = mapping(body.get("additionalModelRequestFields"))
    return Turn(
        model=body["model"],
        question=said[-1] if said else "",
        instructions=text_of(body.get("system")),
        earlier=tuple(said[:-1]),
        results=tuple(_told(block["toolResult"]) for block in since if "toolResult" in block),
        tools=tuple(_offered(tool["toolSpec"]) for tool in mappings(config.get("tools")) if "toolSpec" in tool),
        tool_choice=text(mapping(choice.get("tool")).get("name")) or ("required" if "any" in choice else "auto"),
        schema=_schema(body),
        thinks=mapping(more.get("thinking", more.get("reasoning_config"))).get("type") in ("enabled", "adaptive"),
        limit=integer(mapping(body.get("inferenceConfig")).get("maxTokens")),
        input_tokens=weight(body.get("messages")) + weight(body.get("system")) + weight(config.get("tools")) + 3,
    )


def _told(result: Json) -> str:
    """A tool's result, whichever kind of block it is in."""
    blocks = mappings(mapping(result).get("content"))
    return "".join(str(block["text"]) if "text" in block else json.dumps(block.get("json")) for block in blocks)


def _offered(spec: Json) -> OfferedTool:
    described = mapping(spec)
    return OfferedTool(str(described.get("name")), mapping(mapping(described.get("inputSchema")).get("json")))


def _schema(body: dict[str, Json]) -> dict[str, Json] | None:
    wanted = mapping(mapping(mapping(body.get("outputConfig")).get("textFormat")).get("structure"))
    return mapping(decoded(mapping(wanted.get("jsonSchema")).get("schema"))) or None


def cached_part(body: dict[str, Json]) -> tuple[str, int]:
    """What the request's cache points cover, as text and in tokens: tools and system, where one of them has such."""
    prefix = [body.get("toolConfig") or {}, body.get("system") or []]
    covered = json.dumps(prefix, sort_keys=True)
    return (covered, weight(prefix)) if "cachePoint" in covered else ("", 0)


def answered(asked: Turn, mint: Mint, cache: tuple[int, int], answer: Answer) -> dict[str, Json]:
    """The answer as one JSON body; `cache` says how many input tokens were read from and written to the cache."""
    return {
        "output": {"message": {"role": "assistant", "content": list(_content(answer, mint))}},
        "stopReason": "tool_use" if answer.tool_calls else _STOP[answer.finish],
        "usage": _usage(asked, answer, *cache),
        "metrics": {"latencyMs": 20},
    }


def _content(answer: Answer, mint: Mint) -> Iterator[dict[str, Json]]:
    if answer.thinking:
        yield {"reasoningContent": {"reasoningText": {"text": answer.thinking, "signature": mint("", 40)}}}
    if said := answer.text or answer.refusal:
        yield {"text": said}
    for call in answer.tool_calls:
        yield {"toolUse": {"toolUseId": mint("tooluse_", 22), "name": call.name, "input": call.arguments}}


def _usage(asked: Turn, answer: Answer, read: int, written: int) -> dict[str, Json]:
    called = sum(len(tokens(call.name)) + weight(json.dumps(call.arguments)) for call in answer.tool_calls)
    output = len(tokens(answer.thinking)) + len(tokens(answer.text or answer.refusal or "")) + called
    return {
        "inputTokens": asked.input_tokens - read - written,
        "outputTokens": output,
        "totalTokens": asked.input_tokens + output,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }


def stream(body: dict[str, Json], then: Fault | None) -> bytes:
    """The body as a binary event stream; broken off halfway by the error `then`."""
    return frames(events(body), then)


def events(body: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    """The events that the body comes as when it is streamed."""
    yield "messageStart", {"role": "assistant"}
    for n, block in enumerate(body["output"]["message"]["content"]):
        ((kind, inner),) = block.items()
        start, deltas = _INSIDE[kind](inner)
        if start is not None:
            yield "contentBlockStart", {"contentBlockIndex": n, "start": start}
        for delta in deltas:
            yield "contentBlockDelta", {"contentBlockIndex": n, "delta": delta}
        yield "contentBlockStop", {"contentBlockIndex": n}
    yield "messageStop", {"stopReason": body["stopReason"]}
    yield "metadata", {name: body[name] for name in ("usage", "metrics") if name in body}


def _text(said: Json) -> tuple[Json, list[Json]]:
    return None, [{"text": token} for token in tokens(said)]


def _tool_use(call: Json) -> tuple[Json, list[Json]]:
    given = call["input"]
    sent = given if isinstance(given, str) else json_bytes(given).decode()
    start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
    return start, [{"toolUse": {"input": part}} for part in tokens(sent)]


def _reasoning(thought: Json) -> tuple[Json, list[Json]]:
    said = thought["reasoningText"]
    pieces: list[Json] = [{"text": token} for token in tokens(said["text"])]
    return None, [{"reasoningContent": piece} for piece in (*pieces, {"signature": said["signature"]})]


_INSIDE = {"text": _text, "toolUse": _tool_use, "reasoningContent": _reasoning}
