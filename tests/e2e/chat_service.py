"""A web app that answers many users at once in all the shapes that apps have: tasks, threads, executors, generators."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import anthropic
import openai
from opentelemetry import trace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import llmtrace
from tests.integrations.conformance.network import http_of


class Model:
    """A network in the process: both vendors' models say what they were asked; the requests' headers are kept."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []

    def answer(self, package: str) -> Callable[[Any], Any]:
        """What a mock transport of the vendor's HTTP library calls."""
        http = http_of(package)

        def answer(request: Any) -> Any:
            self.headers.append(dict(request.headers))
            asked = json.loads(request.content)
            text = asked["messages"][-1]["content"]
            if package == "anthropic":
                return http.Response(200, json=_message(text))
            if asked.get("stream"):
                return http.Response(200, headers={"content-type": "text/event-stream"}, content=_events(text))
            return http.Response(200, json=_completion(text))

        return answer

    def connect(self, made: type, package: str, *, asynchronous: bool) -> Any:
        """A client of that class that talks to this model."""
        http = http_of(package)
        kind = http.AsyncClient if asynchronous else http.Client
        transport = http.MockTransport(self.answer(package))
        return made(api_key="fake", max_retries=0, http_client=kind(transport=transport))


def _message(text: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }


def _completion(text: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-test",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def _events(text: str) -> bytes:
    deltas: list[tuple[dict[str, str], str | None]] = [({"content": letter}, None) for letter in text]
    chunks = [
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "gpt-test",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }
        for delta, reason in [*deltas, ({}, "stop")]
    ]
    return b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"


class Service:
    """The app. `spans` says how many spans one request of each path makes; `strays` is what was seen to be wrong."""

    spans: ClassVar = {"/tasks": 6, "/stream": 5, "/threaded": 6, "/thread": 5, "/executor": 6, "/inline": 4}

    def __init__(self) -> None:
        self.model = Model()
        self.strays: list[str] = []
        self.gpt = self.model.connect(openai.OpenAI, "openai", asynchronous=False)
        self.agpt = self.model.connect(openai.AsyncOpenAI, "openai", asynchronous=True)
        self.claude = self.model.connect(anthropic.Anthropic, "anthropic", asynchronous=False)
        self.aclaude = self.model.connect(anthropic.AsyncAnthropic, "anthropic", asynchronous=True)
        self.pool = ThreadPoolExecutor(8)
        routes = [getattr(self, path[1:]) for path in self.spans]
        self.app = Traced(Starlette(routes=[Route(f"/{route.__name__}", route) for route in routes]))

    # -- the models

    def ask(self, text: str) -> str:
        said = self.claude.messages.create(
            model="claude-test", max_tokens=9, messages=[{"role": "user", "content": text}]
        )
        return str(said.content[0].text)

    async def aask(self, text: str) -> str:
        said = await self.agpt.chat.completions.create(model="gpt-test", messages=[{"role": "user", "content": text}])
        return str(said.choices[0].message.content)

    @llmtrace.tool
    def search(self, text: str) -> str:
        """Finds nothing, but asks a model about it."""
        return self.ask(text)

    @llmtrace.step
    async def check(self, text: str) -> str:
        await asyncio.sleep(0.001)
        said = await self.aclaude.messages.create(
            model="claude-test", max_tokens=9, messages=[{"role": "user", "content": text}]
        )
        return str(said.content[0].text)

    # -- one endpoint per shape

    async def tasks(self, request: Request) -> Response:
        n = request.query_params["n"]
        async with llmtrace.conversation(f"c-{n}", user=f"u-{n}", n=n):
            with llmtrace.workflow("tasks"):
                said = await asyncio.gather(self.check(f"one <{n}>"), asyncio.create_task(self.check(f"two <{n}>")))
        return JSONResponse(said)

    async def stream(self, request: Request) -> Response:
        n = request.query_params["n"]

        @llmtrace.workflow
        async def answer() -> AsyncIterator[str]:
            async with llmtrace.conversation(f"c-{n}", user=f"u-{n}"), llmtrace.tags("streamed"):
                yield await self.check(f"first <{n}>")
                stream = await self.agpt.chat.completions.create(
                    model="gpt-test", messages=[{"role": "user", "content": f"then <{n}>"}], stream=True
                )
                async for event in stream:
                    yield event.choices[0].delta.content or ""

        said = llmtrace.conversation(f"c-{n}", user=f"u-{n}")(answer)
        return StreamingResponse(self.awatched(said()))

    async def threaded(self, request: Request) -> Response:
        n = request.query_params["n"]

        @llmtrace.conversation(f"c-{n}", user=f"u-{n}")
        @llmtrace.workflow
        def answer() -> Iterator[str]:
            with llmtrace.step("draft"):
                yield self.search(f"first <{n}>")
                stream = self.gpt.chat.completions.create(
                    model="gpt-test", messages=[{"role": "user", "content": f"then <{n}>"}], stream=True
                )
                for event in stream:
                    yield event.choices[0].delta.content or ""

        return StreamingResponse(self.watched(answer()))

    def thread(self, request: Request) -> Response:
        n = request.query_params["n"]
        said: list[str] = []

        class Working(threading.Thread):
            def run(thread) -> None:  # noqa: N805 - `self` is the service
                said.append(self.ask(f"two <{n}>"))

        with llmtrace.conversation(f"c-{n}", user=f"u-{n}"), llmtrace.workflow("thread"):
            working = [threading.Thread(target=lambda: said.append(self.search(f"one <{n}>"))), Working()]
            for thread in working:
                thread.start()
            for thread in working:
                thread.join()
        return JSONResponse(said)

    async def executor(self, request: Request) -> Response:
        n = request.query_params["n"]
        loop = asyncio.get_running_loop()
        async with llmtrace.conversation(f"c-{n}", user=f"u-{n}"), llmtrace.workflow("executor"):
            futures = [
                loop.run_in_executor(self.pool, self.search, f"one <{n}>"),
                asyncio.to_thread(self.ask, f"two <{n}>"),
                asyncio.wrap_future(self.pool.submit(self.ask, f"three <{n}>")),
            ]
            said = await asyncio.gather(*futures)
        return JSONResponse(said)

    async def inline(self, request: Request) -> Response:
        n = request.query_params["n"]

        async def answer() -> AsyncIterator[str]:
            async with llmtrace.conversation(f"c-{n}", user=f"u-{n}"):
                with llmtrace.workflow("inline"):
                    yield await self.aask(f"one <{n}>")
                    await asyncio.sleep(0.001)
                    yield await self.aask(f"two <{n}>")

        return StreamingResponse(answer())

    # -- the caller's side of a generator

    async def awatched(self, chunks: AsyncIterator[str]) -> AsyncIterator[str]:
        """Hands chunks on, and looks between them whether the current span is still the caller's own."""
        before = trace.get_current_span()
        async for chunk in chunks:
            self.look(before)
            yield chunk
        self.look(before)

    def watched(self, chunks: Iterator[str]) -> Iterator[str]:
        before = trace.get_current_span()
        for chunk in chunks:
            self.look(before)
            yield chunk
        self.look(before)

    def look(self, before: trace.Span) -> None:
        now = trace.get_current_span()
        if now is not before:
            self.strays.append(f"{now} is current instead of {before}")


class Traced:
    """What a web framework's own instrumentation does: a server span around each request, which is named after it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.tracer: trace.Tracer = trace.NoOpTracer()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with self.tracer.start_as_current_span(scope["query_string"].decode()):
            await self.app(scope, receive, send)
