"""Tools that nobody traced: known by what a model asked for in one call, and what it was told in a later one.

It all happens where calls are settled; the app's own threads have no part in it. What was asked for is kept until the
answer comes, an hour passes, or it gets too much. A tool that was seen to run is never inferred.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmtrace.facts.records import (
    Course,
    Failure,
    Inference,
    McpCall,
    Message,
    Record,
    Scope,
    ToolCall,
    ToolCallPart,
    ToolResponsePart,
)
from llmtrace.facts.shape import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.trace import SpanContext

MOST = 1000
"""How many tools may be waited for, and of how many it is remembered that they are done, or were seen to run."""

MOST_BYTES = 8 * 2**20
"""How much the arguments may take of the tools that are waited for."""

OLDEST = 3600 * 10**9
"""Nanoseconds after which nobody waits for an answer any more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a call was: its span and the one around it, and what the app said there. `secret` forbids its content."""

    span: SpanContext
    parent: SpanContext | None
    scope: Scope
    secret: bool


def seen(span: Any, scope: Scope, *, secret: bool) -> Seen | None:
    """Where the call of that span was; None where the span is not sampled, as then nothing beside it is."""
    context = span.get_span_context()
    return Seen(context, getattr(span, "parent", None), scope, secret) if context.trace_flags.sampled else None


@dataclass(frozen=True, slots=True)
class Inferred:
    """A tool that must have run: its facts, its times, the span that it is to be below, and what the app said there."""

    record: ToolCall
    course: Course
    around: SpanContext
    scope: Scope
    secret: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    part: ToolCallPart
    where: Seen
    conversation_id: str | None
    started: int
    ended: int
    size: int


@dataclass(frozen=True, slots=True)
class _Ran:
    name: str
    where: Seen
    started: int


class Tools:
    """What models asked for, what was seen to run, and what is inferred of the rest."""

    def __init__(self) -> None:
        self._asked: dict[str, list[_Asked]] = {}
        self._size = 0
        self._done: dict[str, None] = {}
        self._ran: deque[_Ran] = deque(maxlen=MOST)

    def saw(self, record: Record, course: Course, where: Seen) -> list[Inferred]:
        """What is inferred from a call that is being settled, of whose content nothing is taken away yet."""
        found: list[Inferred] = []
        if isinstance(record, ToolCall):
            self._ran.append(_Ran(record.name, where, course.started))
            if record.call_id is not None:
                self._finished(record.call_id)
        elif isinstance(record, McpCall):
            self._ran.append(_Ran(record.mcp.tool_name or "", where, course.started))
        elif isinstance(record, Inference):
            for key, answer in _answers(record.input_messages):
                asked = self._taken(key, where, record.conversation_id)
                if asked is not None and not self._seen_to_run(asked, course):
                    found.append(_inferred(asked, answer, course, where))
            for part in _parts(record.output_messages):
                if isinstance(part, ToolCallPart):
                    self._ask(part, record, course, where)
        return found

    def _ask(self, part: ToolCallPart, record: Record, course: Course, where: Seen) -> None:
        key = _key(part)
        if key in self._done:
            return
        kept = ToolCallPart(part.name, part.id) if where.secret else part
        asked = _Asked(kept, where, record.conversation_id, course.started, course.ended, len(key) + _size(kept))
        same = self._asked.setdefault(key, [])
        # A framework's span around the same call says the same again: the tool belongs beside the outer one.
        inner = [each for each in same if each.where.parent is not None and each.where.parent == where.span]
        for each in inner:
            same.remove(each)
            self._size -= each.size
        if part.id is not None and same:
            return
        same.append(asked)
        self._size += asked.size
        self._forget(course.ended - OLDEST)

    def _forget(self, before: int) -> None:
        """Lets go of the oldest, where there are too many or they are too old."""
        with suppress(RuntimeError, StopIteration):  # another thread may be at it, or nothing is left
            while len(self._asked) > MOST or self._size > MOST_BYTES or self._oldest().ended < before:
                for each in self._asked.pop(next(iter(self._asked)), ()):
                    self._size -= each.size

    def _oldest(self) -> _Asked:
        return next(iter(next(iter(self._asked.values()))))

    def _taken(self, key: str, where: Seen, conversation_id: str | None) -> _Asked | None:
        """The one that was asked for and is answered here, which from now on is done."""
        same = self._asked.get(key)
        if not same:
            return None
        found = (
            [each for each in same if each.where.span.trace_id == where.span.trace_id]
            or [each for each in same if conversation_id and each.conversation_id == conversation_id]
            or same
        )
        if len(found) > 1:  # calls without an id that cannot be told apart
            return None
        (only,) = found
        same.remove(only)
        self._size -= only.size
        if not same:
            self._asked.pop(key, None)
        if only.part.id is not None:
            self._finished(key)
        return only

    def _finished(self, key: str) -> None:
        for each in self._asked.pop(key, ()):
            self._size -= each.size
        self._done[key] = None
        with suppress(RuntimeError, StopIteration):
            while len(self._done) > MOST:
                self._done.pop(next(iter(self._done)), None)

    def _seen_to_run(self, asked: _Asked, answered: Course) -> bool:
        """Whether a tool of that name ran meanwhile: in the same trace, or in none, as tools of a bare loop do."""
        return any(
            ran.name == asked.part.name
            and asked.started <= ran.started <= answered.started
            and (ran.where.span.trace_id == asked.where.span.trace_id or ran.where.parent is asked.where.parent is None)
            for ran in tuple(self._ran)
        )


def _answers(messages: Sequence[Message]) -> list[tuple[str, ToolResponsePart]]:
    """What each tool answered, by its call's key, the newest first.

    One without an id answers the first call before that waits: with Gemini, calls may have ids where answers have none.
    """
    found: list[tuple[str, ToolResponsePart]] = []
    waiting: OrderedDict[str | int, ToolCallPart] = OrderedDict()
    for place, part in enumerate(_parts(messages)):
        if isinstance(part, ToolCallPart):
            waiting[place if part.id is None else part.id] = part
        elif isinstance(part, ToolResponsePart):
            if part.id is not None:
                waiting.pop(part.id, None)
                found.append((part.id, part))
            elif waiting:
                found.append((_key(waiting.popitem(last=False)[1]), part))
    return found[::-1]


def _parts(messages: Sequence[Message]) -> Iterator[Any]:
    return (part for message in messages for part in message.parts)


def _key(part: ToolCallPart) -> str:
    """The call's id; where a provider gives none, what was asked for."""
    return f"{part.name} {json.dumps(part.arguments, sort_keys=True, default=str)}" if part.id is None else part.id


def _size(part: ToolCallPart) -> int:
    return len(part.arguments) if isinstance(part.arguments, str) else len(json.dumps(part.arguments, default=str))


def _inferred(asked: _Asked, answer: ToolResponsePart, answered: Course, where: Seen) -> Inferred:
    """From the end of the call that asked to the beginning of the one that brought the result."""
    record = ToolCall(
        name=asked.part.name,
        call_id=asked.part.id,
        arguments=asked.part.arguments,
        result=answer.response,
        conversation_id=asked.conversation_id,
        inferred=True,
    )
    course = Course(min(asked.ended, answered.started), answered.started)
    if isinstance(answer.response, dict) and answer.response.get("is_error") is True:
        course.outcome, course.failure = "failed", Failure("tool_error", text(answer.response.get("content")) or "")
    secret = asked.where.secret or where.secret
    return Inferred(record, course, asked.where.parent or asked.where.span, asked.where.scope, secret)
