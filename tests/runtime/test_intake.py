"""Spans that a library makes itself: described anew behind all other processors, in order, and whatever happens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

import llmtrace
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guard import Guard
from llmtrace.engine.guests import Guests
from llmtrace.facts.operation import Foreign
from llmtrace.facts.records import Record
from llmtrace.integrations import load
from llmtrace.testing.captured import decoded

SCOPE = "acme-agents"
CANARY = "perched-canary"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini", "gen_ai.provider.name": "openai"}
USED = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "guide"}


class Tracing:
    """llmtrace over a provider of the app's own, with a library that makes its spans in one scope."""

    def __init__(
        self, reader: Callable[[Foreign], Record | None] = lambda foreign: foreign.record, **given: Any
    ) -> None:
        self.theirs, self.ours = InMemorySpanExporter(), InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.theirs))
        self.handle = llmtrace.init(**{"tracer_provider": self.provider, "exporters": [self.ours], **given})
        self.guests.readers[SCOPE] = reader
        self.tracer = self.provider.get_tracer(SCOPE)

    @property
    def guests(self) -> Guests:
        """Those that are open."""
        assert SWITCH.engine is not None
        return SWITCH.engine.guests

    @property
    def spans(self) -> list[ReadableSpan]:
        """What our destination got, in the order it came."""
        assert self.handle.flush()
        return list(self.ours.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        """The only one."""
        (only,) = self.spans
        return only


@pytest.fixture(autouse=True)
def shut_down() -> Iterator[None]:
    yield
    llmtrace.shutdown()


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "strict", False)


def call() -> None:
    """A model call of ours."""
    with llmtrace.llm(model="gpt-5-mini", provider="openai"):
        llmtrace.current().usage(input_tokens=10, output_tokens=5)


def test_attributes_are_those_that_ours_have_and_what_the_library_adds_stays() -> None:
    tracing = Tracing()
    older = {"gen_ai.system": "openai", "gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.completion_tokens": 5}
    with tracing.tracer.start_as_current_span("chat", attributes={**CHAT, **older, "acme.round": 3}):
        pass
    said = decoded(tracing.span)
    assert tracing.span.name == "chat gpt-5-mini"
    assert tracing.span.kind.name == "CLIENT"
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (10, 5)
    assert said["llmtrace.cost.total"] > 0
    assert said["acme.round"] == 3
    assert not [key for key in said if key.startswith("gen_ai.usage.") and key.endswith(("prompt_tokens", "on_tokens"))]
    (original,) = tracing.theirs.get_finished_spans()
    assert original.name == "chat"


def test_what_the_app_says_of_a_block_stays() -> None:
    tracing = Tracing()
    with (
        llmtrace.conversation("c-1", user="u-1", shop="7"),
        llmtrace.tags("t"),
        llmtrace.step("s"),
        tracing.tracer.start_as_current_span("invoke_agent guide", attributes=AGENT),
    ):
        pass
    said = decoded(next(span for span in tracing.spans if span.name == "invoke_agent guide"))
    assert said["gen_ai.conversation.id"] == "c-1"
    assert (said["user.id"], said["llmtrace.metadata.shop"], said["llmtrace.tags"]) == ("u-1", "7", ["t"])
    assert said["llmtrace.step.path"] == "s"


def test_spans_are_delivered_in_the_order_in_which_they_end() -> None:
    tracing = Tracing()
    with tracing.tracer.start_as_current_span("invoke_agent guide", attributes=AGENT):
        for _ in range(20):
            with tracing.tracer.start_as_current_span("chat", attributes=CHAT):
                call()
    assert [span.name for span in tracing.spans] == ["chat gpt-5-mini"] * 40 + ["invoke_agent guide"]
    scopes = [span.instrumentation_scope.name for span in tracing.spans if span.instrumentation_scope]
    assert scopes == ["llmtrace", SCOPE] * 20 + [SCOPE]


