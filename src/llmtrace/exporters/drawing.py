"""Draws stored spans for a terminal: one line a span, one tree a trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from rich.text import Text
from rich.tree import Tree

from llmtrace.exporters.figures import duration, elapsed, moment, money, one_line, tokens
from llmtrace.semconv import names
from llmtrace.store import Score, SpanRow

SHORT_ID = 8
"""How many digits of an id are shown; `llmtrace show` takes them as well as the whole."""

NARROWEST = 80
"""The width that a tree needs: rich leaves out, without a word, what its indentation leaves no room for."""

DEEPEST = 12
"""Spans nested deeper than this stand at this depth, so that there is room for their text."""

_TAGS = {
    "chat": ("llm", "cyan"),
    "text_completion": ("llm", "cyan"),
    "generate_content": ("llm", "cyan"),
    "fetch_response": ("llm", "cyan"),
    "embeddings": ("embed", "blue"),
    "rerank": ("rerank", "blue"),
    "retrieval": ("search", "blue"),
    "execute_tool": ("tool", "yellow"),
    "invoke_agent": ("agent", "magenta"),
    "create_agent": ("agent", "magenta"),
    "invoke_workflow": ("flow", "magenta"),
    names.STEP: ("step", "green"),
    names.STORE: ("store", "blue"),
}


@dataclass(slots=True)
class Totals:
    """What a trace used in all. Of nested spans that tell the usage of the same calls, only the inmost count."""

    given: int = 0
    cached: int = 0
    answered: int = 0
    costs: dict[str | None, float] = field(default_factory=dict)


def totals(spans: Sequence[SpanRow]) -> Totals:
    """The sums over a trace's spans."""
    sums = Totals()
    around = {span.span_id: span.parent_id for span in spans}
    bearing = [span for span in spans if span.input_tokens is not None or span.cost is not None]
    covered: set[str] = set()
    for span in bearing:
        above = span.parent_id
        while above is not None and above not in covered:
            covered.add(above)
            above = around.get(above)
    for span in bearing:
        if span.span_id not in covered:
            sums.given += span.input_tokens or 0
            sums.cached += span.cached_tokens or 0
            sums.answered += span.output_tokens or 0
            if span.cost is not None:
                sums.costs[span.currency] = sums.costs.get(span.currency, 0.0) + span.cost
    return sums


def line(span: SpanRow, now: int | None = None) -> Text:
    """One span in one line; `now` (nanoseconds since the epoch) tells how long an open one has been running."""
    tag, style = _TAGS.get(span.operation or "", (one_line(span.kind, 20), "white"))
    name = span.name.removeprefix(f"{span.operation} ")
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{tag} ", style).append(one_line(name), "bold")
    for part, look in _parts(span, name, now):
        text.append("  ").append(part, look)
    return text


def _parts(span: SpanRow, name: str, now: int | None) -> Iterator[tuple[str, str]]:
    if span.model and span.model not in name:
        yield one_line(span.model), "cyan"
    if span.input_tokens is not None or span.output_tokens is not None:
        about = "~" if span.attributes.get(names.USAGE_SOURCE.key) == "estimated" else ""
        yield about + tokens(span.input_tokens, span.cached_tokens, span.output_tokens), ""
    if span.cost is not None:
        yield money(span.cost, span.currency), "green"
    yield timing(span, now), "yellow" if span.ended is None else "dim"
    outcome = span.attributes.get(names.OUTCOME.key)
    if isinstance(outcome, str):
        yield one_line(outcome), "yellow"
    if span.status == "error":
        yield one_line(": ".join(filter(None, (span.error_type, span.status_message))) or "error"), "bold red"
    yield span.span_id[:SHORT_ID], "dim"


def timing(span: SpanRow, now: int | None = None) -> str:
    """How long a span took; of an open one, since when it runs, or that it never ended."""
    if span.ended is not None:
        return duration(span.ended - span.started)
    if not span.running:
        return "interrupted"
    return "running" if now is None else f"running for {elapsed(now - span.started)}"


