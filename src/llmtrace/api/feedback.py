"""Attaches a score to a call that is long over, from wherever its handle came back."""

from __future__ import annotations

import re

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from llmtrace.engine.context import with_scope
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import opened
from llmtrace.facts.operation import Begin, Evidence, Operation, Start
from llmtrace.facts.records import Evaluation, Record, Scope

_HANDLE = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})")


_GUARD = Guard("feedback", tolerance=None)


def _read(evidence: Evidence) -> Record:
    told: Evaluation = evidence.request
    return told


_OPERATION = Operation("evaluate", _read, kind="internal")


def feedback(
    handle: str,
    name: str,
    value: float | bool | str,  # noqa: FBT001 - a yes or no is what is told
    *,
    comment: str | None = None,
    user: str | None = None,
) -> bool:
    """Attaches a score to the call that a handle names, hours later and from another process if need be.

    `handle` is what `llmtrace.current().handle` gave; `name` says what was judged (`thumbs`, `helpful`); `value` is a
    number, a yes or no, or a word such as `good`; `comment` says why. It goes to backends as a short span below the
    judged one, with the conventions' evaluation attributes and event, and to the local store as a score of the judged
    call: the same name, user and handle again replace it there. False where llmtrace is off. Raises ValueError for a
    handle that is none.
    """
    found = _HANDLE.fullmatch(handle)
    if found is None:
        raise ValueError(f"feedback: {handle[:80]!r} is no handle; llmtrace.current().handle gives one")
    flags = TraceFlags(TraceFlags.SAMPLED)
    judged = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=flags)
    told = Evaluation(operation=_OPERATION.name, name=name, explanation=comment)
    if isinstance(value, str):
        told.label = value
    else:
        told.value = float(value)
    context = with_scope(Scope(user_id=user), set_span_in_context(NonRecordingSpan(judged), Context()))
    point = Begin(lambda args, _: Start(_OPERATION, target=name, request=args[0], wire=True))
    call = opened(point, _GUARD, context, (told,), {})
    if call is None:
        return False
    with _GUARD:
        call.finish()
    return True
