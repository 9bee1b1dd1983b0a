"""Reads the texts that environment variables hold: lists, headers, resource attributes and the capture modes."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

CAPTURE_MODES = {
    "no_content": ("none", False, True),
    "span_only": ("full", False, True),
    "event_only": ("full", True, False),
    "span_and_event": ("full", True, True),
}
"""What each mode of the conventions means here: (capture, events, content on spans)."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def words(text: str) -> tuple[str, ...]:
    """The entries of a comma-separated list, without blanks; the single word `none` is an empty list."""
    found = tuple(word for part in text.split(",") if (word := part.strip()))
    return () if found == ("none",) else found


def pairs(text: str) -> dict[str, str]:
    """The `key=value` entries of a comma-separated list, as OpenTelemetry variables hold them: URL-encoded.

    An error counts entries instead of quoting them, because a value may be a key.
    """
    found = {}
    for number, entry in enumerate(filter(str.strip, text.split(",")), start=1):
        key, equals, value = entry.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"entry {number} is not of the form name=value")
        found[unquote(key).strip()] = unquote(value).strip()
    return found


def headers(text: str) -> dict[str, str]:
    """HTTP headers with lower-case names; a value that could not be sent as a header is refused."""
    found = pairs(text)
    for name, value in found.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("a header's name holds a character that HTTP does not allow")
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"the value of header {name.lower()} holds a character that HTTP does not allow")
    return {name.lower(): value for name, value in found.items()}


def resource_attribute(*names: str) -> Callable[[str], str | None]:
    """Reads the first of the named attributes that the text of `OTEL_RESOURCE_ATTRIBUTES` gives."""

    def read(text: str) -> str | None:
        attributes = pairs(text)
        return next((attributes[name] for name in names if attributes.get(name)), None)

    return read


def capture(text: str) -> str:
    """`full` or `none`, out of the conventions' capture mode."""
    return _mode(text)[0]


def capture_events(text: str) -> bool | None:
    """True where the conventions' capture mode asks for events; it never forbids them."""
    return _mode(text)[1] or None


def capture_on_spans(text: str) -> bool:
    """Whether the conventions' capture mode lets content onto spans."""
    return _mode(text)[2]


def _mode(text: str) -> tuple[str, bool, bool]:
    mode = CAPTURE_MODES.get(text.lower())
    if mode is None:
        # `true` and `false` were accepted before the modes existed and meant different things to different libraries.
        raise ValueError(
            "true and false are no modes: write SPAN_ONLY or NO_CONTENT" if text.lower() in ("true", "false") else ""
        )
    return mode
