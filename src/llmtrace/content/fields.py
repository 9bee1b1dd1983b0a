"""Which fields of a record are content, and the one walk over them that stripping, redacting and limiting share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from typing import Any, Final, NamedTuple

from llmtrace.content.limits import Place
from llmtrace.facts import records

CONTENT: Final[dict[type, frozenset[str]]] = {
    records.Inference: frozenset({"system_instructions", "input_messages", "output_messages"}),
    records.Embedding: frozenset({"input_texts"}),
    records.Rerank: frozenset({"query"}),
    records.ProviderRequest: frozenset({"input_messages", "output"}),
    records.Retrieval: frozenset({"query", "filter"}),
    records.StoreCall: frozenset({"filter"}),
    records.Store: frozenset({"statement"}),
    records.ToolCall: frozenset({"description", "arguments", "result"}),
    records.McpCall: frozenset({"arguments", "result"}),
    records.AgentRun: frozenset({"description", "input", "output"}),
    records.Step: frozenset({"input", "output"}),
    records.Evaluation: frozenset({"explanation"}),
    records.ToolDefinition: frozenset({"description", "parameters"}),
    records.Document: frozenset({"text", "metadata"}),
    records.Failure: frozenset({"message"}),  # providers quote the prompt in it
    records.Message: frozenset({"name"}),
    records.Prompt: frozenset({"variables"}),
    records.TextPart: frozenset({"content"}),
    records.ToolCallPart: frozenset({"arguments"}),
    records.ToolResponsePart: frozenset({"response"}),
    records.ServerToolCallPart: frozenset({"payload"}),
    records.ServerToolResponsePart: frozenset({"payload"}),
    records.ReasoningPart: frozenset({"content"}),
    records.BlobPart: frozenset({"content"}),
    records.UriPart: frozenset({"uri"}),
    records.CompactionPart: frozenset({"content"}),
    records.GenericPart: frozenset({"data"}),
}
"""What is content in each kind of record. Any other field is a fact, which stays when content is not captured."""

INNER: Final = frozenset(
    {
        "system_instructions",
        "input_messages",
        "output_messages",
        "tool_definitions",
        "documents",
        "parts",
        "failure",
        "prompt",
        "store",
        "mcp",
    }
)
"""The fields that hold records: one, or a list."""

_NUMBERS: Final = (int, float, bool)


class Field(NamedTuple):
    """A field that holds no records: its value, whose it is, and whether it is content."""

    holder: Any
    name: str
    value: Any
    content: bool


class _Shape(NamedTuple):
    name: str
    content: bool
    empty: Callable[[], Any]


class _Kind(NamedTuple):
    shapes: tuple[_Shape, ...]
    holding: tuple[str, ...]
    """The fields in which such a record holds others."""


def strip(record: object) -> None:
    """Empties every content field of the record and of the records inside it."""
    for name, content, empty in _known(type(record)).shapes:
        if content:
            setattr(record, name, empty())
        elif name in INNER:
            for inner in _inner(record, name):
                strip(inner)


def walk(record: object) -> list[Field]:
    """Every field of the record and of the records inside it that may hold text: no fact that is a number or empty."""
    found: list[Field] = []
    _collect(record, found)
    return found


def _collect(record: object, found: list[Field]) -> None:
    for name, content, _ in _known(type(record)).shapes:
        value = getattr(record, name)
        if name in INNER:
            for inner in _inner(record, name):
                _collect(inner, found)
        elif value is not None and (content or (value and type(value) not in _NUMBERS)):
            found.append(Field(record, name, value, content))


def replace(record: object, kind: type, by: Callable[[Any], Any]) -> None:
    """Puts `by(part)` in place of every part of one kind inside the record."""
    for name in _known(type(record)).holding:
        inner = _inner(record, name)
        for index, item in enumerate(inner):
            if type(item) is kind:
                inner[index] = by(item)
            else:
                replace(item, kind, by)


def texts(record: object) -> Iterator[Place]:
    """Every text inside the content of the record."""
    pending: list[tuple[Any, Any, Any]] = [
        (field.holder, field.name, field.value) for field in walk(record) if field.content
    ]
    for holder, key, value in pending:
        if isinstance(value, str):
            yield Place(holder, key, value)
        elif isinstance(value, dict):
            pending += [(value, name, item) for name, item in value.items()]
        elif isinstance(value, list):
            pending += [(value, index, item) for index, item in enumerate(value)]


def _inner(record: object, name: str) -> list[Any]:
    value = getattr(record, name)
    return value if isinstance(value, list) else [] if value is None else [value]


def _known(kind: type) -> _Kind:
    known = _KNOWN.get(kind)
    if known is None:
        content = frozenset[str]().union(*(CONTENT.get(base, ()) for base in kind.__mro__))
        shapes = tuple(_Shape(field.name, field.name in content, _empty(field)) for field in fields(kind))
        known = _KNOWN[kind] = _Kind(shapes, tuple(shape.name for shape in shapes if shape.name in INNER))
    return known


_KNOWN: Final[dict[type, _Kind]] = {}


def _empty(field: Any) -> Callable[[], Any]:
    if field.default_factory is not MISSING:
        return field.default_factory  # type: ignore[no-any-return]
    return lambda: None if field.default is MISSING else field.default
