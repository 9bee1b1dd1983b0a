"""What the conformance suites ask of each client, and the answers: whole, streamed, wrong in every way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.message import Message
from functools import cache
from typing import Any

from llmtrace.testing import ModelServer
from llmtrace.testing.local_http import Request
from tests.integrations.conformance.network import Answer

WORDS = "Say it in other words"
MESSAGES = [{"role": "user", "content": WORDS}]
CHAT = {"model": "gpt-5-mini", "messages": MESSAGES}
CLAUDE = {"model": "claude-new", "max_tokens": 64, "messages": MESSAGES}


@dataclass(frozen=True)
class Ask:
    """One method of one client class: what it is given, and the path at which the model server answers such a thing."""

    name: str
    kind: str
    verb: str
    body: dict[str, Any]
    path: str

    @property
    def streamed(self) -> Ask:
        """The same, asked for as a stream."""
        return replace(self, body={**self.body, "stream": True})

    def answer(self) -> Answer:
        """What the model server says to it."""
        return _answer(self.path, json.dumps(self.body), self.path == "/v1/messages")


ASKS = {
    ask.name: ask
    for ask in (
        Ask("chat", "OpenAI", "chat.completions.create", CHAT, "/v1/chat/completions"),
        Ask("responses", "OpenAI", "responses.create", {"model": "gpt-5-mini", "input": WORDS}, "/v1/responses"),
        Ask(
            "embeddings",
            "OpenAI",
            "embeddings.create",
            {"model": "text-embedding-3-small", "input": WORDS},
            "/v1/embeddings",
        ),
        Ask("azure", "AzureOpenAI", "chat.completions.create", CHAT, "/v1/chat/completions"),
        Ask("messages", "Anthropic", "messages.create", CLAUDE, "/v1/messages"),
        Ask("beta messages", "Anthropic", "beta.messages.create", CLAUDE, "/v1/messages"),
        Ask("bedrock", "AnthropicBedrock", "messages.create", CLAUDE, "/v1/messages"),
        Ask("vertex", "AnthropicVertex", "messages.create", CLAUDE, "/v1/messages"),
    )
}
STREAMABLE = ("chat", "responses", "azure", "messages", "beta messages", "vertex")
"""The asks that can be streamed as server-sent events (Bedrock frames its streams in another way)."""


@cache
def _answer(path: str, body: str, anthropic: bool) -> Answer:
    headers = Message()
    if anthropic:
        headers["anthropic-version"] = "2023-06-01"
    said = ModelServer().answer(Request("POST", path, {}, headers, body.encode()))
    return Answer(said.status, said.headers, said.body, cut=100)


def status(code: int, **headers: str) -> Callable[[Answer], list[Answer]]:
    """An error answer in the shape that both vendors' clients read."""
    body = json.dumps({"type": "error", "error": {"type": "made_up", "code": "made_up", "message": "no"}}).encode()
    given = {"content-type": "application/json", "request-id": "req_1", "x-request-id": "req_1", **headers}
    return lambda good: [Answer(code, given, body)]


def body_of(text: bytes, kind: str) -> Callable[[Answer], list[Answer]]:
    """A body that is not what the API gives."""
    return lambda good: [Answer(200, {"content-type": kind}, text)]


def _refused(name: str) -> Callable[[Any, Any], Exception]:
    return lambda http, request: getattr(http, name)("made up", request=request)


SOON = {"retry-after-ms": "1"}
WRONG: dict[str, Callable[[Answer], list[Answer]]] = {
    **{str(code): status(code) for code in (400, 401, 403, 404, 409, 422, 429, 500, 529)},
    "html error": lambda good: [Answer(502, {"content-type": "text/html"}, b"<html>Bad gateway</html>")],
    "html": body_of(b"<html>Please log in</html>", "text/html"),
    "malformed": body_of(b'{"id": "x", "choices": [', "application/json"),
    "not an object": body_of(b"[1, 2]", "application/json"),
    "empty": body_of(b"", "application/json"),
    "no such field": body_of(b"{}", "application/json"),
    "refused": lambda good: [Answer(refused=_refused("ConnectError"))],
    "timeout": lambda good: [Answer(refused=_refused("ReadTimeout"))],
    "broken body": lambda good: [replace(good, body=good.body[:60], broken=lambda http: http.ReadError("made up"))],
}
"""What can be wrong with an answer → the answers, made from the right one."""

RETRIED: dict[str, Callable[[Answer], list[Answer]]] = {
    "limited once": lambda good: [*status(429, **SOON)(good), good],
    "refused once": lambda good: [Answer(refused=_refused("ConnectError")), good],
    "failing on": status(500, **SOON),
}
"""What a client retries that is allowed to."""

STREAM_WRONG: dict[str, Callable[[Answer], list[Answer]]] = {
    **{name: WRONG[name] for name in ("401", "500", "html", "empty", "refused", "timeout")},
    "cut between events": lambda good: [replace(good, body=good.body[: good.body.index(b"\n\n", 300) + 2])],
    "cut inside an event": lambda good: [replace(good, body=good.body[: good.body.index(b"\n\n", 300) + 20])],
    "broken off": lambda good: [replace(good, body=good.body[:700], broken=lambda http: http.ReadError("made up"))],
    "error event": lambda good: [replace(good, body=good.body[: good.body.index(b"\n\n", 300) + 2] + _ERROR_EVENT)],
    "malformed event": lambda good: [replace(good, body=good.body[: good.body.index(b"\n\n", 300) + 2] + _NO_JSON)],
}
"""The same of streams."""

_ERROR_EVENT = (
    b'event: error\ndata: {"type": "error", "error": {"type": "overloaded", "message": "no"}, "message": "no"}\n\n'
)
_NO_JSON = b'event: content_block_delta\ndata: {"type": \n\n'