def test_a_span_around_a_call_of_ours_keeps_no_usage_whatever_lies_between() -> None:
    tracing = Tracing()
    with (
        tracing.tracer.start_as_current_span("chat", attributes={**CHAT, **USED}),
        llmtrace.step("between"),
        tracing.provider.get_tracer("app").start_as_current_span("also between"),
    ):
        call()
    outer, inner = (
        span for span in sorted(tracing.spans, key=lambda span: span.start_time or 0) if "chat" in span.name
    )
    assert "gen_ai.usage.input_tokens" not in decoded(outer)
    assert "llmtrace.cost.total" not in decoded(outer)
    assert decoded(inner)["gen_ai.usage.input_tokens"] == 10


def test_a_span_inside_a_call_of_ours_is_the_one_that_bears_the_usage() -> None:
    tracing = Tracing()
    with llmtrace.llm(model="gpt-5-mini", provider="openai"):
        with tracing.tracer.start_as_current_span("chat", attributes={**CHAT, **USED}):
            pass
        llmtrace.current().usage(input_tokens=10, output_tokens=5)
    bearing = [span for span in tracing.spans if "gen_ai.usage.input_tokens" in decoded(span)]
    assert [span.instrumentation_scope.name for span in bearing if span.instrumentation_scope] == [SCOPE]


def test_a_span_that_began_before_tracing_did_is_described_when_it_ends() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer(SCOPE).start_span("chat", attributes={**CHAT, **USED})
    ours = InMemorySpanExporter()
    handle = llmtrace.init(tracer_provider=provider, exporters=[ours])
    assert SWITCH.engine is not None
    SWITCH.engine.guests.readers[SCOPE] = lambda foreign: foreign.record
    span.end()
    assert handle.flush()
    assert ours.get_finished_spans()[0].name == "chat gpt-5-mini"


def test_shutdown_delivers_what_has_ended() -> None:
    tracing = Tracing()
    with tracing.tracer.start_as_current_span("chat", attributes=CHAT):
        pass
    tracing.handle.shutdown()
    assert [span.name for span in tracing.ours.get_finished_spans()] == ["chat gpt-5-mini"]


def test_the_providers_own_flush_and_shutdown_deliver_it_too() -> None:
    tracing = Tracing()
    with tracing.tracer.start_as_current_span("chat", attributes=CHAT):
        pass
    assert tracing.provider.force_flush()
    assert len(tracing.ours.get_finished_spans()) == 1
    with tracing.tracer.start_as_current_span("chat", attributes=CHAT):
        pass
    tracing.provider.shutdown()
    assert len(tracing.ours.get_finished_spans()) == 2


def test_reading_happens_on_another_thread_than_the_apps() -> None:
    seen: list[int] = []

    def read(foreign: Foreign) -> Record | None:
        seen.append(threading.get_ident())
        return foreign.record

    tracing = Tracing(read)
    with tracing.tracer.start_as_current_span("chat", attributes=CHAT):
        pass
    for _ in range(500):
        if seen:
            break
        threading.Event().wait(0.01)
    assert seen
    assert threading.get_ident() not in seen


@pytest.mark.allows_log("a fault of its own")
def test_a_reader_that_fails_costs_the_span_its_content_and_nothing_more(lenient: None, caplog: Any) -> None:
    def read(foreign: Foreign) -> Record | None:
        raise LookupError(CANARY)

    with caplog.at_level(logging.WARNING, "llmtrace"):
        tracing = Tracing(read)
        prompted = {"gen_ai.input.messages": CANARY, "acme.prompt": CANARY, "acme.round": 3}
        with tracing.tracer.start_as_current_span("chat", attributes={**CHAT, **USED, **prompted}) as span:
            span.add_event("gen_ai.user.message", {"content": CANARY})
            span.set_status(StatusCode.ERROR, CANARY)
        said = decoded(tracing.span)
    assert said["gen_ai.request.model"] == "gpt-5-mini"
    assert (said["acme.round"], said["gen_ai.usage.input_tokens"]) == (3, 10)
    assert tracing.span.status.status_code is StatusCode.ERROR
    assert CANARY not in tracing.span.to_json()
    assert SWITCH.engine is not None
    assert SWITCH.engine.describing.faults == 1
    assert CANARY not in caplog.text


