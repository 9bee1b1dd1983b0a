"""Spans that libraries make themselves, while they are open: whose they are, what was said there, what is inside."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span

from llmtrace.engine.context import call_in, current_scope
from llmtrace.facts.operation import Foreign, Integration, Listed
from llmtrace.facts.records import Record, Scope
from llmtrace.semconv import reading

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

Reader = Callable[[Foreign], "Record | None"]
Readers = dict[str, Reader]

MOST = 10_000
"""How many open spans are watched: an app may never end some."""

_EMPTY = Scope()


class Bearing(Protocol):
    """A call, as far as it matters here which of several bears the usage: `outer` is the one around it."""

    covered: bool

    @property
    def outer(self) -> Bearing | None:
        """The call that it was made in."""


def cover(call: Bearing | None) -> None:
    """Tells a call, and those around it, that another one further in is the physical one, which bears the usage."""
    while call is not None:
        call.covered = True
        call = call.outer


class Guest:
    """A span of a library's own: `covered` says that a call inside of it is the one that bears the usage."""

    __slots__ = ("_around", "_call", "_conversation_id", "_span", "covered", "pid", "reader", "scope")

    def __init__(
        self, reader: Reader, span: Any, scope: Scope = _EMPTY, around: Guest | None = None, call: Bearing | None = None
    ) -> None:
        self.reader = reader
        self.scope = scope
        self.covered = False
        self.pid = os.getpid()
        self._conversation_id: str | None = None
        self._span = weakref.ref(span)
        self._around = around
        self._call = call

    @property
    def conversation_id(self) -> str | None:
        """The conversation that the app, the library, or what is around the span says it is in."""
        if self._conversation_id is None:
            span = self._span()
            own = None if span is None else reading.conversation_id(span.attributes or {})
            around = None if self._around is None else self._around.conversation_id
            self._conversation_id = self.scope.conversation_id or own or around
        return self._conversation_id

    def cover(self) -> None:
        """A call that bears usage was made in it."""
        self.covered = True
        self.cover_outer()

    def cover_outer(self) -> None:
        """Tells all that are around it that the call in here is the physical one."""
        if self._around is not None:
            self._around.cover()
        cover(self._call)


class Guests:
    """Those that are open, by the ids of their spans and of all spans inside. It takes no lock.

    `readers` are by instrumentation scope; they grow as libraries are imported.
    """

    def __init__(self) -> None:
        self.readers: Readers = {}
        self._open: dict[int, Guest] = {}

    def began(self, span: Span, context: Context | None) -> None:
        """A span began, of whatever scope."""
        if not self.readers:
            return
        parent, reader = span.parent, self._reader(span)
        around = None if parent is None else self._open.get(parent.span_id)
        if reader is not None:
            context = get_current() if context is None else context
            around = Guest(reader, span, current_scope(context), around, cast("Bearing | None", call_in(context)))
        if around is not None and len(self._open) < MOST:
            self._open[span.get_span_context().span_id] = around

    def ended(self, span: ReadableSpan) -> Guest | None:
        """The guest whose span ended; None for any other span."""
        context = span.get_span_context()
        known = None if context is None else self._open.pop(context.span_id, None)
        reader = self._reader(span)
        if reader is None:
            return None
        return known or Guest(reader, span)  # it began before tracing did

    def received(self, scope: Scope, context: Context, *, bears_usage: bool) -> Scope:
        """A call begins in this context; gives what holds for it: the conversation too that a library says it is in."""
        around = self._open.get(get_current_span(context).get_span_context().span_id) if self._open else None
        if around is None:
            return scope
        if bears_usage:
            around.cover()
        known = scope.conversation_id or around.conversation_id
        return scope if known is None else replace(scope, conversation_id=known)

    def _reader(self, span: Any) -> Reader | None:
        scope = span.instrumentation_scope
        return None if scope is None else self.readers.get(scope.name)


class Native:
    """An integration whose library's own spans are kept in place of ours, as they are but for what must not leave."""

    def __init__(self, listed: Listed) -> None:
        self.name = listed.name
        self.modules = listed.modules
        self._listed = listed

    def load(self) -> Integration:
        """The integration without its points."""
        integration = self._listed.load()
        return replace(integration, points={}, spans=dict.fromkeys(integration.spans, _as_it_is))


def _as_it_is(_: Foreign) -> None:
    return None
