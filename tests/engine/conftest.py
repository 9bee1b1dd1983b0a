"""Tracing over the small library: isolated, in memory, with our own faults raised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace import runtime
from llmtrace.engine.guard import Guard
from llmtrace.engine.patch import Patcher
from llmtrace.facts.operation import Answered, Begin, Evidence, Integration, Operation, Received, Sent, Silenced, Start
from llmtrace.facts.records import Inference, Message, Record, Step, TextPart, Usage
from tests.engine import library

SPACE = "tests.engine.library"


def read(evidence: Evidence) -> Record:
    """Facts of the small library: the prompt went out as `model: prompt`, the answer is plain text."""
    model, _, prompt = (
        (evidence.request or b"?: ").decode().partition(": ") if isinstance(evidence.request, bytes) else ("?", "", "")
    )
    received = evidence.response or Received()
    text = (received.body if received.body is not None else b"".join(evidence.chunks)).decode()
    return Inference(
        operation="chat",
        response_model=model,
        stream=received.body is None and bool(evidence.chunks),
        input_messages=[Message("user", [TextPart(prompt)])],
        output_messages=[Message("assistant", [TextPart(text)])] if text else [],
        finish_reasons=["stop"] if text else [],
        usage=Usage(input_tokens=len(prompt), output_tokens=len(text)),
        complete=text.endswith("END") if received.body is None and evidence.chunks else None,
    )


ASKING = Operation("step", lambda evidence: Step(name=evidence.start.target or ""), kind="internal")
CHAT = Operation("chat", read, bears_usage=True)


def _start(args: tuple[Any, ...], kwargs: Any) -> Start | None:
    model = kwargs.get("model", "m-1")
    if model == "untraced":
        return None
    return Start(CHAT, "acme", model, "api.acme.test", 443, target=model, request=args[1], wire=True)


def _asking(_args: tuple[Any, ...], kwargs: Any) -> Start | None:
    return None if kwargs.get("model") == "untraced" else Start(ASKING, target="asking")


def _failed(error: BaseException) -> Received | None:
    return Received(status=400, body=error.body) if isinstance(error, library.RefusedError) else None


def _answered(args: tuple[Any, ...], kwargs: Any) -> Received:
    response = kwargs["response"]
    if isinstance(response, library.Response):
        return Received(status=200, tap=(response, "source"))
    return Received(status=200, body=response)


BEGIN = Begin(_start, _failed)
INTEGRATION = Integration(
    "acme",
    "acme>=1",
    {
        f"{SPACE}:Client.request": BEGIN,
        f"{SPACE}:AsyncClient.request": BEGIN,
        f"{SPACE}:AsyncClient.pieces": Begin(_asking, deferred=True),
        f"{SPACE}:Client.build": Sent(lambda result: result),
        f"{SPACE}:Client.process": Answered(_answered),
        f"{SPACE}:AsyncClient.process": Answered(_answered),
        f"{SPACE}:Client.trace": Silenced("silenced"),
    },
)


class Traced:
    """Tracing under way: `spans` are the finished ones, everything handed over included."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.handle = runtime.init(
            tracer_provider=self.provider, exporters="none", integrations=["-openai", "-anthropic"]
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        self.handle.flush()
        return list(self.exporter.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        (only,) = self.spans
        return only

    def apply(self, integration: Integration) -> Patcher:
        return Patcher([integration])


@pytest.fixture
def tracing() -> Iterator[Traced]:
    """Tracing on, with no library patched."""
    traced = Traced()
    yield traced
    traced.handle.shutdown()


@pytest.fixture
def traced(tracing: Traced) -> Iterator[Traced]:
    """Tracing on, with the small library patched."""
    patcher = tracing.apply(INTEGRATION)
    yield tracing
    patcher.take_off()


@pytest.fixture
def lenient() -> Iterator[None]:
    """Faults of ours are swallowed, as in production."""
    Guard.strict, before = False, Guard.strict
    yield
    Guard.strict = before
