"""Every shape of call through the engine: its result is the library's own, and it gives one span with all facts."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from tests.engine import library
from tests.engine.conftest import Traced
from tests.engine.library import AsyncClient, Client, RefusedError, Response, Source

CHUNKS = [b"Hel", b"lo ", b"END"]


def output(span: ReadableSpan) -> str:
    messages = json.loads(span.attributes["gen_ai.output.messages"])
    return "".join(part["content"] for message in messages for part in message["parts"])


def outcome(span: ReadableSpan) -> Any:
    return span.attributes.get("llmtrace.outcome", "completed" if span.status.is_unset else "failed")


def test_a_value_comes_back_and_its_span_has_the_facts(traced: Traced) -> None:
    assert Client(b"Hello").request("Hi", model="m-7") == "Hello"
    span = traced.span
    assert span.name == "chat m-7"
    assert span.kind is SpanKind.CLIENT
    assert span.attributes["gen_ai.request.model"] == "m-7"
    assert span.attributes["gen_ai.response.model"] == "m-7"
    assert span.attributes["gen_ai.usage.input_tokens"] == 2
    assert span.attributes["server.address"] == "api.acme.test"
    assert span.status.status_code is StatusCode.UNSET
    assert output(span) == "Hello"


async def test_an_awaited_value_comes_back_and_its_span_has_the_facts(traced: Traced) -> None:
    assert await AsyncClient(b"Hello").request("Hi") == "Hello"
    assert output(traced.span) == "Hello"


async def test_a_generator_that_a_coroutine_gives_is_the_call_while_it_is_read(traced: Traced) -> None:
    made = await AsyncClient(b"Hello").pieces("Hi")
    assert (inspect.isasyncgen(made), made.__name__) == (True, "asking")
    assert traced.spans == []
    async for piece in made:
        assert piece == "Hello"
        assert not trace.get_current_span().get_span_context().is_valid
    first, second, asking = traced.spans
    assert asking.name == "asking"
    assert {span.parent and span.parent.span_id for span in (first, second)} == {asking.context.span_id}


async def test_a_generator_that_a_coroutine_gives_ends_its_call_when_it_is_left(traced: Traced) -> None:
    made = await AsyncClient(b"Hello").pieces("Hi")
    await anext(made)
    await made.aclose()
    _, asking = traced.spans
    assert outcome(asking) == "abandoned"


async def test_a_generator_that_a_coroutine_gives_is_the_very_same_where_it_is_no_call(traced: Traced) -> None:
    made = await AsyncClient(b"Hello").pieces("Hi", model="untraced")
    assert made.ag_code.co_filename == library.__file__
    assert [piece async for piece in made] == ["Hello", "Hello"]
    assert traced.spans == []


def test_the_function_keeps_its_looks(traced: Traced) -> None:
    assert str(inspect.signature(Client.request)) == "(self, prompt: 'str', *, model: 'str' = 'm-1') -> 'Any'"
    assert Client.request.__doc__ == "Ask the model."
    assert Client.request.__qualname__ == "Client.request"
    assert inspect.iscoroutinefunction(AsyncClient.request)
    assert inspect.iscoroutinefunction(AsyncClient.pieces)
    assert not inspect.iscoroutinefunction(Client.request)


def test_a_call_that_begins_nothing_passes_through(traced: Traced) -> None:
    assert Client(b"Hello").request("Hi", model="untraced") == "Hello"
    assert traced.spans == []


def test_retries_are_one_span_that_counts_them(traced: Traced) -> None:
    Client(b"Hello", attempts=3).request("Hi")
    assert traced.span.attributes["llmtrace.attempts"] == 3


def test_the_librarys_own_span_is_silenced_inside_a_call_only(traced: Traced) -> None:
    class Native(Client):
        def build(self, prompt: str, model: str) -> bytes:
            self.seen = self.trace()
            return super().build(prompt, model)

    client = Native(b"Hello")
    assert client.trace() == "native"
    client.request("Hi")
    assert client.seen == "silenced"


def test_an_exception_is_the_same_object_and_the_span_an_error(traced: Traced) -> None:
    error = RefusedError(b"sorry")
    with pytest.raises(RefusedError) as caught:
        Client(error).request("Hi")
    assert caught.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    span = traced.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "tests.engine.library.RefusedError"
    assert outcome(span) == "failed"
    assert output(span) == "sorry"


@pytest.mark.parametrize(
    ("error", "expected", "status"),
    [
        (KeyboardInterrupt(), "interrupted", StatusCode.UNSET),
        (asyncio.CancelledError(), "cancelled", StatusCode.UNSET),
        (TimeoutError("slow"), "timed_out", StatusCode.ERROR),
        (ValueError("no"), "failed", StatusCode.ERROR),
    ],
)
def test_what_ended_the_call_is_told_apart(
    traced: Traced, error: BaseException, expected: str, status: StatusCode
) -> None:
    with pytest.raises(type(error)):
        Client(error).request("Hi")
    assert outcome(traced.span) == expected
    assert traced.span.status.status_code is status


async def test_a_cancelled_task_ends_its_span_once_without_error(traced: Traced) -> None:
    class Slow(AsyncClient):
        async def process(self, *, response: Any) -> Any:
            await asyncio.sleep(60)

    task = asyncio.create_task(Slow(b"").request("Hi"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcome(traced.span) == "cancelled"
    assert traced.span.status.status_code is StatusCode.UNSET


# -- streams: the matrix of how they end


def exhaust(body: Response) -> None:
    assert list(body) == CHUNKS


def leave_early(body: Response) -> None:
    for _ in body:
        break


def close(body: Response) -> None:
    next(iter(body))
    body.close()


def raise_in_consumer(body: Response) -> None:
    with pytest.raises(ZeroDivisionError):
        [1 / 0 for _ in body]


def never_read(body: Response) -> None:
    pass


@pytest.mark.parametrize(
    ("consume", "expected", "heard"),
    [
        (exhaust, "completed", "Hello END"),
        (leave_early, "abandoned", "Hel"),
        (close, "abandoned", "Hel"),
        (raise_in_consumer, "abandoned", "Hel"),
        (never_read, "abandoned", ""),
    ],
)
def test_a_streams_span_ends_once_however_it_ends(
    traced: Traced, consume: Callable[[Response], None], expected: str, heard: str
) -> None:
    body = Client(Response(Source(CHUNKS))).request("Hi")
    assert traced.spans == []
    consume(body)
    del body
    gc.collect()
    span = traced.span
    assert outcome(span) == expected
    assert (output(span) if "gen_ai.output.messages" in span.attributes else "") == heard
    assert span.status.status_code is StatusCode.UNSET
    assert ("gen_ai.response.time_to_first_chunk" in span.attributes) == bool(heard)


async def aexhaust(body: Response) -> None:
    assert [chunk async for chunk in body] == CHUNKS


async def aclose_early(body: Response) -> None:
    iterator = body.__aiter__()
    await iterator.__anext__()
    await iterator.aclose()
    await body.aclose()


async def aleave(body: Response) -> None:
    async for _ in body:
        break


async def acancel(body: Response) -> None:
    async def consume() -> None:
        async for _ in body:
            await asyncio.sleep(60)

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def anever(body: Response) -> None:
    pass


@pytest.mark.parametrize(
    ("consume", "expected"),
    [
        (aexhaust, "completed"),
        (aclose_early, "abandoned"),
        (aleave, "abandoned"),
        (acancel, "abandoned"),
        (anever, "abandoned"),
    ],
)
async def test_an_async_streams_span_ends_once_however_it_ends(
    traced: Traced, consume: Callable[[Response], Any], expected: str
) -> None:
    body = await AsyncClient(Response(Source(CHUNKS))).request("Hi")
    assert traced.spans == []
    await consume(body)
    del body
    gc.collect()
    for _ in range(20):
        await asyncio.sleep(0)  # the loop closes what the collector found, one generator inside the other
    assert outcome(traced.span) == expected


def test_a_stream_that_breaks_raises_the_same_error_and_keeps_what_came(traced: Traced) -> None:
    error = ConnectionResetError("gone")
    body = Client(Response(Source(CHUNKS[:2], error))).request("Hi")
    with pytest.raises(ConnectionResetError) as caught:
        list(body)
    assert caught.value is error
    span = traced.span
    assert outcome(span) == "failed"
    assert span.attributes["error.type"] == "ConnectionResetError"
    assert output(span) == "Hello "


def test_a_stream_let_go_after_its_end_marker_was_completed(traced: Traced) -> None:
    body = Client(Response(Source(CHUNKS))).request("Hi")
    iterator = iter(body)
    assert [next(iterator) for _ in CHUNKS] == CHUNKS
    body.close()
    assert outcome(traced.span) == "completed"


def test_a_second_close_and_a_late_collection_add_nothing(traced: Traced) -> None:
    source = Source(CHUNKS)
    body = Client(Response(source)).request("Hi")
    list(body)
    body.close()
    body.close()
    del body
    gc.collect()
    assert len(traced.spans) == 1
    assert source.closed == 2


def test_a_long_stream_keeps_its_beginning_and_its_end(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.engine.heard.STREAM_BYTES", 300)
    chunks = [b"%03d" % n for n in range(1000)] + [b"END"]
    assert list(Client(Response(Source(chunks))).request("Hi")) == chunks
    span = traced.span
    assert output(span).startswith("000001002")
    assert output(span).endswith("998999END")
    assert span.attributes["llmtrace.content.dropped"] == "too large"
    assert outcome(span) == "completed"


# -- context


def test_the_span_is_current_only_while_the_library_runs(traced: Traced) -> None:
    seen = []

    class Curious(Client):
        def build(self, prompt: str, model: str) -> bytes:
            seen.append(trace.get_current_span().get_span_context().span_id)
            return super().build(prompt, model)

    before = trace.get_current_span()
    body = Curious(Response(Source(CHUNKS))).request("Hi")
    assert trace.get_current_span() is before
    for _ in body:
        assert trace.get_current_span() is before
    assert seen == [traced.span.context.span_id]


async def test_between_two_steps_of_a_coroutine_the_span_is_not_current(traced: Traced) -> None:
    coroutine = AsyncClient(b"Hello").request("Hi")
    before = trace.get_current_span()
    inner = coroutine.__await__()
    result = None
    while result is None:
        try:
            inner.send(None)
        except StopIteration as done:
            result = done.value
        assert trace.get_current_span() is before
    assert result == "Hello"
    assert len(traced.spans) == 1


async def test_what_the_library_makes_current_across_an_await_stays_current_there(traced: Traced) -> None:
    seen = []

    class Http(AsyncClient):
        async def process(self, *, response: Any) -> Any:
            with traced.provider.get_tracer("http").start_as_current_span("http") as inner:
                await asyncio.sleep(0)
                seen.append(trace.get_current_span() is inner)
            await asyncio.sleep(0)
            seen.append(trace.get_current_span().get_span_context().span_id)
            return "done"

    assert await Http(b"").request("Hi") == "done"
    http, chat = sorted(traced.spans, key=lambda span: span.name, reverse=True)
    assert http.parent.span_id == chat.context.span_id
    assert seen == [True, chat.context.span_id]


def test_a_nested_call_is_a_child_and_alone_bears_the_usage(traced: Traced) -> None:
    class Framework(Client):
        def process(self, *, response: Any) -> Any:
            return Client(b"inner").request("Hi")

    assert Framework(b"outer").request("Hello") == "inner"
    inner, outer = sorted(traced.spans, key=lambda span: span.start_time, reverse=True)
    assert inner.parent.span_id == outer.context.span_id
    assert inner.attributes["gen_ai.usage.input_tokens"] == 2
    assert "gen_ai.usage.input_tokens" not in outer.attributes


def test_tasks_started_inside_keep_the_parent_and_those_outside_do_not(traced: Traced) -> None:
    class Spawning(AsyncClient):
        async def process(self, *, response: Any) -> Any:
            return await asyncio.create_task(AsyncClient(b"child").request("Hi"))

    async def main() -> None:
        await asyncio.gather(Spawning(b"").request("one"), AsyncClient(b"two").request("two"))

    asyncio.run(main())
    roots = [span for span in traced.spans if span.parent is None]
    assert len(traced.spans) == 3
    assert len(roots) == 2


def test_the_library_is_as_it_was_after_take_off(tracing: Traced) -> None:
    from tests.engine.conftest import INTEGRATION

    before = {name: vars(library.Client)[name] for name in ("request", "build", "process", "trace")}
    patcher = tracing.apply(INTEGRATION)
    assert all(vars(library.Client)[name] is not function for name, function in before.items())
    patcher.take_off()
    assert {name: vars(library.Client)[name] for name in before} == before


def test_an_earlier_attempts_stream_can_not_end_the_call(traced: Traced) -> None:
    class Retrying(Client):
        def process(self, *, response: Any) -> Any:
            first = super().process(response=Response(Source([b"sorry"])))
            self.stale = iter(first)
            next(self.stale)
            first.close()
            return super().process(response=response)

    client = Retrying(Response(Source(CHUNKS)))
    body = client.request("Hi")
    del client.stale
    gc.collect()
    assert traced.spans == []
    assert list(body) == CHUNKS
    assert output(traced.span) == "Hello END"
    assert outcome(traced.span) == "completed"
