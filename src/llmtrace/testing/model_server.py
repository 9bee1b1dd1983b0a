"""A model server on this machine that speaks four vendors' protocols, its answers or yours."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from types import ModuleType

from llmtrace.facts.records import Json
from llmtrace.facts.shape import mapping
from llmtrace.testing import (
    anthropic_messages,
    bedrock_converse,
    bedrock_invoke,
    bedrock_wire,
    brain,
    framing,
    gemini,
    openai_chat,
    openai_embeddings,
    openai_response_events,
    openai_responses,
    openai_wire,
)
from llmtrace.testing.answers import Answer, Fault, Mint, Scripted, Turn, mint, within
from llmtrace.testing.local_http import Cut, LocalServer, Request, Response


class ModelServer(LocalServer):
    """Point a client's `base_url` at `openai_url`, `anthropic_url`, `bedrock_url` or `gemini_url` in the `with` block.

    `reply` and `script` queue what it says next, `fail` what goes wrong next; else it calls the tool that a question
    names, quotes the note in the instructions that fits, or echoes. `cut` and `delay` decide how event streams arrive.
    """

    def __init__(self, *, cut: Cut = None, delay: float = 0.0, gzip: bool = False) -> None:
        super().__init__(cut=cut, delay=delay, gzip=gzip)
        self._mint = mint()
        self._queue: deque[Scripted] = deque()
        self._failing: dict[str, deque[Fault]] = defaultdict(deque)
        self._responses: dict[str, tuple[dict[str, Json], list[dict[str, Json]]]] = {}
        self._cached: set[str] = set()

    @property
    def openai_url(self) -> str:
        """What to give an OpenAI client as `base_url`."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """What to give an Anthropic client as `base_url`."""
        return self.url

    @property
    def bedrock_url(self) -> str:
        """What to give boto3 as `endpoint_url` of `bedrock-runtime`."""
        return self.url

    @property
    def gemini_url(self) -> str:
        """What to give Google's client as `base_url` in its `http_options`."""
        return self.url

    def reply(self, *answers: Scripted) -> None:
        """Queues answers for the next requests for text, whichever vendor's client sends them."""
        self.script(answers)

    def script(self, answers: Iterable[Scripted]) -> None:
        """Queues a whole list of answers, as `reply` does."""
        self._queue.extend(answers)

    def fail(self, path: str, *faults: Fault) -> None:
        """Lets the next requests whose path ends with `path` (`/embeddings`) fail, one for each fault."""
        self._failing[path].extend(faults)

    def answer(self, request: Request) -> Response:
        """Answers by how the path ends, so that any prefix works: a platform's, a gateway's, or none."""
        outcome = self._failure(request) or self._outcome(request)
        request_id, vendor = self._mint("req_", 24), _vendor(request)
        headers = {vendor.REQUEST_ID: request_id}
        if isinstance(outcome, Response):
            return replace(outcome, headers={**outcome.headers, **headers})
        if outcome.retry_after is not None:
            headers["retry-after"] = str(math.ceil(outcome.retry_after))
            headers["retry-after-ms"] = str(round(outcome.retry_after * 1000))
        if vendor is bedrock_wire:
            headers["x-amzn-errortype"] = bedrock_wire.error_type(outcome)
        return framing.whole(vendor.error_body(outcome, request_id), outcome.status, headers)

    def _failure(self, request: Request) -> Fault | None:
        for path, faults in self._failing.items():
            if faults and request.path.endswith(path):
                return faults.popleft()
        return None

    def _outcome(self, request: Request) -> Response | Fault:
        body = {**mapping(request.json), **bedrock_wire.asked(request.path), **gemini.asked(request.path)}
        for (method, path), serve in _ROUTES.items():
            if request.method == method and request.path.endswith(path):
                return serve(self, body)
        for path, made in _WITHOUT_WORDS.items():
            if request.method == "POST" and request.path.endswith(path):
                return framing.whole(made(body))
        if request.method == "GET" and request.path.endswith("/models"):
            return framing.whole(getattr(_vendor(request), "models", openai_wire.models)())
        if request.method == "GET" and "/responses/" in request.path:
            return self._retrieved(request)
        return Fault(404, f"Not found: {request.method} {request.path}")

    def _next(self, asked: Turn) -> Answer | Fault:
        """What the script says next, or what the brain makes of the request."""
        said = self._queue.popleft() if self._queue else brain.reply(asked)
        answer = Answer(said) if isinstance(said, str) else said
        return within(answer, asked.limit) if isinstance(answer, Answer) else answer

    def _spoken(
        self,
        body: dict[str, Json],
        asked: Turn,
        whole: Callable[[Answer], dict[str, Json]],
        stream: Callable[[dict[str, Json], Fault | None], bytes],
        media: str = framing.SSE,
    ) -> Response | Fault:
        """The next answer in a vendor's shape: `whole` makes its JSON body, and `stream` makes events of that."""
        answer = self._next(asked)
        if isinstance(answer, Fault):
            return answer
        if body.get("stream"):
            return framing.events(stream(whole(answer), answer.then), answer.drop_after, media)
        return framing.whole(whole(answer), drop_after=answer.drop_after)

    def _chat(self, body: dict[str, Json]) -> Response | Fault:
        if fault := openai_chat.complaint(body):
            return fault
        asked = openai_chat.turn(body)
        whole = partial(openai_chat.answered, body, asked, self._mint)
        return self._spoken(body, asked, whole, partial(openai_chat.stream, body))

    def _message(
        self,
        body: dict[str, Json],
        stream: Callable[[dict[str, Json], Fault | None], bytes] = anthropic_messages.stream,
        media: str = framing.SSE,
    ) -> Response | Fault:
        if fault := anthropic_messages.complaint(body):
            return fault
        asked = anthropic_messages.turn(body)
        whole = partial(
            anthropic_messages.answered, asked, self._mint, self._cache(anthropic_messages.cached_part(body))
        )
        return self._spoken(body, asked, whole, stream, media)

    def _converse(self, body: dict[str, Json]) -> Response | Fault:
        return self._conversed(body, bedrock_converse.answered, bedrock_converse.stream)

    def _invoke(self, body: dict[str, Json]) -> Response | Fault:
        """What Bedrock hands on to a model in its own protocol: Nova's, and for all others Claude's."""
        if ".nova-" in body["model"]:
            return self._conversed(body, bedrock_invoke.nova, bedrock_invoke.nova_stream)
        return self._message(body, bedrock_invoke.claude_stream, bedrock_wire.EVENTS)

    def _conversed(
        self,
        body: dict[str, Json],
        answered: Callable[[Turn, Mint, tuple[int, int], Answer], dict[str, Json]],
        stream: Callable[[dict[str, Json], Fault | None], bytes],
    ) -> Response | Fault:
        if fault := bedrock_converse.complaint(body):
            return fault
        asked = bedrock_converse.turn(body)
        cache = self._cache(bedrock_converse.cached_part(body))
        return self._spoken(body, asked, partial(answered, asked, self._mint, cache), stream, bedrock_wire.EVENTS)

    def _respond(self, body: dict[str, Json]) -> Response | Fault:
        if fault := openai_responses.complaint(body):
            return fault
        previous = body.get("previous_response_id")
        if previous is not None and previous not in self._responses:
            words = f"Previous response with id '{previous}' not found."
            return Fault(400, words, "previous_response_not_found", "previous_response_id")
        history = self._responses[previous][1] if previous else []
        asked = openai_responses.turn(body, history)

        def whole(answer: Answer) -> dict[str, Json]:
            made = openai_responses.answered(body, asked, self._mint, answer)
            self._responses[made["id"]] = (made, [*history, *openai_responses.input_items(body), *made["output"]])
            later = body.get("background") and not body.get("stream")
            return openai_responses.unfinished(made, "queued") if later else made

        return self._spoken(body, asked, whole, openai_response_events.stream)

    def _retrieved(self, request: Request) -> Response | Fault:
        wanted = request.path.rpartition("/")[2]
        if wanted not in self._responses:
            return Fault(404, f"Response with id '{wanted}' not found.")
        whole, _ = self._responses[wanted]
        if request.query.get("stream") == ["true"]:
            after = int(request.query.get("starting_after", ["-1"])[0])
            return framing.events(openai_response_events.stream(whole, None, after), None)
        return framing.whole(whole)

    def _generate(self, body: dict[str, Json]) -> Response | Fault:
        if fault := gemini.complaint(body):
            return fault
        asked = gemini.turn(body)
        return self._spoken(body, asked, partial(gemini.answered, asked, self._mint), gemini.stream)

    def _cache(self, marked: tuple[str, int]) -> tuple[int, int]:
        """The tokens read from and written to the prompt cache: what is marked is written once and read ever after."""
        text, size = marked
        if text in self._cached:
            return size, 0
        self._cached.add(text)
        return 0, size

    def _embed(self, body: dict[str, Json]) -> Response | Fault:
        return openai_embeddings.complaint(body) or framing.whole(openai_embeddings.answered(body))


