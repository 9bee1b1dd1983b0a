"""What OpenAI's APIs have in common: content blocks, sampling parameters, token counts and the head of an answer."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from llmtrace.facts import records as facts
from llmtrace.facts.operation import Evidence
from llmtrace.facts.records import Inference, Json, Part
from llmtrace.facts.shape import integer, items, mapping, mappings, number, text

Body: TypeAlias = dict[str, Json]

_TEXT = {"text", "input_text", "output_text"}
_THINKING = {"summary_text", "reasoning_text", "thinking"}
_MODALITIES = {"image": "image", "audio": "audio", "video": "video", "document": "document", "file": "document"}
_REASONS = {"function_call": "tool_calls", "max_output_tokens": "length"}
_OUTPUT_TYPES = {"text": "text", "json_object": "json", "json_schema": "json"}


def prose(value: Json) -> str:
    """The text in a string, a block or a list of these."""
    if isinstance(value, dict):
        return prose(value.get("text") or value.get("thinking"))
    return "".join(map(prose, items(value))) or text(value) or ""


def parts(content: Json) -> list[Part]:
    """Content as the APIs take it: a string, or a list of blocks."""
    found = items(content) or [content]
    return [part(block) if isinstance(block, dict) else facts.TextPart(block) for block in found if _said(block)]


def _said(block: Json) -> bool:
    return bool(block) and isinstance(block, str | dict)


def part(block: Body) -> Part:
    """One content block. A refusal stays apart from text: it is no answer, and whoever judges answers must see that."""
    kind = text(block.get("type")) or "unknown"
    if kind in _TEXT:
        return facts.TextPart(prose(block))
    if kind in _THINKING:
        return facts.ReasoningPart(prose(block))
    modality = _MODALITIES.get(kind.removeprefix("input_").removesuffix("_url"))
    media = _media(modality, kind, block) if modality else None
    kept = {key: value for key, value in block.items() if key not in ("type", "encrypted_content")}
    return media or facts.GenericPart(kind, kept)


def _media(modality: str, kind: str, block: Body) -> Part | None:
    inner = mapping(block.get(kind)) or block  # Chat nests what Responses has flat
    if file_id := text(inner.get("file_id")):
        return facts.FilePart(modality, file_id)
    url = next(filter(None, (text(inner.get(key)) for key in ("url", kind, "image_url", "file_url"))), None)
    data = text(inner.get("data")) or text(inner.get("file_data"))
    if url or (data and data.startswith("data:")):
        return resource(modality, url or data or "")
    form = text(inner.get("format"))
    return facts.BlobPart(modality, data, f"{modality}/{form}" if form else None) if data else None


def resource(modality: str, url: str) -> Part:
    """What a URL points to; a `data:` URL is the bytes themselves."""
    if url[:5].lower() != "data:":
        return facts.UriPart(modality, url)
    head, _, data = url[5:].partition(",")
    if not head.endswith(";base64"):
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return facts.BlobPart(modality, data, head.partition(";")[0] or None)


def tools(body: Body) -> list[facts.ToolDefinition]:
    """The tools on offer. Of one that the provider runs only the name is kept: its settings may hold credentials."""
    found = []
    for tool in [*mappings(body.get("tools")), *mappings(body.get("functions"))]:
        kind = text(tool.get("type")) or "function"
        inner = mapping(tool.get(kind)) or tool
        name = text(inner.get("name")) or text(inner.get("server_label")) or kind
        found.append(facts.ToolDefinition(name, kind, text(inner.get("description")), inner.get("parameters")))
    return found


def asked(evidence: Evidence, body: Body, api_type: str | None = None) -> Inference:
    """The record of a request: the parameters that every API spells alike, or that only one of them has."""
    stop = body.get("stop")
    form = mapping(body.get("response_format")) or mapping(mapping(body.get("text")).get("format"))
    return Inference(
        operation=evidence.start.operation.name,
        request_model=text(body.get("model")),
        api_type=api_type,
        stream=body.get("stream") is True,
        output_type="speech" if "audio" in items(body.get("modalities")) else _OUTPUT_TYPES.get(str(form.get("type"))),
        choice_count=None if body.get("n") == 1 else integer(body.get("n")),
        seed=integer(body.get("seed")),
        max_tokens=_count(body, "max_completion_tokens", "max_output_tokens", "max_tokens"),
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


def answered(record: Inference, body: Body) -> None:
    """What the head and the foot of every answer say."""
    record.response_id = text(body.get("id")) or record.response_id
    record.response_model = text(body.get("model"))
    record.response_service_tier = text(body.get("service_tier"))
    record.system_fingerprint = text(body.get("system_fingerprint"))
    spent = mapping(body.get("usage"))
    record.usage = usage(spent)
    # OpenRouter says what the call cost in dollars, Perplexity what it is made of.
    cost = number(mapping(spent.get("cost")).get("total_cost", spent.get("cost")))
    record.cost = None if cost is None else facts.Cost(cost, source="provider")


def finish(record: Inference, said: Sequence[str | None]) -> list[str]:
    """One reason per choice; `error` where one was due and never came. A whole answer may give none at all."""
    due = any(said) or record.complete is False
    return [_REASONS.get(reason, reason) if reason else "error" for reason in said if due]


def usage(raw: Body) -> facts.Usage:
    """Token counts, in any of the spellings that OpenAI and those who follow it use."""
    read = _details(raw, "prompt_tokens_details", "input_tokens_details", "input_token_details")
    made = _details(raw, "completion_tokens_details", "output_tokens_details")
    taken, given = _count(raw, "prompt_tokens", "input_tokens"), _count(raw, "completion_tokens", "output_tokens")
    reasoning = _count(raw | made, "reasoning_tokens")
    # xAI counts reasoning beside the completion, not in it; its total shows that.
    if given and reasoning and _count(raw, "total_tokens") == (taken or 0) + given + reasoning:
        given += reasoning
    seconds = round(number(raw.get("seconds")) or number(raw.get("prompt_audio_seconds")) or 0)
    units = {"web_search": _count(raw, "num_search_queries"), "audio_seconds": seconds}
    return facts.Usage(
        input_tokens=taken,
        output_tokens=given,
        cache_read=_count(raw | read, "cached_tokens", "prompt_cache_hit_tokens"),
        cache_write=_count(read, "cache_write_tokens"),
        reasoning=reasoning,
        input_by_modality=_modalities(read),
        output_by_modality=_modalities(made),
        cache_read_by_modality=_modalities(mapping(read.get("cached_tokens_details"))),
        units={unit: count for unit, count in units.items() if count},
    )


def _details(raw: Body, *names: str) -> Body:
    return next(filter(None, (mapping(raw.get(name)) for name in names)), {})


def _modalities(details: Body) -> dict[str, int]:
    if not details:
        return {}
    counts = {modality: _count(details, f"{modality}_tokens") for modality in ("text", "image", "audio")}
    return {modality: count for modality, count in counts.items() if count is not None}


def _count(raw: Body, *names: str) -> int | None:
    for name in names:
        count = integer(raw.get(name))
        if count is not None and count >= 0:
            return count
    return None
