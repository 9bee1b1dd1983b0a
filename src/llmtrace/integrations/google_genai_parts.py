"""Google's contents, tools and token counts as parts, messages, definitions and usage, by any of its APIs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TypeAlias

from llmtrace.facts import records as facts
from llmtrace.facts.records import Json, Message, Part, Usage
from llmtrace.facts.shape import integer, items, mapping, mappings, text

Body: TypeAlias = dict[str, Json]

_ROLES = {"model": "assistant", "function": "tool"}
_MEDIA = ("image", "audio", "video")
_MODALITIES = (None, "text", "image", "video", "audio", "document")
"""By their number, which older clients ask for in place of the name."""

_COUNTED = ("text", "image", "audio")


def short(model: str | None) -> str | None:
    """A model's name without the collection that it is filed under; one that the user made keeps it, as a bare id."""
    if model is None:
        return None
    *path, name = model.strip("/").split("/")
    return f"{path[-1]}/{name}" if path and path[-1] != "models" else name


def contents(value: Json) -> list[Message]:
    """The contents as messages: a list of them, one alone, or a bare text."""
    found = [raw for raw in (items(value) or [value]) if raw]
    return [content(raw) if isinstance(raw, dict) else Message("user", parts([{"text": raw}])) for raw in found]


def content(raw: Body) -> Message:
    """One content. What a user's holds may be nothing but the tools' answers."""
    said = parts(raw.get("parts"))
    role = text(raw.get("role")) or "user"
    if role == "user" and said and all(isinstance(part, facts.ToolResponsePart) for part in said):
        role = "tool"
    return Message(_ROLES.get(role, role), said)


def parts(value: Json) -> list[Part]:
    """The parts, without those that say nothing (a signature travels in an empty text)."""
    return [part(raw) for raw in mappings([value] if isinstance(value, dict) else value) if raw.get("text") != ""]


def part(raw: Body) -> Part:
    """One part, by which of its fields is there."""
    if (said := text(raw.get("text"))) is not None:
        return facts.ReasoningPart(said) if raw.get("thought") is True else facts.TextPart(said)
    if "functionCall" in raw:
        call = mapping(raw["functionCall"])
        return facts.ToolCallPart(text(call.get("name")) or "", text(call.get("id")), call.get("args"))
    if "functionResponse" in raw:
        answer = mapping(raw["functionResponse"])
        return facts.ToolResponsePart(answer.get("response"), text(answer.get("id")))
    return _media(raw) or _served(raw) or facts.GenericPart(next(iter(raw), "part"), raw)


def _media(raw: Body) -> Part | None:
    blob, file = mapping(raw.get("inlineData")), mapping(raw.get("fileData"))
    mime = text((blob or file).get("mimeType"))
    if (data := text(blob.get("data"))) is not None:
        return facts.BlobPart(modality(mime), data, mime)
    uri = text(file.get("fileUri"))
    return None if uri is None else facts.UriPart(modality(mime), uri, mime)


def modality(mime: str | None) -> str:
    """What kind of thing a media type is of."""
    kind = (mime or "").partition("/")[0]
    return kind if kind in _MEDIA else "document"


def _served(raw: Body) -> Part | None:
    """What the provider ran itself: code, or a tool of its own."""
    call, answer = mapping(raw.get("toolCall")), mapping(raw.get("toolResponse"))
    if code := mapping(raw.get("executableCode")):
        kind = "code_execution"
        return facts.ServerToolCallPart(kind, {**code, "type": kind}, text(code.get("id")))
    if outcome := mapping(raw.get("codeExecutionResult")):
        return facts.ServerToolResponsePart({**outcome, "type": "code_execution"}, text(outcome.get("id")))
    kind = (text((call or answer).get("toolType")) or "tool").lower()
    if call:
        return facts.ServerToolCallPart(kind, {**call, "type": kind}, text(call.get("id")))
    return facts.ServerToolResponsePart({**answer, "type": kind}, text(answer.get("id"))) if answer else None


