"""What OpenAI's APIs have in common: content blocks, sampling parameters, token counts and the head of an answer."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from llmtrace.facts.operation import Evidence
from llmtrace.facts.records import (
    BlobPart,
    Cost,
    FilePart,
    GenericPart,
    Inference,
    Json,
    Part,
    ReasoningPart,
    TextPart,
    ToolDefinition,
    UriPart,
    Usage,
)
from llmtrace.facts.shape import integer, items, mapping, mappings, number, text

_TEXT = {"text", "input_text", "output_text"}
_THINKING = {"summary_text", "reasoning_text", "thinking"}
_MODALITIES = {
    "image_url": "image",
    "input_image": "image",
    "input_audio": "audio",
    "audio_url": "audio",
    "video_url": "video",
    "file": "document",
    "input_file": "document",
    "document_url": "document",
}
_REASONS = {"function_call": "tool_calls", "max_output_tokens": "length"}
_OUTPUT_TYPES = {"text": "text", "json_object": "json", "json_schema": "json"}


def prose(value: Json) -> str:
    """The text in a string, a block or a list of these."""
    if isinstance(value, dict):
        return prose(value.get("text") or value.get("thinking"))
    return "".join(map(prose, items(value))) or text(value) or ""


def parts(content: Json) -> list[Part]:
    """Content as the APIs take it: a string, or a list of blocks."""
    found: list[Part] = [TextPart(content)] if isinstance(content, str) and content else []
    return found + [part(block) if isinstance(block, dict) else TextPart(prose(block)) for block in items(content)]


def part(block: dict[str, Json]) -> Part:
    """One content block. A refusal stays apart from text: it is no answer, and whoever judges answers must see that."""
    kind = text(block.get("type")) or "unknown"
    if kind in _TEXT:
        return TextPart(prose(block))
    if kind in _THINKING:
        return ReasoningPart(prose(block))
    if kind in _MODALITIES and (media := _media(_MODALITIES[kind], kind, block)):
        return media
    return GenericPart(kind, {key: value for key, value in block.items() if key not in ("type", "encrypted_content")})


def _media(modality: str, kind: str, block: dict[str, Json]) -> Part | None:
    inner = mapping(block.get(kind)) or block  # Chat nests what Responses has flat
    if file_id := text(inner.get("file_id")):
        return FilePart(modality, file_id)
    for key in ("url", "image_url", "file_url", kind):
        if url := text(inner.get(key)):
            return resource(modality, url)
    data = text(inner.get("data")) or text(inner.get("file_data"))
    if data and data.startswith("data:"):
        return resource(modality, data)
    form = text(inner.get("format"))
    return BlobPart(modality, data, f"{modality}/{form}" if form else None) if data else None


def resource(modality: str, url: str) -> Part:
    """What a URL points to; a `data:` URL is the bytes themselves."""
    if url[:5].lower() != "data:":
        return UriPart(modality, url)
    head, _, data = url[5:].partition(",")
    if not head.endswith(";base64"):
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return BlobPart(modality, data, head.partition(";")[0] or None)


def tools(body: dict[str, Json]) -> list[ToolDefinition]:
    """The tools on offer. Of one that the provider runs only the name is kept: its settings may hold credentials."""
    found = []
    for tool in [*mappings(body.get("tools")), *mappings(body.get("functions"))]:
        kind = text(tool.get("type")) or "function"
        inner = mapping(tool.get(kind)) or tool
        name = text(inner.get("name")) or text(inner.get("server_label")) or kind
        found.append(ToolDefinition(name, kind, text(inner.get("description")), inner.get("parameters")))
    return found


def asked(evidence: Evidence, body: dict[str, Json], api_type: str | None = None) -> Inference:
    """The record of a request: the parameters that every API spells alike, or that only one of them has."""
    stop = body.get("stop")
    choices = integer(body.get("n"))
    form = mapping(body.get("response_format")) or mapping(mapping(body.get("text")).get("format"))
    tokens = (body.get(name) for name in ("max_completion_tokens", "max_output_tokens", "max_tokens"))
    return Inference(
        operation=evidence.start.operation.name,
        request_model=text(body.get("model")),
        api_type=api_type,
        stream=body.get("stream") is True,
        output_type="speech" if "audio" in items(body.get("modalities")) else _OUTPUT_TYPES.get(str(form.get("type"))),
        choice_count=None if choices == 1 else choices,
        seed=integer(body.get("seed")),
        max_tokens=next((count for count in map(integer, tokens) if count is not None), None),
        temperature=number(body.get("temperature")),
        top_p=number(body.get("top_p")),
        top_k=integer(body.get("top_k")),
        frequency_penalty=number(body.get("frequency_penalty")),
        presence_penalty=number(body.get("presence_penalty")),
        stop_sequences=[mark for mark in (items(stop) or [stop]) if isinstance(mark, str)],
        reasoning_level=text(body.get("reasoning_effort")) or text(mapping(body.get("reasoning")).get("effort")),
        request_service_tier=text(body.get("service_tier")),
        tool_definitions=tools(body),
    )


def answered(record: Inference, body: dict[str, Json]) -> None:
    """What the head and the foot of every answer say."""
    record.response_id = text(body.get("id")) or record.response_id
    record.response_model = text(body.get("model"))
    record.response_service_tier = text(body.get("service_tier"))
    record.system_fingerprint = text(body.get("system_fingerprint"))
    spent = mapping(body.get("usage"))
    record.usage = usage(spent)
    # OpenRouter says what the call cost in dollars, Perplexity what it is made of.
    cost = number(mapping(spent.get("cost")).get("total_cost", spent.get("cost")))
    record.cost = None if cost is None else Cost(cost, source="provider")


def finish(record: Inference, said: Sequence[str | None]) -> list[str]:
    """One reason per choice; `error` where one was due and never came. A whole answer may give none at all."""
    due = any(said) or record.complete is False
    return [_REASONS.get(reason, reason) if reason else "error" for reason in said if due]


def usage(raw: dict[str, Json]) -> Usage:
    """Token counts, in any of the spellings that OpenAI and those who follow it use."""
    read = _details(raw, "prompt_tokens_details", "input_tokens_details", "input_token_details")
    made = _details(raw, "completion_tokens_details", "output_tokens_details")
    spent = Usage(
        input_tokens=_count(raw, "prompt_tokens", "input_tokens"),
        output_tokens=_count(raw, "completion_tokens", "output_tokens"),
        cache_read=_count({**raw, **read}, "cached_tokens", "prompt_cache_hit_tokens"),
        cache_write=_count(read, "cache_write_tokens"),
        reasoning=_count({**raw, **made}, "reasoning_tokens"),
        input_by_modality=_modalities(read),
        output_by_modality=_modalities(made),
        cache_read_by_modality=_modalities(mapping(read.get("cached_tokens_details"))),
    )
    visible, hidden = spent.output_tokens, spent.reasoning or 0
    # xAI counts reasoning beside the completion, not in it; its total shows that.
    if visible is not None and hidden and _count(raw, "total_tokens") == (spent.input_tokens or 0) + visible + hidden:
        spent.output_tokens = visible + hidden
    seconds = round(number(raw.get("seconds")) or number(raw.get("prompt_audio_seconds")) or 0)
    counted = {"web_search": _count(raw, "num_search_queries"), "audio_seconds": seconds}
    spent.units = {unit: count for unit, count in counted.items() if count}
    return spent


def _details(raw: dict[str, Json], *names: str) -> dict[str, Json]:
    return next(filter(None, (mapping(raw.get(name)) for name in names)), {})


def _modalities(details: dict[str, Json]) -> dict[str, int]:
    counts = {modality: _count(details, f"{modality}_tokens") for modality in ("text", "image", "audio")}
    return {modality: count for modality, count in counts.items() if count is not None}


def _count(raw: dict[str, Json], *names: str) -> int | None:
    counts = (integer(raw.get(name)) for name in names)
    return next((count for count in counts if count is not None and count >= 0), None)
