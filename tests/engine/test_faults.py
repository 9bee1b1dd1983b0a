"""A fault at any place of ours changes nothing for the app, whatever the call's shape; nearly always the span ends."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import llmtrace
from llmtrace.content.policy import Policy
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guard import TOLERANCE, Guard
from llmtrace.engine.patch import Patcher
from llmtrace.facts.operation import Answered, Begin, Integration, Sent, Start
from tests.engine.conftest import BEGIN, CHAT, INTEGRATION, SPACE
from tests.engine.library import AsyncClient, Client, RefusedError, Response, Source
from tests.engine.planting import DRIVERS, ENGINES_OWN, SAFE, Plant, PlantedError, watched

CHUNKS = [b"Hel", b"lo ", b"END"]

pytestmark = [pytest.mark.usefixtures("lenient"), pytest.mark.allows_log("kept from your app|switched off")]


# -- the shapes of a call; each gives what the app saw of it


def seen(error: BaseException, run: Callable[[], Any]) -> Any:
    """What an app sees of a call that raises: that very object, and nothing hung onto it."""
    try:
        got = run()
    except BaseException as caught:  # noqa: BLE001 - it is looked at
        return caught is error, type(caught), caught.args, caught.__cause__, caught.__context__
    return got


def value() -> Any:
    return Client(b"Hello", attempts=2).request("Hi", model="m-7")


def async_value() -> Any:
    return asyncio.run(AsyncClient(b"Hello").request("Hi"))


def refused() -> Any:
    error = RefusedError(b"sorry")
    return seen(error, lambda: Client(error).request("Hi"))


def unspeakable() -> Any:
    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not even this")

        __repr__ = __str__

    error = UnspeakableError(1)
    return seen(error, lambda: Client(error).request("Hi"))[0]


def interrupted() -> Any:
    error = KeyboardInterrupt()
    return seen(error, lambda: Client(error).request("Hi"))


def async_refused() -> Any:
    error = RefusedError(b"sorry")
    return seen(error, lambda: asyncio.run(AsyncClient(error).request("Hi")))


def cancelled() -> Any:
    class Slow(AsyncClient):
        async def process(self, *, response: Any) -> Any:
            await asyncio.sleep(60)

    async def main() -> Any:
        task = asyncio.create_task(Slow(b"").request("Hi"))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"

    return asyncio.run(main())


def stream() -> Any:
    source = Source(CHUNKS)
    body = Client(Response(source)).request("Hi")
    read = list(body)
    body.close()
    return read, source.closed


def broken_stream() -> Any:
    error = ConnectionResetError("gone")
    read: list[bytes] = []
    body = Client(Response(Source(CHUNKS[:2], error))).request("Hi")
    return seen(error, lambda: [read.append(chunk) for chunk in body]), read


def left_stream() -> Any:
    body = Client(Response(Source(CHUNKS))).request("Hi")
    for chunk in body:
        return chunk
    return None


def dropped_stream() -> Any:
    return type(Client(Response(Source(CHUNKS))).request("Hi"))


def async_stream() -> Any:
    async def main() -> Any:
        source = Source(CHUNKS)
        body = await AsyncClient(Response(source)).request("Hi")
        read = [chunk async for chunk in body]
        await body.aclose()
        return read, source.closed

    return asyncio.run(main())


def silenced() -> Any:
    class Native(Client):
        def build(self, prompt: str, model: str) -> bytes:
            self.seen = self.trace()
            return super().build(prompt, model)

    client = Native(b"Hello")
    return client.request("Hi"), client.trace()


def nested() -> Any:
    class Framework(Client):
        def process(self, *, response: Any) -> Any:
            return Client(b"inner").request("Hi")

    return Framework(b"outer").request("Hello")


@llmtrace.step
def inner(a: int, *, b: list[int]) -> dict[str, Any]:
    return {"a": a, "b": b}


@llmtrace.workflow
def outer(a: int) -> Any:
    return inner(a, b=[1, 2])


@llmtrace.tool
async def upper(word: str) -> str:
    await asyncio.sleep(0)
    return word.upper()


@llmtrace.retrieval
def search(error: Exception) -> list[str]:
    raise error


@llmtrace.step
def counting(upto: int) -> Iterator[int]:
    got = yield from range(upto)
    assert got is None


@llmtrace.step
async def acounting(upto: int) -> AsyncIterator[int]:
    for number in range(upto):
        yield number


def decorated() -> Any:
    return outer(1)


def generated() -> Any:
    return list(counting(3)), next(counting(3))


def async_generated() -> Any:
    async def main() -> Any:
        return [number async for number in acounting(3)]

    return asyncio.run(main())


def decorated_async() -> Any:
    return asyncio.run(upper("up"))


def decorated_raising() -> Any:
    error = ValueError("no")
    return seen(error, lambda: search(error))


def decorated_misused() -> Any:
    try:
        asyncio.run(upper())  # type: ignore[call-arg]
    except TypeError as error:
        return str(error)


SHAPES = [
    value,
    async_value,
    refused,
    unspeakable,
    interrupted,
    async_refused,
    cancelled,
    stream,
    broken_stream,
    left_stream,
    dropped_stream,
    async_stream,
    silenced,
    nested,
    decorated,
    decorated_async,
    decorated_raising,
    decorated_misused,
    generated,
    async_generated,
]

every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)


class Counting(SpanProcessor):
    """Counts the spans that begin and those that end."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.begun += 1

    def on_end(self, span: ReadableSpan) -> None:
        self.ended += 1


