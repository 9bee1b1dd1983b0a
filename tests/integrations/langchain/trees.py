"""Draws the spans of a test as an indented tree, so that a whole trace can be compared with the one it should be."""

from collections import defaultdict

from opentelemetry import trace


def drawn(tracing, *, by_name=False):
    """Each span below its parent, with what it says of how it ended and of its usage; in order of their beginning."""
    tracing.handle.flush()
    live = tracing.live
    assert live.begun == len(live.ended), "a span is still open"
    below = defaultdict(list)
    known = {span.context.span_id for span in live.ended}
    for span in live.ended:
        parent = span.parent.span_id if span.parent else None
        assert parent is None or parent in known, f"{span.name} is an orphan"
        assert parent is None or span.parent.trace_id == span.context.trace_id
        assert not span.links
        below[parent].append(span)

    def lines(parent, depth):
        order = (lambda span: span.name) if by_name else (lambda span: span.start_time)
        for span in sorted(below[parent], key=order):
            yield "  " * depth + _line(span)
            yield from lines(span.context.span_id, depth + 1)

    found = "\n".join(lines(None, 0))
    live.ended.clear()
    live.begun = 0
    return found


def _line(span):
    said = span.attributes
    kind = said.get("llmtrace.step.kind")
    usage = said.get("gen_ai.usage.input_tokens")
    marks = [
        f"({kind})" if kind else "",
        "+usage" if usage is not None else "",
        said.get("llmtrace.outcome", ""),
        "" if span.status.is_unset else "failed",
    ]
    return " ".join([span.name, *filter(None, marks)])


def outside():
    """Holds that no span is current here."""
    assert not trace.get_current_span().get_span_context().is_valid