@pytest.mark.allows_log("a fault of its own")
def test_an_apps_redactor_that_fails_costs_the_span_its_content(lenient: None) -> None:
    def redact(text: str) -> str:
        raise LookupError(text)

    tracing = Tracing(redact=redact)
    with tracing.tracer.start_as_current_span("chat", attributes={**CHAT, **USED, "acme.prompt": CANARY}) as span:
        span.add_event(
            "gen_ai.client.inference.operation.details", {"gen_ai.input.messages": f'[{{"parts": "{CANARY}"}}]'}
        )
    assert decoded(tracing.span)["gen_ai.usage.input_tokens"] == 10
    assert CANARY not in tracing.span.to_json()


def test_what_no_reader_knows_stays_as_it_is_but_for_secrets() -> None:
    tracing = Tracing(lambda _: None)
    secret = "sk-" + "Fake0Fake1Fake2Fake3Fake4Fake5Fake6"
    with tracing.tracer.start_as_current_span("memory.add", attributes={"acme.text": f"a {secret}"}) as span:
        span.add_event("added", {"text": f"b {secret}", "count": 2})
    assert tracing.span.name == "memory.add"
    assert decoded(tracing.span)["acme.text"].startswith("a [redacted")
    (event,) = tracing.span.events
    assert event.attributes is not None
    assert event.attributes["count"] == 2
    assert secret not in tracing.span.to_json()


def test_when_the_hand_over_is_full_content_is_left_out_and_the_counts_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMTRACE_QUEUE_BYTES", "100")
    tracing = Tracing()
    said = {**CHAT, **USED, "gen_ai.input.messages": f'[{{"role": "user", "parts": ["{CANARY * 50}"]}}]'}
    with tracing.tracer.start_as_current_span("chat", attributes=said):
        pass
    found = decoded(tracing.span)
    assert found["gen_ai.usage.input_tokens"] == 10
    assert found["llmtrace.content.dropped"] == "queue full"
    assert CANARY not in tracing.span.to_json()


def test_other_scopes_are_delivered_as_they_are() -> None:
    tracing = Tracing()
    with tracing.provider.get_tracer("app").start_as_current_span("GET /", attributes={"http.route": "/"}):
        pass
    assert tracing.spans == list(tracing.theirs.get_finished_spans())


def test_what_is_not_sampled_is_not_delivered() -> None:
    provider, ours = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False), InMemorySpanExporter()
    handle = llmtrace.init(tracer_provider=provider, exporters=[ours])
    with provider.get_tracer(SCOPE).start_as_current_span("chat", attributes=CHAT):
        call()
    assert handle.flush()
    assert not ours.get_finished_spans()


def test_spans_that_nobody_ends_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.engine.guests.MOST", 3)
    tracing = Tracing()
    open_ = [tracing.tracer.start_span("chat", attributes=CHAT) for _ in range(5)]
    assert len(tracing.guests._open) == 3
    for span in open_:
        span.end()
    assert not tracing.guests._open
    assert len(tracing.spans) == 5


def test_a_call_after_its_span_has_ended_does_not_take_the_usage_of_it() -> None:
    tracing = Tracing()
    span = tracing.tracer.start_span("chat", attributes={**CHAT, **USED})
    span.end()
    call()
    assert [decoded(each)["gen_ai.usage.input_tokens"] for each in tracing.spans] == [10, 10]


def test_an_open_span_is_kept_without_what_may_be_content() -> None:
    from llmtrace.exporters.local import _open, row

    span: Any = TracerProvider(shutdown_on_exit=False).get_tracer(SCOPE).start_span("chat", attributes=CHAT)
    span.set_attribute("gen_ai.input.messages", CANARY)
    span.add_event("gen_ai.user.message", {"content": CANARY})
    kept = _open(row(span))
    assert kept.model == "gpt-5-mini"
    assert CANARY not in str(kept)
    span.end()


