"""Makes up bodies of generators, and drives them: the same source once decorated and once not, the same way."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import strategies as st
from opentelemetry import trace

import llmtrace

THINGS = [object(), None, (1, 2), ["a list"], "text"]
"""What is yielded and sent; which of them it was is told by identity."""
ERRORS = {kind.__name__: kind for kind in (ValueError, KeyError, GeneratorExit, StopIteration, StopAsyncIteration)}
VARIABLE: contextvars.ContextVar[int] = contextvars.ContextVar("test-variable")


@llmtrace.step
def child() -> None:
    """A step below."""


def block(lines: list[str]) -> str:
    return textwrap.indent("\n".join(lines) or "pass", "    ")


def attempt(parts: tuple[list[str], str, list[str], list[str]]) -> str:
    body, caught, handler, final = parts
    return f"try:\n{block(body)}\nexcept {caught}:\n{block(handler)}\nfinally:\n{block(final)}"


def yielding(number: int) -> str:
    return f"note('got', (yield THINGS[{number}]))"


SIMPLE = st.one_of(
    st.integers(0, len(THINGS) - 1).map(yielding),
    st.integers(0, len(THINGS) - 1).map(yielding),
    st.sampled_from(["raise ValueError('raised')", "raise StopIteration('raised')", "raise KeyError from OSError()"]),
    st.just("RETURN"),
    st.just("child()"),
    st.just("note('current', current())"),
    st.just("PAUSE"),
)
VARIABLES = st.one_of(
    st.integers(0, 3).map(lambda number: f"VARIABLE.set({number})"), st.just("note('variable', VARIABLE.get('unset'))")
)


class Held:
    """Sets the variable for a block, by a token."""

    def __enter__(self) -> None:
        self.token = VARIABLE.set(99)

    def __exit__(self, *_: object) -> None:
        VARIABLE.reset(self.token)


def holding(body: list[str]) -> str:
    return f"with Held():\n{block(body)}"


def bodies(*, variables: bool) -> st.SearchStrategy[str]:
    """Sources of bodies that yield, catch, re-raise, return, call a step, and make something current across yields."""

    def deeper(line: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        lines = st.lists(line, min_size=1, max_size=4)
        return st.one_of(
            st.tuples(
                lines,
                st.sampled_from(["ValueError", "GeneratorExit", "BaseException", "(KeyError, RuntimeError)"]),
                st.one_of(lines, st.just(["raise"]), st.just(["pass"])),
                st.one_of(st.just(["pass"]), lines),
            ).map(attempt),
            lines.map(lambda body: f"with span('inner'):\n{block(body)}"),
            lines.map(lambda body: f"with conversation('inner'):\n{block(body)}"),
            *([lines.map(holding)] if variables else []),
        )

    simple = st.one_of(SIMPLE, VARIABLES) if variables else SIMPLE
    return st.lists(st.recursive(simple, deeper, max_leaves=8), min_size=1, max_size=5).map("\n".join)


def moves(*, variables: bool) -> st.SearchStrategy[list[tuple[str, Any]]]:
    """What a consumer does with a generator, one after the other."""
    ask = st.one_of(
        st.just(("next", None)),
        st.just(("next", None)),
        st.tuples(st.just("send"), st.integers(0, len(THINGS) - 1)),
        st.tuples(st.just("throw"), st.sampled_from(sorted(ERRORS))),
        st.just(("close", None)),
    )
    var = st.one_of(st.tuples(st.just("set"), st.integers(4, 6)), st.tuples(st.just("around"), st.integers(7, 9)))
    return st.lists(st.one_of(ask, ask, var) if variables else ask, min_size=1, max_size=8)


def made(source: str, notes: list[Any], *, asynchronous: bool) -> Callable[[], Any]:
    """A generator function with the body."""
    body = source.replace("RETURN", "return" if asynchronous else "return THINGS[0]")
    body = body.replace("PAUSE", "await sleep(0)" if asynchronous else "pass")
    head = f"{'async ' if asynchronous else ''}def generator():\n    if False: yield\n    note('began')\n"
    names: dict[str, Any] = {
        "THINGS": THINGS,
        "VARIABLE": VARIABLE,
        "Held": Held,
        "note": lambda *said: notes.append((said[0], *(which(one) for one in said[1:]))),
        "child": child,
        "span": trace.get_tracer(__name__).start_as_current_span,
        "conversation": llmtrace.conversation,
        "current": lambda: type(trace.get_current_span()).__name__ and current_name(),
        "sleep": asyncio.sleep,
    }
    exec(head + textwrap.indent(body, "    "), names)
    function: Callable[[], Any] = names["generator"]
    return function


def current_name() -> str:
    return str(getattr(trace.get_current_span(), "name", None) == "inner")


def which(thing: Any) -> Any:
    """A thing by its identity, an exception by its kind and words and those it came from."""
    if isinstance(thing, BaseException):
        said = (type(thing), str(thing), which(thing.__cause__), thing.__suppress_context__)
        return (*said, which(thing.__context__) if thing.__context__ is not thing.__cause__ else None)
    return next((f"thing {number}" for number, one in enumerate(THINGS) if one is thing), thing)


def ended(error: BaseException) -> Any:
    return ("stop", which(error.value)) if isinstance(error, StopIteration) else which(error)


def driven(generator: Any, asked: list[tuple[str, Any]], run: Callable[..., Any]) -> list[Any]:
    """What came of each move, the last of which are to close it for good. `run` runs a function."""
    seen = []
    for verb, value in [*asked, *[("close", None)] * 12]:
        try:
            got = move(generator, verb, value, run)
        except BaseException as error:  # noqa: BLE001 - what comes is what is compared
            got = ended(error)
        seen.append((verb, which(got), VARIABLE.get("unset"), inspect.getgeneratorstate(generator)))
    return seen


def move(generator: Any, verb: str, value: Any, run: Callable[..., Any]) -> Any:
    if verb == "set":
        return VARIABLE.set(value) and None
    if verb == "around":
        token = VARIABLE.set(value)
        try:
            return run(next, generator)
        finally:
            VARIABLE.reset(token)
    if verb == "next":
        return run(next, generator)
    if verb == "send":
        return run(generator.send, THINGS[value])
    if verb == "throw":
        return run(generator.throw, ERRORS[value]("thrown"))
    return run(generator.close)


async def adriven(generator: Any, asked: list[tuple[str, Any]], run: Callable[[Any], Any]) -> list[Any]:
    """As `driven`; `run` awaits an awaitable."""
    seen = []
    for verb, value in [*asked, *[("close", None)] * 12]:
        try:
            got = await amove(generator, verb, value, run)
        except BaseException as error:  # noqa: BLE001 - what comes is what is compared
            got = which(error)
        seen.append((verb, which(got), VARIABLE.get("unset")))
    return seen


async def amove(generator: Any, verb: str, value: Any, run: Callable[[Any], Any]) -> Any:
    if verb == "set":
        return VARIABLE.set(value) and None
    if verb == "around":
        token = VARIABLE.set(value)
        try:
            return await run(generator.__anext__())
        finally:
            VARIABLE.reset(token)
    if verb == "next":
        return await run(generator.__anext__())
    if verb == "send":
        return await run(generator.asend(THINGS[value]))
    if verb == "throw":
        return await run(generator.athrow(ERRORS[value]("thrown")))
    return await run(generator.aclose())


def here(function: Callable[..., Any], *args: Any) -> Any:
    """Runs it in this thread and this context."""
    return function(*args)


def hopping(pool: ThreadPoolExecutor) -> Callable[..., Any]:
    """Runs each step in a thread and with a copy of the context, as servers iterate a response's body."""

    def run(function: Callable[..., Any], *args: Any) -> Any:
        context = contextvars.copy_context()
        # A thread that ends by StopIteration cannot say so: a future would take it for its own.
        kind, result = pool.submit(context.run, outcome, function, *args).result()
        if kind is None:
            return result
        raise result

    return run


def outcome(function: Callable[..., Any], *args: Any) -> tuple[Any, Any]:
    try:
        return None, function(*args)
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
        return type(error), error


async def intask(awaitable: Any) -> Any:
    """Awaits it in a task of its own, as `asyncio.wait_for` did up to Python 3.11."""

    async def ask() -> tuple[Any, Any]:
        try:
            return None, await awaitable
        except BaseException as error:  # noqa: BLE001 - raised again in the task that asked
            return type(error), error

    kind, result = await asyncio.create_task(ask())
    if kind is None:
        return result
    raise result


async def inline(awaitable: Any) -> Any:
    """Awaits it in this task."""
    return await awaitable