def held(function: Any) -> list[Guard]:
    """The guards that a decorated function refers to."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    inside = [guard for cell in cells if inspect.isfunction(cell) for guard in held(cell)]
    return [cell for cell in cells if isinstance(cell, Guard)] + inside


class Watching:
    """Counts the light spans that begin and those that end, which no processor but ours is shown."""

    def __init__(self, counting: Counting, watching: Any) -> None:
        self.counting = counting
        self.watching = watching

    def watch(self, span: Any, context: Context) -> None:
        self.counting.begun += 1
        self.watching.watch(span, context)

    def deliver(self, span: ReadableSpan) -> None:
        self.counting.ended += 1
        self.watching.deliver(span)


class Tracing:
    """Tracing with everything on, described on the app's own thread, so that a test can fail every line of it.

    With a processor of the app's, spans are the SDK's, and else light ones.
    """

    def __init__(self, *, light: bool) -> None:
        self.counting = Counting()
        provider = TracerProvider(shutdown_on_exit=False)
        if not light:
            provider.add_span_processor(self.counting)
        self.handle = llmtrace.init(tracer_provider=provider, exporters="none", integrations=["-openai", "-anthropic"])
        self.patcher = Patcher([INTEGRATION])
        if light:
            assert SWITCH.engine is not None
            spans = SWITCH.engine.spans
            spans.watching = Watching(self.counting, spans.watching)

    @property
    def guards(self) -> list[Guard]:
        """Of all points and decorators, and of what every call goes through."""
        made = [patch.guard for patch in self.patcher.patches]
        for function in (inner, outer, upper, search, counting, acounting):
            made += held(function)
        engine = SWITCH.engine
        assert engine is not None
        return [*made, engine.describing, engine.worker.guard]

    def rearm(self) -> None:
        """Forgets the faults so far."""
        for guard in self.guards:
            guard.faults, guard.armed = 0, True
        self.counting.begun = self.counting.ended = 0

    def end(self) -> None:
        self.patcher.take_off()
        self.handle.shutdown()


@pytest.fixture
def tracing(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Tracing]:
    monkeypatch.setenv("LLMTRACE_WORKER", "false")
    monkeypatch.setenv("LLMTRACE_EVENTS", "true")
    made = Tracing(light=getattr(request, "param", False))
    yield made
    made.end()


ENDLESS = {
    "finish": "is what ends the call",
    "left": "is what ends a stream's call",
    "back": "is what ends the call",
    "put": "is the hand-over itself",
    "settle": "is what ends the span",
    "_settle": "is what ends the span",
    "describe": "is what ends the span",
    "end": "is what ends the span",
    "watch": "is where this test counts a light span that begins",
    "deliver": "is where it counts one that ended",
    "set_value": "copies a small dict, once the span has begun",
    "set_span_in_context": "copies a small dict, once the span has begun",
    "__init__": "of a record: assigns its fields",
    "<listcomp>": "subtracts numbers",
}
"""What a span cannot do without on its way to its end, or what cannot fail."""


@pytest.mark.parametrize("tracing", [False, True], ids=["the SDK's span", "light span"], indirect=True)
@every_shape
def test_no_fault_anywhere_reaches_the_app_and_the_span_ends(shape: Callable[[], Any], tracing: Tracing) -> None:
    expected = shape()
    shape()
    sites = watched(shape)
    assert len(sites) > 5
    wrong, uncounted, endless = [], [], []
    for site in sites:
        tracing.rearm()
        plant = Plant(site)
        try:
            got = plant(shape)
        except PlantedError as error:
            got = error
        gc.collect(0)
        assert plant.raised, f"{site} was not come by again"
        if got != expected:
            wrong.append(f"{site}: {got!r}")
        if not any(guard.faults for guard in tracing.guards):
            uncounted.append(str(site))
        if tracing.counting.begun != tracing.counting.ended and site.callee not in ENDLESS:
            endless.append(str(site))
    assert not wrong, f"the app saw something else than {expected!r}"
    assert not uncounted, "a guard that swallows a fault counts it"
    assert not endless


def test_the_functions_that_no_fault_is_planted_in_are_there() -> None:
    names = {node.name for _, node in ENGINES_OWN}
    places = {(path.name, node.name) for path, node in ENGINES_OWN}
    assert set(DRIVERS) <= names
    assert set(SAFE) <= places


# -- each hook raising every time


def planted(*_: Any, **__: Any) -> Any:
    raise PlantedError


class Hook(NamedTuple):
    """A place of ours that is made to raise every time, and what is left of a call's span then."""

    target: str
    shape: Callable[[], Any] = value
    ends: bool = True
    begins: bool = True
    disarms: bool = True


