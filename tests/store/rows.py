"""Spans to put into a store."""

import itertools

from llmtrace.store import SpanRow

_numbers = itertools.count(1)


def trace_id(number):
    return f"{number:032x}"


def span(trace=1, **fields):
    """A finished span of that trace, unless the fields say otherwise."""
    number = next(_numbers)
    known = {
        "trace_id": trace_id(trace),
        "span_id": f"{number:016x}",
        "name": f"span {number}",
        "started": number,
        "ended": number + 1,
    }
    return SpanRow(**{**known, **fields})
