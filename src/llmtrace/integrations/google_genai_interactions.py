"""Reads the Interactions API: steps in, steps out, streamed by deltas, run by a model or an agent, fetched later."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qs, unquote, urlsplit

from llmtrace.facts import records as facts
from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Inference, Json, Message, Part, ProviderRequest, Usage
from llmtrace.facts.shape import decoded, integer, items, mapping, mappings, number, text
from llmtrace.facts.wire import Event, reader
from llmtrace.integrations import google_genai_parts as google
from llmtrace.integrations.google_genai_parts import Body

_MEDIA = ("image", "audio", "video", "document")
_TURNS = {"user_input": "user", "model_output": "assistant", "function_result": "tool"}
_CONTENT = ("text", *_MEDIA)
_FINISH = {"cancelled": "error", "failed": "error", "incomplete": "length", "requires_continuation": "length"}
_ENDS = ("interaction.completed", "interaction.failed", "interaction.cancelled", "interaction.incomplete")


def messages(value: Json, speaker: str = "user") -> list[Message]:
    """Steps, turns or contents as messages; what one side did in a row is one message."""
    found: list[Message] = []
    for raw in items(value) or [value]:
        one = raw if isinstance(raw, dict) else {"type": "text", "text": raw}
        role, said = _role(one, speaker), blocks(one)
        if said and found and found[-1].role == role:
            found[-1].parts += said
        elif said:
            found.append(Message(role, said))
    return found


def _role(raw: Body, speaker: str) -> str:
    if given := text(raw.get("role")):
        return {"model": "assistant"}.get(given, given)
    kind = text(raw.get("type")) or "text"
    return speaker if kind in _CONTENT else _TURNS.get(kind, "assistant")


def blocks(raw: Body) -> list[Part]:
    """The parts of a step, a turn or a content."""
    kind = text(raw.get("type")) or ""
    if kind in ("user_input", "model_output") or (not kind and "content" in raw):
        inner = raw.get("content")
        return [part for one in items(inner) or [inner] for part in blocks(_content(one))]
    if kind == "thought":
        said = [text(one.get("text")) or "" for one in mappings(raw.get("summary"))]
        return [facts.ReasoningPart("".join(said))] if any(said) else []
    if kind == "text":
        return [facts.TextPart(raw["text"])] if text(raw.get("text")) else []
    return [_block(kind, raw)] if kind else []


def _content(raw: Json) -> Body:
    return raw if isinstance(raw, dict) else {"type": "text", "text": raw}


def _block(kind: str, raw: Body) -> Part:
    name, said = text(raw.get("name")), {key: value for key, value in raw.items() if key != "signature"}
    if kind == "function_call":
        return facts.ToolCallPart(name or "", text(raw.get("id")), decoded(raw.get("arguments")))
    if kind == "function_result":
        return facts.ToolResponsePart(raw.get("result"), text(raw.get("call_id")))
    tool, _, side = kind.rpartition("_")
    if side == "call":
        return facts.ServerToolCallPart(name or tool, {**said, "type": tool}, text(raw.get("id")))
    if side == "result":
        return facts.ServerToolResponsePart({**said, "type": tool}, text(raw.get("call_id")))
    return (_media(kind, raw) if kind in _MEDIA else None) or facts.GenericPart(kind, said)


def _media(kind: str, raw: Body) -> Part | None:
    mime, uri = text(raw.get("mime_type")), text(raw.get("uri"))
    if (data := text(raw.get("data"))) is not None:
        return facts.BlobPart(kind, data, mime)
    return None if uri is None else facts.UriPart(kind, uri, mime)


def _ask(evidence: Evidence, body: Body) -> Inference:
    config = mapping(body.get("generation_config"))
    asked = body.get("response_format")
    json = any(mapping(form).get("type") in ("object", "json_schema", "text") for form in items(asked) or [asked])
    return Inference(
        operation=evidence.start.operation.name,
        api_type="interactions",
        request_model=google.short(text(body.get("model"))),
        stream=body.get("stream") is True,
        output_type="json" if json or body.get("response_mime_type") == "application/json" else None,
        seed=integer(config.get("seed")),
        max_tokens=integer(config.get("max_output_tokens")),
        temperature=number(config.get("temperature")),
        top_p=number(config.get("top_p")),
        stop_sequences=[stop for stop in items(config.get("stop_sequences")) if isinstance(stop, str)],
        reasoning_level=text(config.get("thinking_level")),
        previous_response_id=text(body.get("previous_interaction_id")),
        request_service_tier=text(body.get("service_tier")),
        system_instructions=[part for said in messages(body.get("system_instruction")) for part in said.parts],
        input_messages=messages(body.get("input")),
        tool_definitions=[_tool(raw) for raw in mappings(body.get("tools"))],
    )


def _tool(raw: Body) -> facts.ToolDefinition:
    kind = text(raw.get("type")) or "function"
    said = raw.get("parameters") if kind == "function" else {key: raw[key] for key in raw if key != "type"} or None
    return facts.ToolDefinition(text(raw.get("name")) or kind, kind, text(raw.get("description")), said)


def _answer(record: Inference, body: Body) -> None:
    record.response_id = text(body.get("id")) or record.response_id
    record.response_model = google.short(text(body.get("model")))
    record.response_service_tier = text(body.get("service_tier"))
    record.response_status = status = text(body.get("status"))
    record.usage = usage(mapping(body.get("usage")))
    if status == "failed" and record.failure is None:
        record.failure = _failure(mappings(body.get("errors")))
    said = [one for one in messages(body.get("steps", body.get("outputs")), "assistant") if one.role == "assistant"]
    output = [part for one in said for part in one.parts]
    record.output_messages = [Message("assistant", output)] if output else []
    called = any(isinstance(part, facts.ToolCallPart) for part in output)
    if status in ("completed", "requires_action"):
        record.finish_reasons = ["tool_calls" if called else "stop"]
    elif status in _FINISH:
        record.finish_reasons = [_FINISH[status]]


def _failure(errors: list[Body]) -> facts.Failure:
    first = errors[0] if errors else {}
    return facts.Failure(str(first.get("code") or "_OTHER"), text(first.get("message")) or "")


def usage(raw: Body) -> Usage:
    """The counts. Here too what tools brought in and what the model thought are counted beside the two totals."""
    thought = google.count(raw, "total_thought_tokens")
    used = [(text(one.get("type")), google.count(one, "count")) for one in mappings(raw.get("grounding_tool_count"))]
    return Usage(
        input_tokens=google.total(*(google.count(raw, f"total_{kind}_tokens") for kind in ("input", "tool_use"))),
        output_tokens=google.total(google.count(raw, "total_output_tokens"), thought),
        cache_read=google.count(raw, "total_cached_tokens"),
        reasoning=thought,
        input_by_modality=_by_modality(raw, "input_tokens", "tool_use_tokens"),
        output_by_modality=_by_modality(raw, "output_tokens"),
        cache_read_by_modality=_by_modality(raw, "cached_tokens"),
        units={kind: count for kind, count in used if kind and count},
    )


def _by_modality(raw: Body, *names: str) -> dict[str, int]:
    return google.by_modality((one for name in names for one in mappings(raw.get(f"{name}_by_modality"))), "tokens")


def fold(events: Iterable[Event]) -> tuple[Body, bool]:
    """The interaction that a stream's events amount to, and whether its end was among them."""
    body: Body = {}
    steps: dict[int, Body] = {}
    complete = False
    for event in events:
        data = mapping(event.data)
        kind = text(data.get("event_type")) or event.name
        body |= {key: value for key, value in mapping(data.get("interaction")).items() if value is not None}
        index = integer(data.get("index")) or 0
        if kind == "step.start":
            steps[index] = dict(mapping(data.get("step")))
        elif kind == "step.delta":
            _grow(steps.setdefault(index, {}), mapping(data.get("delta")))
        elif kind == "error":
            body["error"] = data.get("error")
        elif kind == "interaction.status_update" and data.get("status"):
            body["status"] = data["status"]
        complete |= kind in _ENDS
    for step in steps.values():
        _joined(step)
    return ({**body, "steps": [steps[index] for index in sorted(steps)]} if steps else body), complete


