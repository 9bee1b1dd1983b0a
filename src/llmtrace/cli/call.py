"""Draws one span in full: what it was, what it was asked, what was said, and everything else that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from llmtrace.cli import chat
from llmtrace.exporters.drawing import judged, line, timing
from llmtrace.exporters.figures import duration, moment, money, one_line, plain, tokens
from llmtrace.facts.records import Json
from llmtrace.semconv import names
from llmtrace.semconv.names import Attribute
from llmtrace.store import Attributes, Score, SpanRow

_PARAMETERS = (
    *(names.REQUEST_STREAM, names.API_TYPE, names.OPENAI_API_TYPE, names.OUTPUT_TYPE, names.CHOICE_COUNT, names.SEED),
    *(names.MAX_TOKENS, names.TEMPERATURE, names.TOP_P, names.TOP_K, names.FREQUENCY_PENALTY, names.PRESENCE_PENALTY),
    *(names.STOP_SEQUENCES, names.REASONING_LEVEL, names.PREVIOUS_RESPONSE, names.ENCODING_FORMATS),
    *(names.REQUEST_TIER, names.OPENAI_REQUEST_TIER, names.RETRIEVAL_TOP_K),
)
_CONTENT: tuple[tuple[str, Attribute, Callable[[list[Json]], Iterator[RenderableType]] | None], ...] = (
    ("Tools offered", names.TOOL_DEFINITIONS, chat.tools),
    ("System instructions", names.SYSTEM_INSTRUCTIONS, chat.messages),
    ("Input", names.INPUT_MESSAGES, chat.messages),
    ("Output", names.OUTPUT_MESSAGES, chat.messages),
    ("Query", names.RETRIEVAL_QUERY, None),
    ("Documents", names.DOCUMENTS, chat.documents),
    ("Arguments", names.TOOL_ARGUMENTS, None),
    ("Result", names.TOOL_RESULT, None),
    ("Input", names.INPUT, None),
    ("Output", names.OUTPUT, None),
)
_IN_FACTS = (
    *(names.OPERATION_NAME, names.PROVIDER_NAME, names.REQUEST_MODEL, names.RESPONSE_MODEL, names.CONVERSATION_ID),
    *(names.USER_ID, names.TAGS, names.ERROR_TYPE, names.SERVER_ADDRESS, names.SERVER_PORT, names.FIRST_CHUNK),
    *(names.INPUT_TOKENS, names.OUTPUT_TOKENS, names.CACHE_READ, names.CACHE_WRITE, names.REASONING_TOKENS),
    *(names.USAGE_SOURCE, names.COST_TOTAL, names.COST_INPUT, names.COST_OUTPUT, names.COST_CURRENCY),
    *(names.COST_SOURCE, names.FINISH_REASONS, names.STEP_PATH, names.STEP_NAME),
)


def call(span: SpanRow, scores: Sequence[Score] = (), now: int | None = None) -> Group:
    """The whole span, and what was thought of it."""
    return Group(line(span, now), *map(judged, scores), *_sections(span, now))


def _sections(span: SpanRow, now: int | None) -> Iterator[RenderableType]:
    yield _grid(_facts(span, now))
    taken = {attribute.key for attribute in (*_IN_FACTS, *_PARAMETERS)}
    yield from _table(
        "Parameters", {row.key: span.attributes[row.key] for row in _PARAMETERS if row.key in span.attributes}
    )
    for title, attribute, reader in _CONTENT:
        if attribute.key in span.attributes:
            taken.add(attribute.key)
            yield _title(title)
            value = span.attributes[attribute.key]
            yield from chat.laid_out(value, reader) if reader else [chat.verbatim(value)]
    former = {row.formerly for row in names.ATTRIBUTES if row.key in span.attributes}
    yield from _table(
        "Attributes", {key: value for key, value in span.attributes.items() if key not in taken and key not in former}
    )
    for event in span.events:
        yield from _table(f"Event {one_line(event.name)} at {moment(event.time)}", event.attributes, empty=True)
    for link in span.links:
        yield from _table(f"Link to span {link.span_id} of trace {link.trace_id}", link.attributes, empty=True)
    yield from _table("Resource", span.origin.resource)


def _facts(span: SpanRow, now: int | None) -> Iterator[tuple[str, str]]:
    """What a reader wants first, as far as it is known."""
    known = span.attributes
    yield "trace", span.trace_id
    yield "span", span.span_id + (f", below {span.parent_id}" if span.parent_id else "")
    yield "began", moment(span.started)
    yield "took", _timing(span, now)
    yield "model", _joined(" answered by ", known, names.REQUEST_MODEL, names.RESPONSE_MODEL)
    yield "provider", _joined(" at ", known, names.PROVIDER_NAME, names.SERVER_ADDRESS)
    yield "conversation", span.conversation_id or ""
    yield "user", span.user_id or ""
    yield "tags", ", ".join(span.tags)
    yield "step", _joined(": ", known, names.STEP_PATH, names.STEP_NAME)
    yield "usage", _usage(span)
    yield "cost", _cost(span)
    yield "finished", _joined("", known, names.FINISH_REASONS)
    yield "error", ": ".join(filter(None, (span.error_type, span.status_message))) if span.status == "error" else ""


def _timing(span: SpanRow, now: int | None) -> str:
    took = timing(span, now)
    first = span.attributes.get(names.FIRST_CHUNK.key)
    return f"{took}, {duration(first * 1e9)} to the first chunk" if isinstance(first, float) else took


def _usage(span: SpanRow) -> str:
    if span.input_tokens is None and span.output_tokens is None:
        return ""
    notes = [
        f"{count:,} {what}"
        for what, row in (("written to the cache", names.CACHE_WRITE), ("for reasoning", names.REASONING_TOKENS))
        if isinstance(count := span.attributes.get(row.key), int) and count
    ]
    if span.attributes.get(names.USAGE_SOURCE.key) == "estimated":
        notes.append("estimated by llmtrace")
    return ", ".join([tokens(span.input_tokens, span.cached_tokens, span.output_tokens), *notes])


def _cost(span: SpanRow) -> str:
    if span.cost is None:
        return ""
    shares = [
        f"{money(share, span.currency)} for {what}"
        for what, row in (("input", names.COST_INPUT), ("output", names.COST_OUTPUT))
        if isinstance(share := span.attributes.get(row.key), float)
    ]
    source = _joined("", span.attributes, names.COST_SOURCE)
    return ", ".join([money(span.cost, span.currency), *shares, *([f"by {source}"] if source else [])])


def _joined(between: str, known: Attributes, *rows: Attribute) -> str:
    return between.join(dict.fromkeys(_shown(known[row.key]) for row in rows if row.key in known))


def _shown(value: Json) -> str:
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)


def _title(text: str) -> Text:
    return Text(f"\n{text}", "bold underline")


def _table(title: str, values: Attributes, *, empty: bool = False) -> Iterator[RenderableType]:
    if values or empty:
        yield _title(title)
        yield _grid((key, _shown(value)) for key, value in sorted(values.items()))


def _grid(rows: Iterator[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        if value:
            grid.add_row(Text(f"  {one_line(label)}"), Text(plain(value)))
    return grid