def judged(score: Score) -> Text:
    """What somebody thought, in one line."""
    text = Text(f"★ {one_line(score.name)}", "yellow", no_wrap=True, overflow="ellipsis")
    value = "" if score.value is None else f"{score.value:g}"
    for part in (value, one_line(score.label or ""), one_line(score.comment or "")):
        if part:
            text.append(f"  {part}", "")
    if score.user:
        text.append(f"  by {one_line(score.user, 60)}", "dim")
    return text


def trace_tree(
    spans: Sequence[SpanRow],
    scores: Sequence[Score] = (),
    *,
    shown: int | None = None,
    count: int | None = None,
    now: int | None = None,
) -> Tree:
    """One trace's spans as a tree under a line that sums them up, each with its scores.

    At most `shown` spans are drawn; `count` is how many the trace has, where `spans` are only the first of them.
    """
    count = count or len(spans)
    tree = Tree(headline(spans, count, now), guide_style="dim")
    known = {span.span_id for span in spans}
    thought: dict[str | None, list[Score]] = defaultdict(list)
    for score in scores:
        thought[score.span_id if score.span_id in known else None].append(score)
    for score in thought[None]:
        tree.add(judged(score))
    path = [tree]
    for depth, span in islice(arranged(spans), shown):
        del path[min(depth, DEEPEST) + 1 :]
        path.append(path[-1].add(line(span, now)))
        for score in thought[span.span_id]:
            path[-1].add(judged(score))
    drawn = min(len(spans), shown or len(spans))
    if drawn < count:
        tree.add(Text(f"… and {count - drawn:,} more spans", "yellow"))
    return tree


def headline(spans: Sequence[SpanRow], count: int, now: int | None = None) -> Text:
    """When a trace was, which it is, how long it took, what it used and what it belongs to."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(moment(spans[0].started), "bold").append(f"  {spans[0].trace_id[:SHORT_ID]}", "bold blue")
    for part, look in _summary(spans, count, now):
        text.append("  ").append(part, look)
    return text


def _summary(spans: Sequence[SpanRow], count: int, now: int | None) -> Iterator[tuple[str, str]]:
    ends = [span.ended for span in spans if span.ended is not None]
    running = next((span for span in spans if span.running), None)
    if running is not None:
        yield timing(replace(running, started=spans[0].started), now), "yellow"
    elif ends:
        yield duration(max(ends) - spans[0].started), ""
    sums = totals(spans)
    if sums.given or sums.answered:
        yield tokens(sums.given or None, sums.cached, sums.answered or None), ""
    for currency, amount in sums.costs.items():
        yield money(amount, currency), "green"
    if len(spans) < count:
        yield f"in the first {len(spans):,} of {count:,} spans", "yellow"
    for what, found in (
        ("conversation", [span.conversation_id for span in spans]),
        ("user", [span.user_id for span in spans]),
    ):
        for value in islice(dict.fromkeys(filter(None, found)), 3):
            yield f"{what} {one_line(value, 60)}", "magenta"
    failed = sum(span.status == "error" for span in spans)
    if failed:
        yield f"{failed} error{'s' * (failed > 1)}", "bold red"


def arranged(spans: Sequence[SpanRow]) -> Iterator[tuple[int, SpanRow]]:
    """The spans with their depths, children after their parent, siblings in order of time.

    One whose parent is not among them stands at the top, and so does what claims to be its own ancestor.
    """
    below: dict[str, list[SpanRow]] = defaultdict(list)
    known = {span.span_id for span in spans}
    for span in spans:
        below[span.parent_id if span.parent_id in known and span.parent_id else ""].append(span)
    seen: set[str] = set()
    for top in [*below.pop("", []), *spans]:
        waiting = [(0, top)]
        while waiting:
            depth, span = waiting.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            yield depth, span
            waiting += [(depth + 1, child) for child in reversed(below[span.span_id])]