def _grow(step: Body, delta: Body) -> None:
    """Adds a delta to its step: a piece of text, of arguments or of a summary, or a block of its own."""
    kind = text(delta.get("type")) or ""
    if kind == "arguments_delta":
        step.setdefault("type", "function_call")
        _list(step, "arguments").append(delta.get("arguments"))
    elif kind == "thought_summary":
        step.setdefault("type", "thought")
        _list(step, "summary").append(delta.get("content"))
    elif kind.endswith(("_call", "_result")):
        step |= delta
    elif kind in _CONTENT:
        step.setdefault("type", "model_output")
        _extend(step, delta)


def _list(step: Body, field: str) -> list[Json]:
    """What a step's field holds, which a hostile start may have made no list."""
    held = step.get(field)
    if not isinstance(held, list):
        held = step[field] = []
    return held


def _extend(step: Body, delta: Body) -> None:
    content = _list(step, "content")
    last = content[-1] if content else None
    if isinstance(last, dict) and delta.get("type") == "text" == last.get("type"):
        last.setdefault("pieces", [last.get("text")]).append(delta.get("text"))
    else:
        content.append(dict(delta))


def _joined(step: Body) -> None:
    """Makes one text of the pieces that came, in a step's contents and in its arguments."""
    if isinstance(step.get("arguments"), list):
        step["arguments"] = "".join(piece for piece in step["arguments"] if isinstance(piece, str))
    for content in mappings(step.get("content")):
        if "pieces" in content:
            content["text"] = "".join(piece for piece in content.pop("pieces") if isinstance(piece, str))


def _fetch(evidence: Evidence, _: Body) -> Inference:
    found, query = target(evidence)
    return Inference(
        operation=evidence.start.operation.name,
        api_type="interactions",
        response_id=found,
        stream=query.get("stream") == ["true"],
        stream_cursor=next(iter(query.get("last_event_id", ())), None),
    )


def target(evidence: Evidence) -> tuple[str | None, dict[str, list[str]]]:
    """The id in the path of a request that has no body, and its query."""
    sent = evidence.request
    url = urlsplit(sent.decode(errors="replace") if isinstance(sent, bytes) and sent.startswith(b"/") else "")
    return unquote(url.path.partition("/interactions/")[2].partition("/")[0]) or None, parse_qs(url.query)


def _manage(evidence: Evidence, _: Body) -> ProviderRequest:
    return ProviderRequest(operation=evidence.start.operation.name, response_id=target(evidence)[0])


def _managed(record: ProviderRequest, body: Body) -> None:
    record.response_id = text(body.get("id")) or record.response_id
    record.response_model = google.short(text(body.get("model")))
    record.response_status = text(body.get("status"))


CREATE = Operation("generate_content", reader(_ask, _answer, fold), bears_usage=True)
AGENT = Operation("invoke_agent", reader(_ask, _answer, fold), bears_usage=True)
FETCH = Operation("fetch_response", reader(_fetch, _answer, fold))
CANCEL = Operation("cancel_response", reader(_manage, _managed))
DELETE = Operation("delete_response", reader(_manage, _managed))