_ROUTES = {
    ("POST", "/chat/completions"): ModelServer._chat,
    ("POST", "/responses"): ModelServer._respond,
    ("POST", "/embeddings"): ModelServer._embed,
    ("POST", "/messages"): ModelServer._message,
    ("POST", "/converse"): ModelServer._converse,
    ("POST", "/converse-stream"): ModelServer._converse,
    ("POST", "/invoke"): ModelServer._invoke,
    ("POST", "/invoke-with-response-stream"): ModelServer._invoke,
    ("POST", ":generateContent"): ModelServer._generate,
    ("POST", ":streamGenerateContent"): ModelServer._generate,
}
_WITHOUT_WORDS: dict[str, Callable[[dict[str, Json]], dict[str, Json]]] = {
    "/messages/count_tokens": lambda body: {"input_tokens": anthropic_messages.count_tokens(body)},
    ":batchEmbedContents": gemini.embedded,
    ":countTokens": lambda body: {"totalTokens": gemini.count_tokens(body)},
    ":embedContent": gemini.embedded,
}
"""How the path ends of what is asked without anything to be said → the answer."""


def _vendor(request: Request) -> ModuleType:
    """Whose words an error is given in."""
    if bedrock_wire.asked(request.path):
        return bedrock_wire
    if gemini.asked(request.path) or "x-goog-api-key" in request.headers:
        return gemini
    return anthropic_messages if "anthropic-version" in request.headers else openai_wire
