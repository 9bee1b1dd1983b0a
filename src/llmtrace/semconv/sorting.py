"""Sorts what is on a span that another library made: what its record says too, what stays, what may hold content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmtrace.semconv import names
from llmtrace.semconv.reading import EXCEPTION, FIRST_CHUNK, SESSION

_SPENT = (
    "gen_ai.usage.",
    "gen_ai.event.",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.server.request.duration",
    *FIRST_CHUNK,
)
"""How keys begin that say what facts or the span itself say, too."""

_STAMPED = {
    row.key
    for row in (names.USER_ID, names.TAGS, names.STEP_PATH, names.STEP_INDEX, names.STEP_ITERATION, names.METADATA_REST)
}
"""What the app says of a block, which stands on every span in it."""

_SPELLED = {key: row.content for row in names.ATTRIBUTES for key in (row.key, row.formerly) if key}
_GENERAL = (SESSION, "exception.type", "exception.escaped")
"""Keys of the general conventions that hold no content."""

_METADATA = names.METADATA.of("").key


def beside(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What is on a span besides what its record says: what the app said of the block, and the library's own."""
    return {key: value for key, value in attributes.items() if not _told(key)}


def _told(key: str) -> bool:
    return (key in _SPELLED and key not in _STAMPED) or key.startswith(_SPENT)


def facts(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that can't hold content: numbers, and text under a key that is known to hold none."""
    return {key: value for key, value in attributes.items() if _is_fact(key, value)}


def _is_fact(key: str, value: Any) -> bool:
    return (
        isinstance(value, bool | int | float)
        or _SPELLED.get(key) is False
        or key in _GENERAL
        or key.startswith(_METADATA)
    )


def is_told(event: str) -> bool:
    """Whether an event says what a record says: messages, and what was raised."""
    return event.startswith("gen_ai.") or event == EXCEPTION
