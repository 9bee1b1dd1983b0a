"""What a careful engineer writes by hand: an OpenTelemetry span around each call, with every attribute that ours has.

This is the measure of all others: the same attributes, content as JSON strings, the SDK's own batching and exporter.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from benchmarks.contestants.hand_facts import ANSWERED, ASKED, Attributes, heard
from benchmarks.contestants.over_sdk import OverSdk

F = TypeVar("F", bound=Callable[..., Any])


class Contestant(OverSdk):
    """Spans by hand."""

    def begin(self, endpoint: str) -> None:
        """Over the plain SDK."""
        super().begin(endpoint)
        trace = importlib.import_module("opentelemetry.trace")
        self.tracer, self.kinds = trace.get_tracer("benchmark"), trace.SpanKind

    def call(self, api: str, function: F) -> F:
        """The span opens with what is known before, and gets the rest after."""
        traced = {"async chat": self._awaited, "stream": self._streamed}.get(api, self._plain)
        return traced(api.removeprefix("async "), function)  # type: ignore[return-value]

    def _plain(self, api: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def traced(**request: Any) -> Any:
            with self._span(api, request) as span:
                answer = function(**request)
                span.set_attributes(ANSWERED[api](answer))
            return answer

        return traced

    def _awaited(self, api: str, function: Callable[..., Any]) -> Callable[..., Any]:
        async def traced(**request: Any) -> Any:
            with self._span(api, request) as span:
                answer = await function(**request)
                span.set_attributes(ANSWERED[api](answer))
            return answer

        return traced

    def _streamed(self, _: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def traced(**request: Any) -> Iterator[Any]:
            attributes = ASKED["chat"](request) | {"gen_ai.request.stream": True}
            span = self.tracer.start_span(f"chat {request['model']}", kind=self.kinds.CLIENT, attributes=attributes)
            try:
                yield from heard(function(**request), span.set_attributes)
            finally:
                span.end()

        return traced

    def _span(self, api: str, request: Attributes) -> Any:
        name = f"chat {request['model']}"
        return self.tracer.start_as_current_span(name, kind=self.kinds.CLIENT, attributes=ASKED[api](request))

    def decorated(self, function: F) -> F:
        """What is worth keeping of a step: its name, its path, its arguments."""
        name = function.__name__
        names = tuple(inspect.signature(function).parameters)
        place = {"llmtrace.step.path": name, "llmtrace.step.index": 0, "llmtrace.step.iteration": 0}
        constant = {"llmtrace.step.name": name, **place}

        def given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attributes:
            named = dict(zip(names, args, strict=False)) | kwargs
            return {**constant, "llmtrace.input": json.dumps(named, separators=(",", ":"))} if named else constant

        @functools.wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            with self.tracer.start_as_current_span(name, attributes=given(args, kwargs)):
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with self.tracer.start_as_current_span(name, attributes=given(args, kwargs)):
                return await function(*args, **kwargs)

        return awaited if inspect.iscoroutinefunction(function) else plain  # type: ignore[return-value]
