"""What the app says of a block reaches every span below, of every thread and task that copies the context, no other."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import inspect
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace

import llmtrace
from llmtrace.testing import Captured, capture
from llmtrace.testing.captured import decoded


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture(integrations=["-openai", "-anthropic"]) as block:
        yield block


@llmtrace.step
def inner() -> None: ...


@llmtrace.llm(model="m")
def model(prompt: str) -> str:
    return prompt


def test_everything_said_is_on_the_spans_below_and_gone_behind(captured: Captured) -> None:
    with llmtrace.conversation("c-1", user="u-1", tier="gold"), llmtrace.metadata(shard=3, nested={"a": 1}):
        with llmtrace.tags("beta", "eu"), llmtrace.tags("beta", "more"):
            inner()
        inner()
    inner()
    first, second, third = [decoded(span) for span in captured.spans]
    assert first["gen_ai.conversation.id"] == "c-1"
    assert first["user.id"] == "u-1"
    assert first["llmtrace.metadata.tier"] == "gold"
    assert first["llmtrace.metadata.shard"] == 3
    assert first["llmtrace.metadata.nested"] == {"a": 1}
    assert first["llmtrace.tags"] == ["beta", "eu", "more"]
    assert "llmtrace.tags" not in second
    assert not {"gen_ai.conversation.id", "user.id", "llmtrace.metadata.tier"} & set(third)


def test_a_prompt_is_on_model_calls_alone_with_the_hash_of_its_template(captured: Captured) -> None:
    with llmtrace.prompt("greet", version=3, template="Hi {name}", variables={"name": "Mia", "none": None}):
        inner()
        model("Hi Mia")
    step, call = [decoded(span) for span in captured.spans]
    assert call["gen_ai.prompt.name"] == "greet"
    assert call["gen_ai.prompt.version"] == "3"
    assert call["gen_ai.prompt.variable.name"] == "Mia"
    assert call["llmtrace.prompt.template_hash"] == hashlib.sha256(b"Hi {name}").hexdigest()
    assert not [key for key in step if "prompt" in key]


def test_deny_wins_whichever_way_the_blocks_nest(captured: Captured) -> None:
    with llmtrace.capture("none"), llmtrace.capture("full"):
        model("canary")
    with llmtrace.capture("full"), llmtrace.capture("none"):
        model("canary")
    with llmtrace.capture("full"):
        model("shown")
    denied, denied_too, shown = captured.spans
    assert "canary" not in str(dict(denied.attributes)) + str(dict(denied_too.attributes))
    assert "shown" in str(dict(shown.attributes))


def test_a_wrong_capture_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"capture\('off'\)"):
        llmtrace.capture("off")


def test_suppressed_means_no_span_at_all(captured: Captured) -> None:
    with llmtrace.suppress():
        inner()
        model("x")
    assert captured.spans == []


def test_said_as_a_decorator_it_holds_for_each_run_of_any_function(captured: Captured) -> None:
    say = llmtrace.conversation("c-2")

    @say
    def plain() -> None:
        inner()

    @say
    async def coroutine() -> None:
        await asyncio.sleep(0)
        inner()

    @say
    def generator() -> Iterator[int]:
        yield 1
        inner()

    @say
    async def agenerator() -> AsyncIterator[int]:
        yield 1
        inner()

    async def main() -> None:
        await coroutine()
        assert [n async for n in agenerator()] == [1]

    plain()
    assert list(generator()) == [1]
    asyncio.run(main())
    assert inspect.isasyncgenfunction(agenerator)
    assert [decoded(s)["gen_ai.conversation.id"] for s in captured.spans] == ["c-2"] * 4


async def test_one_object_entered_by_many_tasks_does_not_mix_them(captured: Captured) -> None:
    shared = llmtrace.conversation("shared")

    async def worker(n: int) -> None:
        async with shared:
            await asyncio.sleep(0.001 * (n % 3))
            inner()
        assert "gen_ai.conversation.id" not in str(trace.get_current_span())
        inner()

    await asyncio.gather(*(worker(n) for n in range(20)))
    said = [decoded(span).get("gen_ai.conversation.id") for span in captured.spans]
    assert said.count("shared") == 20
    assert said.count(None) == 20


async def test_concurrent_conversations_do_not_cross(captured: Captured) -> None:
    async def talk(n: int) -> None:
        async with llmtrace.conversation(f"c-{n}", user=f"u-{n}"):
            for _ in range(3):
                await asyncio.sleep(0)
                inner()

    await asyncio.gather(*(talk(n) for n in range(200)))
    pairs = [(decoded(s)["gen_ai.conversation.id"][2:], decoded(s)["user.id"][2:]) for s in captured.spans]
    assert len(pairs) == 600
    assert all(conversation == user for conversation, user in pairs)


def test_threads_that_copy_the_context_belong_to_the_conversation(captured: Captured) -> None:
    with llmtrace.conversation("c-3"), ThreadPoolExecutor(2) as pool:
        pool.submit(contextvars.copy_context().run, inner).result()
    assert decoded(captured.one("inner"))["gen_ai.conversation.id"] == "c-3"


def test_another_service_goes_on_with_the_trace_and_what_was_said(captured: Captured) -> None:
    with llmtrace.conversation("c-4", user="ü", tier="gold"), llmtrace.tags("t"), llmtrace.step("caller"):
        headers = dict(llmtrace.inject({"accept": "*/*"}))
    with llmtrace.extract({name.title(): value for name, value in headers.items()}):
        inner()
    caller, below = captured.one("caller"), captured.one("inner")
    assert below.parent.span_id == caller.context.span_id
    attributes = decoded(below)
    assert attributes["gen_ai.conversation.id"] == "c-4"
    assert attributes["user.id"] == "ü"
    assert attributes["llmtrace.metadata.tier"] == "gold"
    assert attributes["llmtrace.tags"] == ["t"]
    assert headers["accept"] == "*/*"


@pytest.mark.parametrize(
    "headers", [{}, {"traceparent": "junk", "baggage": "llmtrace=%7B"}, {"baggage": "llmtrace=[1]"}]
)
def test_headers_of_strangers_change_nothing(captured: Captured, headers: dict[str, str]) -> None:
    with llmtrace.extract(headers):
        inner()
    span = captured.one("inner")
    assert span.parent is None
    assert "gen_ai.conversation.id" not in span.attributes


def test_secrets_in_what_is_said_are_redacted(captured: Captured) -> None:
    key = "sk-" + "proj-" + "a1B2" * 12
    with llmtrace.metadata(note=f"key {key}", password="hunter22"):
        inner()
    assert key not in str(dict(captured.one("inner").attributes))
    assert "hunter22" not in str(dict(captured.one("inner").attributes))


# -- feedback


def test_feedback_lands_below_the_judged_call(captured: Captured) -> None:
    with llmtrace.step("answer") as here:
        handle = here.handle
    assert handle is not None
    assert llmtrace.feedback(handle, "thumbs", True, comment="spot on", user="u-9")
    judged, told = captured.one("answer"), captured.one("evaluate thumbs")
    assert told.parent.span_id == judged.context.span_id
    assert told.context.trace_id == judged.context.trace_id
    attributes = decoded(told)
    assert attributes["gen_ai.evaluation.name"] == "thumbs"
    assert attributes["gen_ai.evaluation.score.value"] == 1.0
    assert attributes["gen_ai.evaluation.explanation"] == "spot on"
    assert attributes["user.id"] == "u-9"


def test_feedback_in_a_word_is_a_label(captured: Captured) -> None:
    assert llmtrace.feedback("0" * 31 + "1-" + "0" * 15 + "2", "tone", "friendly")
    assert decoded(captured.spans[0])["gen_ai.evaluation.score.label"] == "friendly"


def test_feedback_on_no_handle_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'abc' is no handle"):
        llmtrace.feedback("abc", "thumbs", 1)


def test_feedback_without_tracing_says_so() -> None:
    assert llmtrace.feedback("0" * 31 + "1-" + "0" * 15 + "2", "thumbs", 1) is False
