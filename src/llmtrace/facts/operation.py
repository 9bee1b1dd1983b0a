"""How an integration tells the engine where to listen and what it hears: tables of points, and pure functions.

The engine patches each point of an `Integration` when its library is imported. A point has one of these roles:

- `Begin`: the function is a call. `start` looks at its arguments and says what begins, or None to let it pass.
- `Sent`: inside a call, the function has made a request; `read` gives the engine what was sent.
- `Sending`: inside a call, the function makes a request; `read` gives the engine what is about to be sent.
- `Answered`: inside a call, the function is handed the library's answer; `read` gives the engine what came back.
- `Silenced`: the function is the library's own tracing; inside a call, it is not run and `value` is returned.
- `Wrapped`: the function is no call, but something has to be done around it; `make` makes what stands in for it.
- `Hooked`: the library tells of its runs itself, through a hook that is put on there; each run is a call.
- `Homed`: a function inside of which runs begin and end; what is current in it never is at its caller's.

A `Begin` that sends a request may besides say how the trace travels on in it (`Carrying`), to a host that is allowed.
Besides, libraries that make spans of their own are read by `Integration.spans`: span → facts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from llmtrace.facts.records import McpRequest, Record, Store

REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid")
"""The headers in which providers name a request."""


@dataclass(slots=True)
class Received:
    """What a library was answered. `body` is None while the answer is still to be read from `tap`.

    `tap` is an object and the name of its attribute that holds the inner iterator, or what is read from as from a file:
    the engine puts its ear there. `headers` are those that the operation reads facts from, by name in lower case.
    `excused` is for one that was read out of an exception: to raise it was the answer, and no failure of this call.
    """

    status: int | None = None
    content_type: str = ""
    content_encoding: str = ""
    request_id: str | None = None
    body: Any = None
    tap: tuple[Any, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    excused: bool = False
    head: Any = None

    def settle(self) -> None:
        """Reads the headers in `head`, whose `get` knows them by name: off the caller's thread, as it takes time."""
        if self.head is not None:
            get, self.head = self.head.get, None
            self.content_type = get("content-type") or ""
            self.content_encoding = get("content-encoding") or ""
            self.request_id = next(filter(None, map(get, REQUEST_IDS)), None)


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
    that of the record it gives. `kind` is the span's kind: `client` for a remote call, `server` for one that was
    served, `internal` for one in-process.
    A `step` is a part of the app's own chain: what runs inside it is told the path that leads there.
    `inside` is the operation in its place within a call of the same name: a store's answer to a framework's retriever
    is a request to a database, and not the same retrieval again.
    """

    name: str
    read: Callable[[Evidence], Record]
    bears_usage: bool = False
    kind: str = "client"
    step: bool = False
    inside: Operation | None = None


@dataclass(slots=True)
class Start:
    """What is known when a call begins; samplers see it. `target` completes the span's name (the model, tool or step).

    Nobody changes one that is made: that it is not frozen is for the time which that would take every call.

    `capture` is `none` where this call's content is not to be recorded, whatever is for others. `store` is the store
    that is asked; what its client calls of itself meanwhile is part of the call. `mcp` is the request of the Model
    Context Protocol that is made or served.

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
    store: Store | None = None
    mcp: McpRequest | None = None
    request: Any = None
    wire: bool = False


@dataclass(frozen=True, slots=True)
class Carrying:
    """How the trace of a call travels on in what the call sends.

    `host` says where the arguments go: a host's name; `""` for another process of this machine, to which a trace may
    always travel; None where that is not known, and then it never does. `put` gives the arguments with the headers in
    them, as copies: the app's own objects stay as they are. It gives None where there is no place for headers.
    """

    host: Callable[[tuple[Any, ...], Mapping[str, Any]], str | None]
    put: Callable[
        [tuple[Any, ...], Mapping[str, Any], Mapping[str, str]], tuple[tuple[Any, ...], Mapping[str, Any]] | None
    ]


@dataclass(frozen=True, slots=True)
class Begin:
    """The function is a call. `start` gets its positional and keyword arguments, the instance first.

    `failed` reads what came back out of the exception of a call that failed, or gives None. `result` makes what is
    recorded of the function's result, where that is not the result itself. `carrying` says how this call's trace is put
    into what it sends; `carrier` gives the headers that a served request came with: its caller's trace goes on here.
    With `backstop`, the function is a transport that other calls of ours go through: it begins a call only where none
    is under way that sees the wire itself. With `deferred`, it is a coroutine function that gives an async generator,
    and that is the call, from the first value that is asked of it.
    """

    start: Callable[[tuple[Any, ...], Mapping[str, Any]], Start | None]
    failed: Callable[[BaseException], Received | None] = lambda _: None
    result: Callable[[Any], Any] | None = None
    carrying: Carrying | None = None
    carrier: Callable[[tuple[Any, ...], Mapping[str, Any]], Mapping[str, str]] | None = None
    backstop: bool = False
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """Called once for each attempt of the enclosing call: `read` gets the function's result."""

    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Sending:
    """Called once for each attempt of the enclosing call, which it makes itself: `read` gets its arguments before it.

    None stands for what the call's `Start.request` says, and `NOT_OURS` for a request that is another's.
    """

    read: Callable[[tuple[Any, ...], Mapping[str, Any]], Any]