HOOKS = [
    Hook("llmtrace.engine.run.suppressed", begins=False),
    Hook("llmtrace.engine.run.Call", begins=False),
    Hook("opentelemetry.sdk.trace.Tracer.start_span", begins=False),
    Hook("tests.engine.test_faults.Counting.on_start", begins=False),
    Hook("llmtrace.engine.call.scope_begun", begins=False),
    Hook("llmtrace.engine.spans.span_name", disarms=False),
    Hook("llmtrace.engine.spans.start_attributes", disarms=False),
    Hook("llmtrace.engine.call.snapshot", decorated),
    Hook("llmtrace.engine.roles.current_call"),
    Hook("llmtrace.engine.roles.listen", stream),
    Hook("llmtrace.engine.call.Call.sent"),
    Hook("llmtrace.engine.call.Call.answered"),
    Hook("llmtrace.engine.call.Call.hear", stream),
    Hook("llmtrace.engine.call.Call.left", stream, ends=False),
    Hook("llmtrace.engine.call.Call.back", ends=False),
    Hook("llmtrace.engine.call.Call.finish", ends=False),
    Hook("llmtrace.engine.call.failure_of", refused, disarms=False),
    Hook("llmtrace.engine.call.outcome_of", refused),
    Hook("llmtrace.engine.worker.Worker.put", ends=False),
    Hook("llmtrace.engine.call.Call.settle", ends=False, disarms=False),
    Hook("llmtrace.engine.call.facts_of", disarms=False),
    Hook("llmtrace.engine.settle.estimate", disarms=False),
    Hook("llmtrace.engine.settle.price", disarms=False),
    Hook("llmtrace.content.policy.Policy.apply", disarms=False),
    Hook("llmtrace.engine.settle.attributes", disarms=False),
    Hook("opentelemetry.sdk.trace.Span.set_attributes", disarms=False),
    Hook("opentelemetry.sdk.trace.Span.set_status", refused, disarms=False),
    Hook("opentelemetry.sdk.trace.Span.end", ends=False, disarms=False),
    Hook("tests.engine.test_faults.Counting.on_end", ends=False, disarms=False),
    Hook("llmtrace.semconv.events.Events.emit", disarms=False),
    Hook("llmtrace.semconv.metrics.Metrics.record", disarms=False),
]


def place(target: str) -> tuple[Any, str]:
    """The object that a dotted name is an attribute of, and the attribute's name."""
    owner, _, name = target.rpartition(".")
    if owner.endswith("test_faults.Counting"):
        return Counting, name
    return pkgutil.resolve_name(owner), name


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.target)
def test_a_hook_that_always_raises_is_said_once_and_costs_the_app_nothing(
    hook: Hook, tracing: Tracing, monkeypatch: pytest.MonkeyPatch, logs: list[logging.LogRecord]
) -> None:
    expected = hook.shape()
    spans = tracing.counting.ended
    tracing.rearm()
    with monkeypatch.context() as faulty:
        faulty.setattr(*place(hook.target), planted)
        for _ in range(TOLERANCE + 2):
            assert hook.shape() == expected
    gc.collect()
    faults = {guard.place: guard.faults for guard in tracing.guards if guard.faults}
    assert faults
    said = [record.getMessage() for record in logs]
    assert len([line for line in said if "kept from your app" in line]) == len(faults)
    assert [guard.armed for guard in tracing.guards].count(False) == len([line for line in said if "off" in line])
    assert hook.disarms == any("is switched off" in line for line in said)
    if hook.begins:
        assert tracing.counting.begun >= spans
    if hook.ends:
        assert tracing.counting.ended == tracing.counting.begun


