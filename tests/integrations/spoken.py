"""What tests of stores look for in spans: what all of them say, and whether a text got into them."""

from __future__ import annotations

from typing import Any

from llmtrace.testing.captured import Captured, decoded


def only(captured: Captured) -> tuple[str, dict[str, Any]]:
    """The name and the attributes of the one span."""
    (span,) = captured.spans
    return span.name, decoded(span)


def said(captured: Captured) -> str:
    """All that the spans hold, as one text."""
    return "\n".join(span.to_json() for span in captured.spans)
