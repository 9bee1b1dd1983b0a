"""Traces a block into memory, apart from everything else, and reads its spans the way a test wants to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace import runtime
from llmtrace.facts.records import Json
from llmtrace.facts.wire import json_body
from llmtrace.runtime.provider import MAX_ATTRIBUTES


class Captured:
    """The spans of a `capture()` block, oldest first. Reading them waits for the calls that have finished."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    @property
    def spans(self) -> list[ReadableSpan]:
        """All spans that have ended, in the order they began."""
        runtime.flush()
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    @property
    def roots(self) -> list[ReadableSpan]:
        """The spans without a parent among them."""
        return _children(self.spans, None)

    def children(self, span: ReadableSpan) -> list[ReadableSpan]:
        """The spans directly below `span`."""
        return _children(self.spans, span)

    def all(self, name: str | None = None, **attributes: Json) -> list[ReadableSpan]:
        """The spans with this name and these attributes; in a keyword, `__` stands for the dot of a key."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        return [
            span
            for span in self.spans
            if name in (None, span.name) and all(decoded(span).get(key) == value for key, value in wanted.items())
        ]

    def one(self, name: str | None = None, **attributes: Json) -> ReadableSpan:
        """The one span that `all` finds. An AssertionError shows the whole tree when there are none or more."""
        found = self.all(name, **attributes)
        if len(found) != 1:
            asked = ", ".join([*([f"name={name!r}"] if name else []), *(f"{k}={v!r}" for k, v in attributes.items())])
            raise AssertionError(f"{len(found)} spans with {asked or 'any name'}, not one, in:\n{self.tree()}")
        return found[0]

    def tree(self, *keys: str) -> str:
        """The spans' names as an indented text, with their status if they failed, and with these attributes."""
        spans = self.spans
        return "\n".join(_lines(spans, None, keys, ""))

    def clear(self) -> None:
        """Forgets the spans so far."""
        runtime.flush()
        self._exporter.clear()


def decoded(span: ReadableSpan) -> dict[str, Json]:
    """The span's attributes, those that are JSON documents decoded."""
    return {key: _decoded(value) for key, value in (span.attributes or {}).items()}


def _decoded(value: Any) -> Json:
    if isinstance(value, str) and value[:1] in ("{", "["):
        document = json_body(value)
        return value if document is None else document
    return list(value) if isinstance(value, tuple) else value


def _children(spans: Sequence[ReadableSpan], parent: ReadableSpan | None) -> list[ReadableSpan]:
    """The spans below `parent`; those whose parent is not among `spans` for None."""
    if parent is not None:
        return [span for span in spans if span.parent is not None and span.parent.span_id == _id(parent)]
    known = {_id(span) for span in spans}
    return [span for span in spans if span.parent is None or span.parent.span_id not in known]


def _id(span: ReadableSpan) -> int:
    context = span.get_span_context()
    return 0 if context is None else context.span_id


def _lines(
    spans: Sequence[ReadableSpan], parent: ReadableSpan | None, keys: Sequence[str], indent: str
) -> Iterator[str]:
    for span in _children(spans, parent):
        attributes = decoded(span)
        shown = [f"{key}={json.dumps(attributes[key], ensure_ascii=False)}" for key in keys if key in attributes]
        failed = [] if span.status.is_unset else [span.status.status_code.name]
        yield indent + " ".join([span.name, *failed, *shown])
        yield from _lines(spans, span, keys, indent + "  ")


@contextmanager
def capture(**settings: Any) -> Iterator[Captured]:
    """Traces what happens in the block into memory only: an own provider, no network, no file.

    `settings` are those of `llmtrace.init`, such as `capture="none"` or `integrations=["openai"]`. llmtrace must not be
    running already; it is shut down at the end of the block.
    """
    exporter = InMemorySpanExporter()
    provider = TracerProvider(span_limits=SpanLimits(max_span_attributes=MAX_ATTRIBUTES), shutdown_on_exit=False)
    handle = runtime.init(**{"tracer_provider": provider, "exporters": [exporter], **settings})
    try:
        yield Captured(exporter)
    finally:
        handle.shutdown()
        provider.shutdown()