@pytest.mark.parametrize("role", ["start", "failed", "sent", "answered", "read"])
@every_shape
def test_an_integrations_function_that_always_raises_costs_the_app_nothing(
    role: str, shape: Callable[[], Any], tracing: Tracing
) -> None:
    expected = shape()
    tracing.patcher.take_off()
    tracing.patcher = Patcher([broken(role)])
    tracing.rearm()
    for _ in range(TOLERANCE + 2):
        assert shape() == expected
    gc.collect()
    assert tracing.counting.ended == tracing.counting.begun


def broken(role: str) -> Integration:
    """The small library's integration, with one of its functions raising."""
    chat = replace(CHAT, read=planted) if role == "read" else CHAT

    def start(args: tuple[Any, ...], kwargs: Any) -> Start | None:
        begun = INTEGRATION.points[f"{SPACE}:Client.request"].start(args, kwargs)
        return begun and replace(begun, operation=chat)

    begin = Begin(planted if role == "start" else start, planted if role == "failed" else BEGIN.failed)
    points = {
        target: begin
        if isinstance(point, Begin)
        else replace(point, read=planted)
        if (role, type(point)) in (("sent", Sent), ("answered", Answered))
        else point
        for target, point in INTEGRATION.points.items()
    }
    return replace(INTEGRATION, points=points)


def test_a_disarmed_point_is_not_gone_to_again(tracing: Tracing) -> None:
    gone: list[int] = []

    def start(args: tuple[Any, ...], kwargs: Any) -> None:
        gone.append(1)
        raise PlantedError

    tracing.patcher.take_off()
    tracing.patcher = Patcher([replace(INTEGRATION, points={f"{SPACE}:Client.request": Begin(start)})])
    for _ in range(TOLERANCE + 5):
        assert Client(b"Hello").request("Hi") == "Hello"
    assert len(gone) == TOLERANCE


def test_one_disarmed_point_leaves_the_others_working(tracing: Tracing) -> None:
    tracing.patcher.take_off()
    tracing.patcher = Patcher([broken("sent")])
    before = tracing.counting.ended
    for _ in range(TOLERANCE + 5):
        value()
    assert tracing.counting.ended == before + TOLERANCE + 5


@pytest.mark.parametrize("role", ["read", "policy"])
def test_where_facts_or_content_rules_fail_the_span_says_what_is_sure_and_nothing_said_gets_out(
    role: str, monkeypatch: pytest.MonkeyPatch, logs: list[logging.LogRecord]
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    integrations = ["-openai", "-anthropic"]
    handle = llmtrace.init(tracer_provider=provider, exporters="none", integrations=integrations)
    patcher = Patcher([broken(role)])
    if role == "policy":
        monkeypatch.setattr(Policy, "apply", planted)
    error = ValueError("canary: what the provider repeated")
    assert seen(error, lambda: Client(error).request("canary: what was asked"))[0]
    handle.flush()
    (span,) = exporter.get_finished_spans()
    patcher.take_off()
    handle.shutdown()
    assert span.attributes["gen_ai.request.model"] == "m-1"
    assert span.attributes["error.type"] == "ValueError"
    assert span.status.status_code is StatusCode.ERROR
    assert "canary" not in span.to_json()
    assert "canary" not in "".join(logging.Formatter().format(record) for record in logs)


@pytest.mark.allows_log("Exception while exporting|kept from your app")
def test_an_exporter_and_a_processor_that_raise_are_not_heard_by_the_app() -> None:
    class Hostile(SpanExporter):
        export = shutdown = planted

    class Broken(Counting):
        on_end = on_start = planted

    class Apart(Counting):
        on_end = planted

    for processor in (Broken(), Apart()):
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        handle = llmtrace.init(tracer_provider=provider, exporters=Hostile(), integrations=["-openai", "-anthropic"])
        patcher = Patcher([INTEGRATION])
        try:
            for shape in (value, async_value, stream, async_stream, decorated, refused):
                shape()
            assert value() == "Hello"
            assert stream() == (CHUNKS, 1)
        finally:
            patcher.take_off()
            handle.flush()
            handle.shutdown()
