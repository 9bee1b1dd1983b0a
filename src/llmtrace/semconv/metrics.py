"""Records the conventions' metrics of each finished call, with labels that stay few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias

from opentelemetry.metrics import Histogram, Meter
from opentelemetry.util.types import AttributeValue

from llmtrace.facts.records import (
    AgentRun,
    Cost,
    Course,
    Embedding,
    Inference,
    McpCall,
    ProviderRequest,
    Record,
    Rerank,
    Retrieval,
    Step,
    Store,
    StoreCall,
    ToolCall,
    Usage,
)
from llmtrace.semconv import mcp, names, stores
from llmtrace.semconv.attributes import spelled
from llmtrace.semconv.inference import response_tier
from llmtrace.semconv.names import STEP, Names, Pairs

Labels: TypeAlias = Mapping[str, AttributeValue]

_CALL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_AGENT_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6)
_WORKFLOW_SECONDS = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
_MCP_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
_STORE_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
_TOKENS = tuple(4**power for power in range(14))


class Metrics:
    """The instruments, created once on a meter. `names` says `legacy` for the metrics that older dashboards know.

    A metric has one name at a time: a second one would be a second series to store and to pay for.
    """

    def __init__(self, meter: Meter, names: Names = "both") -> None:
        older = names == "legacy"
        self._spelling: Names = "legacy" if older else "latest"
        self._tokens: _Tokens = _TokenUsage(meter) if older else _TokenCounts(meter)
        self._cost = meter.create_counter(
            "llmtrace.cost", "{currency}", "What model calls cost, where a price is known"
        )
        self._uncovered = meter.create_counter(
            "llmtrace.uncovered.calls", "{call}", "Model calls that no integration saw, of which there is no span"
        )
        self._operation = _seconds(meter, "gen_ai.client.operation.duration", _CALL_SECONDS)
        prefix = "gen_ai.client.operation" if older else "gen_ai.client.inference"
        self._inference = self._operation if older else _seconds(meter, f"{prefix}.duration", _CALL_SECONDS)
        self._first_chunk = _seconds(meter, f"{prefix}.time_to_first_chunk", _CALL_SECONDS)
        self._chunk_gap = _seconds(meter, f"{prefix}.time_per_output_chunk", _CALL_SECONDS)
        self._tool = _seconds(meter, "gen_ai.execute_tool.duration", _CALL_SECONDS)
        self._agent = _seconds(meter, "gen_ai.invoke_agent.duration", _AGENT_SECONDS)
        self._workflow = _seconds(meter, "gen_ai.invoke_workflow.duration", _WORKFLOW_SECONDS)
        self._store = _seconds(meter, "db.client.operation.duration", _STORE_SECONDS)
        self._mcp = {
            served: _seconds(meter, f"mcp.{'server' if served else 'client'}.operation.duration", _MCP_SECONDS)
            for served in (False, True)
        }

    def record(self, record: Record, course: Course) -> None:
        """Records one finished call; a plain step has no metrics."""
        labels = spelled(_labels(record), self._spelling)
        if duration := self._duration(record):
            failed = spelled([(names.ERROR_TYPE, course.failure.type if course.failure else None)], "latest")
            seconds = max(course.ended - course.started, 0) / 1e9
            duration.record(seconds, {**labels, **failed})
            if isinstance(record, Retrieval) and record.store is not None:  # it is the request to the store, too
                self._store.record(seconds, {**spelled(_store_labels(record, record.store), "latest"), **failed})
        if isinstance(record, Inference) and record.operation != "fetch_response":
            if course.first_chunk is not None:
                self._first_chunk.record(course.first_chunk, labels)
            for gap in course.chunk_gaps:
                self._chunk_gap.record(gap, labels)
        if isinstance(record, self._tokens.of) and record.operation != "fetch_response":
            self._used(record.usage, labels)
        if isinstance(record, Inference | Embedding | Rerank) and record.cost is not None:
            self._spent(record.cost, labels)

    def uncovered(self, record: Record) -> None:
        """Counts a call that no integration saw."""
        self._uncovered.add(1, spelled(_call_labels(record), self._spelling))

    def _duration(self, record: Record) -> Histogram | None:
        match record:
            case Inference() if record.operation != "fetch_response":
                return self._inference
            case ToolCall():
                return None if record.inferred else self._tool  # the time between two calls is not the tool's own
            case AgentRun() if record.provider is None:  # one that runs in the process; a remote one is a client's call
                return self._agent
            case Step():
                return None if record.operation == STEP else self._workflow
            case StoreCall() | McpCall():
                return self._store if isinstance(record, StoreCall) else self._mcp[record.served]
            case _:
                return self._operation

    def _used(self, usage: Usage, labels: Labels) -> None:
        if usage.source == "provider":  # an estimate is for looking at, not for adding up
            self._tokens.record(usage, labels)

    def _spent(self, cost: Cost, labels: Labels) -> None:
        if cost.total > 0:
            self._cost.add(cost.total, {**labels, names.COST_CURRENCY.key: cost.currency})


class _Tokens(Protocol):
    of: tuple[type[Inference | Embedding], ...]

    def record(self, usage: Usage, labels: Labels) -> None:
        """Records what the provider counted; what it did not report is not recorded."""


class _TokenCounts:
    """Token metrics as the conventions have them: counters by modality, and the two totals per call as histograms."""

    of: tuple[type[Inference | Embedding], ...] = (Inference,)

    def __init__(self, meter: Meter) -> None:
        self._totals = {kind: _per_call(meter, f"gen_ai.client.inference.operation.{kind}_tokens") for kind in _KINDS}
        self._counters = {
            name: meter.create_counter(f"gen_ai.client.inference.usage.{name}", "{token}", f"Tokens: {name}")
            for name, _ in _COUNTED
        }

    def record(self, usage: Usage, labels: Labels) -> None:
        for kind, total in _totals(usage):
            self._totals[kind].record(total, labels)
        for name, read in _COUNTED:
            for modality, count in _by_modality(*read(usage)):
                self._counters[name].add(count, {**labels, "gen_ai.token.modality": modality})


class _TokenUsage:
    """Token metrics as they were before: one histogram, with the kind of token as a label."""

    of: tuple[type[Inference | Embedding], ...] = (Inference, Embedding)

    def __init__(self, meter: Meter) -> None:
        self._usage = _per_call(meter, "gen_ai.client.token.usage")

    def record(self, usage: Usage, labels: Labels) -> None:
        for kind, total in _totals(usage):
            self._usage.record(total, {**labels, "gen_ai.token.type": kind})


_KINDS = ("input", "output")
_COUNTED: tuple[tuple[str, Callable[[Usage], tuple[int | None, Mapping[str, int]]]], ...] = (
    ("input_tokens", lambda usage: (usage.input_tokens, usage.input_by_modality)),
    ("output_tokens", lambda usage: (usage.output_tokens, usage.output_by_modality)),
    ("cache_read.input_tokens", lambda usage: (usage.cache_read, usage.cache_read_by_modality)),
    ("cache_write.input_tokens", lambda usage: (usage.cache_write, {})),
    ("reasoning.output_tokens", lambda usage: (usage.reasoning, {})),
)


def _totals(usage: Usage) -> Iterator[tuple[str, int]]:
    for kind, total in zip(_KINDS, (usage.input_tokens, usage.output_tokens), strict=True):
        if total is not None and total >= 0:
            yield kind, total


def _by_modality(total: int | None, parts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """The total in parts that sum to it: those reported, the rest as `unknown`. Parts that exceed it are none of it."""
    known = [(kind, parts[kind]) for kind in names.MODALITIES if parts.get(kind, 0) > 0]
    rest = (total or 0) - sum(count for _, count in known)
    if rest < 0:
        known, rest = [], total or 0
    yield from known
    if rest > 0:
        yield "unknown", rest


def _labels(record: Record) -> Pairs:
    """What a metric is told apart by: never an id, a text or a number."""
    match record:
        case ToolCall():
            yield names.TOOL_NAME, record.name
            yield names.TOOL_TYPE, record.type
            yield names.AGENT_NAME, record.agent_name
        case AgentRun() if record.provider is None:
            yield names.AGENT_NAME, record.name
            yield names.REQUEST_MODEL, record.request_model
        case Step():
            yield names.WORKFLOW_NAME, record.name
        case StoreCall():
            yield from _store_labels(record, record.store)
        case McpCall():
            yield from mcp.labels(record)
        case _:
            yield from _call_labels(record)


def _store_labels(record: Record, store: Store | None) -> Pairs:
    yield from stores.asked(store)
    yield names.SERVER_ADDRESS, record.server_address
    yield names.SERVER_PORT, record.server_port if record.server_address else None


def _call_labels(record: Record) -> Pairs:
    yield names.OPERATION_NAME, record.operation
    yield names.PROVIDER_NAME, record.provider
    yield names.REQUEST_MODEL, record.request_model
    yield names.SERVER_ADDRESS, record.server_address
    yield names.SERVER_PORT, record.server_port if record.server_address else None
    if isinstance(record, Inference | Embedding | Rerank | ProviderRequest):
        yield names.RESPONSE_MODEL, record.response_model
    if isinstance(record, Inference):
        yield response_tier(record)


def _seconds(meter: Meter, name: str, buckets: Sequence[float]) -> Histogram:
    what = name.removeprefix("gen_ai.").replace(".", " ").replace("_", " ")
    return meter.create_histogram(name, "s", f"Seconds: {what}", explicit_bucket_boundaries_advisory=buckets)


def _per_call(meter: Meter, name: str) -> Histogram:
    return meter.create_histogram(name, "{token}", "Tokens of one call", explicit_bucket_boundaries_advisory=_TOKENS)
