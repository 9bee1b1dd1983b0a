"""Lets a trace travel: into what a call sends, where the host may know of it, and on from what a request brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from llmtrace.facts.operation import Carrying

_TRACE = TraceContextTextMapPropagator()
"""The trace alone: what the app says of it, as baggage would carry it, is for the app to send."""


_LONGEST = 8192
"""Characters of a header from a stranger that are looked at."""


def allowed(host: str | None, hosts: Sequence[str]) -> bool:
    """Whether a trace may travel to the host; `hosts` are the names that the app allows.

    Another process of this machine, spoken to through a pipe, has no name and may always know. One that is not known
    never may.
    """
    if not host:
        return host is not None
    name = host.lower().strip("[].")
    return any(name.endswith(each[1:]) if each.startswith("*.") else name == each for each in hosts)


def carried(
    carrying: Carrying,
    hosts: Sequence[str],
    context: Context,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments of a call with the trace of its context in them, where that may travel; else as they are."""
    if not allowed(carrying.host(args, kwargs), hosts):
        return args, kwargs
    headers: dict[str, str] = {}
    _TRACE.inject(headers, context)
    return (headers and carrying.put(args, kwargs, headers)) or (args, kwargs)


def joined(
    context: Context, links: Sequence[Link], headers: Mapping[str, str] | None
) -> tuple[Context, Sequence[Link]]:
    """The context in which a request is served that came with these headers, and links to what else it belongs to.

    Its sender is the parent. What is current here, such as the span of the HTTP request that brought it, is linked.
    Without a sender, all stays as it was.
    """
    if not headers:
        return context, links
    told = {name: value for name in _TRACE.fields if type(value := headers.get(name)) is str and len(value) <= _LONGEST}
    sender = get_current_span(_TRACE.extract(told, Context())).get_span_context()
    here = get_current_span(context).get_span_context()
    if not sender.is_valid or sender.span_id == here.span_id:
        return context, links
    return set_span_in_context(NonRecordingSpan(sender), context), [Link(here)] if here.is_valid else ()
