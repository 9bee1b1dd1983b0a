"""What Bedrock's InvokeModel hands on: Claude's messages, and Nova's protocol, which is Converse by another name."""

from __future__ import annotations

from llmtrace.facts.records import Json
from llmtrace.testing import anthropic_messages, bedrock_converse
from llmtrace.testing.answers import Answer, Fault, Mint, Turn
from llmtrace.testing.bedrock_wire import chunks, frames, metrics

_CACHED = {
    "cacheReadInputTokens": "cacheReadInputTokenCount",
    "cacheWriteInputTokens": "cacheWriteInputTokenCount",
}


def claude_stream(body: dict[str, Json], then: Fault | None) -> bytes:
    """Claude's own events; the last one tells Bedrock's counts, too."""
    *events, last = anthropic_messages.events(body)
    return frames(chunks([*events, {**last, **metrics(body["usage"])}]), then)


def nova(asked: Turn, mint: Mint, cache: tuple[int, int], answer: Answer) -> dict[str, Json]:
    """The answer as a Nova model gives it."""
    body = bedrock_converse.answered(asked, mint, cache, answer)
    usage = {_CACHED.get(name, name): count for name, count in body["usage"].items()}
    return {"output": body["output"], "stopReason": body["stopReason"], "usage": usage}


def nova_stream(body: dict[str, Json], then: Fault | None) -> bytes:
    """Converse's events, each an object with its name; the last one tells Bedrock's counts, too."""
    *events, last = ({name: data} for name, data in bedrock_converse.events(body))
    return frames(chunks([*events, {**last, **metrics(body["usage"])}]), then)