VALUES = (
    st.text(max_size=20)
    | st.integers(-(1 << 62), 1 << 62)
    | st.floats()
    | st.booleans()
    | st.lists(st.text(max_size=5), max_size=3)
    | st.sampled_from(
        ["[", "{}", '[{"parts": 1}]', '[{"role": [], "parts": [{"type": "text"}, 3, {"type": "blob"}]}]', "null"]
    )
)
KEYS = st.sampled_from(
    [
        "gen_ai.operation.name",
        "gen_ai.request.model",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.total_tokens",
        "gen_ai.response.finish_reasons",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.tool.name",
        "gen_ai.conversation.id",
        "pydantic_ai.all_messages",
        "final_result",
        "inputs",
        "content",
        "message",
        "server.port",
    ]
)
ATTRIBUTES = st.dictionaries(KEYS | st.text(min_size=1, max_size=12), VALUES, max_size=8)
OPERATIONS = st.sampled_from(
    ["chat", "embeddings", "execute_tool", "invoke_agent", "invoke_workflow", "retrieval", "?"]
)
NAMES = st.sampled_from(["chat", "invoke_swarm", "memory.search", "execute_event_loop_cycle", "running tools"])
EVENTS = st.sampled_from(
    ["gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message", "exception", "memory.results", "memory.query"]
)
READERS = {scope: reader for name in ("pydantic-ai", "strands-agents") for scope, reader in load(name).spans.items()}

hostile = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def reading(request: pytest.FixtureRequest) -> Tracing:
    tracing = Tracing(capture=request.param)
    tracing.guests.readers.update(READERS)
    return tracing


@pytest.mark.parametrize("reading", ["full", "none"], indirect=True)
@pytest.mark.parametrize("scope", READERS)
@hostile
@given(
    name=NAMES, operation=OPERATIONS, attributes=ATTRIBUTES, events=st.lists(st.tuples(EVENTS, ATTRIBUTES), max_size=3)
)
def test_whatever_a_library_writes_is_delivered_once(
    scope: str, reading: Tracing, name: str, operation: str, attributes: Any, events: Any
) -> None:
    reading.ours.clear()
    span = reading.provider.get_tracer(scope).start_span(name, attributes=attributes)
    span.set_attribute("gen_ai.operation.name", operation)
    for event, said in events:
        span.add_event(event, said)
    span.end()
    assert reading.span.context is not None
    assert reading.span.context.span_id == span.get_span_context().span_id
    reading.span.to_json()


CONTENT = st.sampled_from(
    [
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.tool.description",
        "gen_ai.agent.description",
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.retrieval.query.text",
        "pydantic_ai.all_messages",
        "final_result",
        "tool_arguments",
        "system_prompt",
        "inputs",
        "content",
        "message",
        "exception.message",
        "exception.stacktrace",
    ]
)
SAID = st.sampled_from(
    [
        CANARY,
        f'[{{"role": "user", "parts": [{{"type": "text", "content": "{CANARY}"}}]}}]',
        f'[{{"role": "user", "parts": [{{"type": "tool_call", "name": "f", "arguments": {{"a": "{CANARY}"}}}}]}}]',
        f'[{{"text": "{CANARY}"}}, {{"toolResult": {{"content": [{{"text": "{CANARY}"}}]}}}}]',
        f'[{{"type": "function", "name": "f", "description": "{CANARY}"}}]',
        f'{{"a": "{CANARY}"}}',
        f'["{CANARY}"]',
        f'[{{"content": "{CANARY}", "metadata": {{"a": "{CANARY}"}}}}]',
    ]
)
CONTENTS = st.dictionaries(CONTENT | st.text("xyz._", min_size=1, max_size=9), SAID, min_size=1, max_size=5)


@pytest.mark.parametrize("reading", ["none"], indirect=True)
@pytest.mark.parametrize("scope", READERS)
@hostile
@given(name=NAMES, operation=OPERATIONS, attributes=CONTENTS, events=st.lists(st.tuples(EVENTS, CONTENTS), max_size=3))
def test_content_that_is_off_leaves_under_no_key(
    scope: str, reading: Tracing, name: str, operation: str, attributes: Any, events: Any
) -> None:
    reading.ours.clear()
    span = reading.provider.get_tracer(scope).start_span(name, attributes=attributes)
    span.set_attribute("gen_ai.operation.name", operation)
    for event, said in events:
        span.add_event(event, said)
    span.set_status(StatusCode.ERROR, CANARY)
    span.end()
    assert CANARY not in reading.span.to_json()
