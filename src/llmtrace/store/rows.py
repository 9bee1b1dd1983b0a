"""The records that go into the store and come out of it: a span, what hangs on it, and what is asked of many."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = str | bool | int | float | list["Value"] | dict[str, "Value"] | None
"""What an attribute can hold: whatever JSON can say."""

Attributes: TypeAlias = dict[str, Value]


@dataclass(slots=True)
class EventRow:
    """Something that happened at one moment inside a span; `time` is nanoseconds since the epoch."""

    name: str
    time: int
    attributes: Attributes = field(default_factory=dict)


@dataclass(slots=True)
class LinkRow:
    """A span of another trace that this one has to do with."""

    trace_id: str
    span_id: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(slots=True)
class Origin:
    """Where spans came from: the process (a resource's attributes) and the instrumentation that made them."""

    resource: Attributes = field(default_factory=dict)
    scope: str = ""
    scope_version: str | None = None


@dataclass(slots=True, kw_only=True)
class SpanRow:
    """One span. Ids are lower-case hex, times nanoseconds since the epoch; `ended` is None while it is still open.

    `attributes` holds all of them; the fields from `operation` to `tags` repeat what a listing shows or filters by.
    `kind` is `internal`, `client`, `server`, `producer` or `consumer`; `status` is `unset`, `ok` or `error`. `running`
    is known when a span is read: whether the process that has it open was heard of just now.
    """

    trace_id: str
    span_id: str
    parent_id: str | None = None
    name: str
    kind: str = "internal"
    started: int
    ended: int | None = None
    status: str = "unset"
    status_message: str | None = None
    operation: str | None = None
    provider: str | None = None
    model: str | None = None
    conversation_id: str | None = None
    user_id: str | None = None
    error_type: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost: float | None = None
    currency: str | None = None
    tags: tuple[str, ...] = ()
    attributes: Attributes = field(default_factory=dict)
    events: list[EventRow] = field(default_factory=list)
    links: list[LinkRow] = field(default_factory=list)
    origin: Origin = field(default_factory=Origin)
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What somebody thought of a trace, or (with `span_id`) of one call in it; `at` is nanoseconds since the epoch."""

    trace_id: str
    span_id: str | None = None
    name: str
    value: float | None = None
    label: str | None = None
    comment: str | None = None
    user: str | None = None
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which traces are wanted: those in which each given condition holds for some span.

    `model` may hold the wildcards `*` and `?`; `text` is looked for in names, attributes and content, whatever the case
    of its ASCII letters. `attributes` are pairs of a key and its value as text. Two conditions are the whole trace's:
    its calls cost `min_cost` together, and it took `min_duration` seconds, or has gone on for so long.
    """

    conversation: str | None = None
    user: str | None = None
    model: str | None = None
    text: str | None = None
    errors: bool = False
    tags: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    min_cost: float | None = None
    min_duration: float | None = None


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace of a listing. `ended` is that of the span that ended last, None when none has."""

    trace_id: str
    started: int
    ended: int | None
    span_count: int
    error_count: int


@dataclass(frozen=True, slots=True)
class Found:
    """What an id's first digits stand for: a trace, or (with `span_id`) one span of it."""

    trace_id: str
    span_id: str | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that were too big or too binary for an attribute."""

    mime_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is removed with a user or a conversation; `shared` are the traces that others had a part in as well."""

    traces: int
    spans: int
    scores: int
    shared: int


@dataclass(frozen=True, slots=True)
class Stats:
    """How much the store holds; `bytes` is what its files take on disk, `oldest` and `newest` are when traces began."""

    path: Path
    schema: int
    bytes: int
    traces: int
    spans: int
    oldest: int | None
    newest: int | None