def grounded(raw: Body) -> list[Part]:
    """What the model looked up to ground its answer, and what it found."""
    kind = "google_search"
    queries = items(raw.get("webSearchQueries")) + items(raw.get("retrievalQueries"))
    found = items(raw.get("groundingChunks"))
    said: list[Part] = [facts.ServerToolCallPart(kind, {"type": kind, "queries": queries})] if queries else []
    return [*said, facts.ServerToolResponsePart({"type": kind, "results": found})] if found else said


def merged(raws: Iterable[Body]) -> list[Body]:
    """A stream's parts, with what was said in a row as one."""

    def kind(raw: Body) -> tuple[bool, bool] | int:
        return (isinstance(raw.get("text"), str), raw.get("thought") is True) if "text" in raw else id(raw)

    whole: list[Body] = []
    for of, run in groupby(raws, kind):
        pieces = list(run)
        joined = {**pieces[0], "text": "".join(piece["text"] for piece in pieces)} if of in _SPOKEN else None
        whole += pieces if joined is None else [joined]
    return whole


_SPOKEN = ((True, False), (True, True))


def tools(value: Json) -> list[facts.ToolDefinition]:
    """The tools on offer: functions by their declarations, and by its name each that the provider runs."""
    found: list[facts.ToolDefinition] = []
    for raw in mappings(value):
        for name, said in raw.items():
            declared = mappings(said) if name in ("functionDeclarations", "function_declarations") else None
            found += [_function(one) for one in declared] if declared is not None else [_own(name, said)]
    return found


def _own(name: str, said: Json) -> facts.ToolDefinition:
    return facts.ToolDefinition(name, name, parameters=said or None)


_PARAMETERS = ("parameters", "parametersJsonSchema", "parameters_json_schema")


def _function(raw: Body) -> facts.ToolDefinition:
    asked = next((raw[name] for name in _PARAMETERS if raw.get(name) is not None), None)
    return facts.ToolDefinition(text(raw.get("name")) or "", "function", text(raw.get("description")), asked)


def usage(raw: Body) -> Usage:
    """The counts. Google's input leaves out what tools brought in, and its output what the model thought."""
    prompt, tool = count(raw, "promptTokenCount"), count(raw, "toolUsePromptTokenCount")
    said, thought = count(raw, "candidatesTokenCount", "responseTokenCount"), count(raw, "thoughtsTokenCount")
    return Usage(
        input_tokens=total(prompt, tool),
        output_tokens=total(said, thought),
        cache_read=count(raw, "cachedContentTokenCount"),
        reasoning=thought,
        input_by_modality=_by_modality(raw, "promptTokensDetails", "toolUsePromptTokensDetails"),
        output_by_modality=_by_modality(raw, "candidatesTokensDetails", "responseTokensDetails"),
        cache_read_by_modality=_by_modality(raw, "cacheTokensDetails"),
    )


def total(*counts: int | None) -> int | None:
    """The sum of those that were sent; None where none was."""
    sent = [one for one in counts if one is not None]
    return sum(sent) if sent else None


def count(raw: Body, *names: str) -> int | None:
    """The first of these counts that is one."""
    return next((found for name in names if (found := integer(raw.get(name))) is not None and found >= 0), None)


def by_modality(details: Iterable[Body], key: str) -> dict[str, int]:
    """Token counts by modality, added up; the conventions have a word for three of these."""
    counts: dict[str, int] = {}
    for detail in details:
        said, found = detail.get("modality"), count(detail, key)
        number = integer(said)
        name = _MODALITIES[number] if number is not None and 0 <= number < len(_MODALITIES) else said
        kind = name.lower() if isinstance(name, str) else None
        if kind in _COUNTED and found is not None:
            counts[kind] = counts.get(kind, 0) + found
    return counts


def _by_modality(raw: Body, *names: str) -> dict[str, int]:
    return by_modality((detail for name in names for detail in mappings(raw.get(name))), "tokenCount")
