"""How an integration tells the engine where to listen and what it hears: tables of points, and pure functions.

The engine patches each point of an `Integration` when its library is imported. A point has one of five roles:

- `Begin`: the function is a call. `start` looks at its arguments and says what begins, or None to let it pass.
- `Sent`: inside a call, the function has made a request; `read` gives the engine what was sent.
- `Answered`: inside a call, the function is handed the library's answer; `read` gives the engine what came back.
- `Silenced`: inside a call, the function is the library's own tracing; it is not run and `value` is returned.
- `Wrapped`: the function is no call, but something has to be done around it; `make` makes what stands in for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from llmtrace.facts.records import Record


@dataclass(slots=True)
class Received:
    """What a library was answered. `body` is None while the answer is still to be read from `tap`.

    `tap` is an object and the name of its attribute that holds the inner iterator: the engine puts its ear there.
    """

    status: int | None = None
    content_type: str = ""
    content_encoding: str = ""
    request_id: str | None = None
    body: Any = None
    tap: tuple[Any, str] | None = None


@dataclass(slots=True)
class Evidence:
    """All that was seen of one call, as references: an operation's `read` turns it into facts on the worker.

    `request` is what the call sent (the last attempt) or its arguments' snapshot; `chunks` is what the ear heard, in
    order, and `gap` the index at which chunks were left out to bound memory (None when all are there).
    `notes` is what the app said of the call while it ran, by the name of a record's field.
    `response` is what came back; for a call without `Answered` points, `Received.body` is the function's own result.
    """

    start: Start
    request: Any
    response: Received | None = None
    chunks: list[Any] = field(default_factory=list)
    gap: int | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of call: its name in the conventions, what it is billed for, and how its facts are read.

    `read` is pure, runs off the caller's thread and may be handed anything a hostile server sent; `bears_usage` is
    that of the record it gives. `kind` is the span's kind: `client` for a remote call, `internal` for one in-process.
    A `step` is a part of the app's own chain: what runs inside it is told the path that leads there.
    """

    name: str
    read: Callable[[Evidence], Record]
    bears_usage: bool = False
    kind: str = "client"
    step: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """What is known when a call begins; samplers see it. `target` completes the span's name (the model, tool or step).

    `capture` is `none` where this call's content is not to be recorded, whatever is for others.

    `request` is the material for `Operation.read`: the engine snapshots it at once, and the function's result when it
    comes. With `wire`, `Sent` and `Answered` points see both sides instead, and `request` is what a call that never got
    so far is read from.
    """

    operation: Operation
    provider: str | None = None
    model: str | None = None
    address: str | None = None
    port: int | None = None
    conversation_id: str | None = None
    target: str | None = None
    capture: str | None = None
    request: Any = None
    wire: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """The function is a call. `start` gets its positional and keyword arguments, the instance first.

    `failed` reads what came back out of the exception of a call that failed, or gives None. `result` makes what is
    recorded of the function's result, where that is not the result itself.
    """

    start: Callable[[tuple[Any, ...], Mapping[str, Any]], Start | None]
    failed: Callable[[BaseException], Received | None] = lambda _: None
    result: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Called once for each attempt of the enclosing call: `read` gets the function's result."""

    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """`read` gets the function's arguments before it runs, so that a body can be listened to from its first byte."""

    read: Callable[[tuple[Any, ...], Mapping[str, Any]], Received | None]


@dataclass(frozen=True, slots=True)
class Silenced:
    """The library's own span for what the enclosing call records already; `value` is its way to say "no span"."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Wrapped:
    """`make` gets the function and makes what stands in for it, which must never fail by itself."""

    make: Callable[[Callable[..., Any]], Callable[..., Any]]


Point: TypeAlias = Begin | Sent | Answered | Silenced | Wrapped


@dataclass(frozen=True, slots=True)
class Integration:
    """One library: what it is called, which versions are supported, and its patch points.

    `requires` is a requirement as pip writes it (`openai>=1.40`). A key of `points` is `module:Class.attribute` or
    `module:function`; a point is patched when its module is imported, never before. `optional` names the points that
    only some of the supported versions have.
    """

    name: str
    requires: str
    points: Mapping[str, Point]
    optional: frozenset[str] = frozenset()
