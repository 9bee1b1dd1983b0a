"""Reads the Interactions API, whose models or agents answer now or later, and the decisions beside it."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from llmtrace.facts import records as facts
from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Inference, Message, ProviderRequest, Usage
from llmtrace.facts.shape import integer, items, mapping, mappings, number, text
from llmtrace.facts.wire import reader
from llmtrace.integrations import google_genai_parts as google
from llmtrace.integrations.google_genai_parts import Body
from llmtrace.integrations.google_genai_steps import fold, messages

_FINISH = {"cancelled": "error", "failed": "error", "incomplete": "length", "requires_continuation": "length"}


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


def _decide(evidence: Evidence, body: Body) -> Inference:
    """Questions about what was said, each to be answered in a form of its own."""
    asked = facts.GenericPart("questions", mapping(body.get("questions")))
    return Inference(
        operation=evidence.start.operation.name,
        api_type="decisions",
        request_model=google.short(text(body.get("model"))),
        output_type="json",
        input_messages=[*messages(body.get("input")), Message("user", [asked])],
    )


def _decided(record: Inference, body: Body) -> None:
    record.usage = usage(mapping(body.get("usage")))
    if answers := mapping(body.get("answers")):
        record.output_messages = [Message("assistant", [facts.GenericPart("answers", answers)])]
        record.finish_reasons = ["stop"]
    elif mapping(body.get("prompt_feedback")).get("block_reason"):
        record.finish_reasons = ["content_filter"]


CREATE = Operation("generate_content", reader(_ask, _answer, fold), bears_usage=True)
AGENT = Operation("invoke_agent", reader(_ask, _answer, fold), bears_usage=True)
FETCH = Operation("fetch_response", reader(_fetch, _answer, fold))
CANCEL = Operation("cancel_response", reader(_manage, _managed))
DELETE = Operation("delete_response", reader(_manage, _managed))
DECIDE = Operation("generate_content", reader(_decide, _decided), bears_usage=True)