NOT_OURS = object()
"""What is sent while a call is made and is no attempt of it: a client may fetch its credentials first."""


@dataclass(frozen=True, slots=True)
class Answered:
    """`read` gets the function's arguments before it runs, so that a body can be listened to from its first byte."""

    read: Callable[[tuple[Any, ...], Mapping[str, Any]], Received | None]


@dataclass(frozen=True, slots=True)
class Silenced:
    """The library's own span for what the enclosing call records already; `value` is its way to say "no span".

    With `always`, it is silent outside of calls, too, as long as tracing is on.
    """

    value: Any = None
    always: bool = False


@dataclass(frozen=True, slots=True)
class Wrapped:
    """`make` gets the function and makes what stands in for it, which must never fail by itself."""

    make: Callable[[Callable[..., Any]], Callable[..., Any]]


class Runs(Protocol):
    """Calls that a library's own hook tells of. A run is named by the library's own key for it.

    Between `begun` and `ended` or `failed` the run is current where the hook was called, for what the library calls
    there. A key that nobody began is passed over, so a run that started before tracing did is no fault.
    """

    @property
    def tracer_provider(self) -> Any:
        """Where a library that makes its own spans is to make them."""

    @property
    def meter_provider(self) -> Any:
        """Where a library that counts by itself is to count: it counts what is counted here, too."""

    @property
    def content(self) -> bool:
        """Whether content is recorded at all; the policy still applies to what is."""

    def begun(self, key: Hashable, start: Start | None, parent: Hashable | None = None) -> None:
        """A run began, inside the run `parent` if that is known, else where it was called.

        Without a `start` it is not shown: what it does is its parent's.
        """

    def heard(self, key: Hashable, chunk: Any) -> None:
        """A chunk of the run's answer came by."""

    def ended(self, key: Hashable, result: Any = None) -> None:
        """The run is over; `result` is snapshotted like a function's."""

    def failed(self, key: Hashable, error: BaseException, result: Any = None) -> None:
        """The run is over, raised out of; `result` is as much as there was by then."""


@dataclass(frozen=True, slots=True)
class Hooked:
    """`put_on` gets what was found at the point's place, and gives what takes the hook off again."""

    put_on: Callable[[Any, Runs], Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Homed:
    """Runs begin and end inside of the function: what they make current is not so at its caller's.

    That holds between the steps of a generator, too, whoever asks for them. A run that began directly inside ends with
    a function that is raised out of, where the library does not end it itself.
    """


Around: TypeAlias = Begin | Sent | Sending | Answered | Silenced | Wrapped | Homed
"""What is done around a function."""

Point: TypeAlias = Around | Hooked


@dataclass(frozen=True, slots=True)
class Foreign:
    """A finished span that a library made itself, as its reader sees it; `events` are names with attributes.

    `record` is what the conventions' own attributes say, None where they name no operation: often all that is left to
    do is to correct it. What a reader takes out of `attributes` does not stay on the span beside the record.
    """

    scope: str
    name: str
    attributes: dict[str, Any]
    events: Sequence[tuple[str, Mapping[str, Any]]] = ()
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Integration:
    """One library: what it is called, which versions are supported, and its patch points.

    `requires` is a requirement as pip writes it (`openai>=1.40`). A key of `points` is `module:Class.attribute` or
    `module:function`; a point is patched when its module is imported, never before. `optional` names the points that
    only some of the supported versions have. A key of `spans` is an instrumentation scope of the library's own: each
    span of it is described anew by the facts that are read from it, and stays as it is where the reader gives None.

    For those who ask what they get: `captures` says in a few words each what is traced, and `verified` what that was
    compared with (recorded answers, an embedded store, a scripted server).
    """

    name: str
    requires: str
    points: Mapping[str, Point]
    optional: frozenset[str] = frozenset()
    spans: Mapping[str, Callable[[Foreign], Record | None]] = field(default_factory=dict)
    captures: tuple[str, ...] = ()
    verified: tuple[str, ...] = ()

    @property
    def distribution(self) -> str:
        """The name under which the library is installed."""
        return re.split(r"[^\w.-]", self.requires, maxsplit=1)[0]

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules in which its points are, each once."""
        return tuple(dict.fromkeys(target.partition(":")[0] for target in self.points))

    def load(self) -> Integration:
        """Itself: it is loaded."""
        return self


class Listed(Protocol):
    """An integration that need not be loaded before one of the library's `modules` is imported."""

    @property
    def name(self) -> str:
        """The name that settings know it by."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The library's modules that are listened to."""

    def load(self) -> Integration:
        """The integration itself."""
