"""Reads what Bedrock does around a model: guardrails applied to a text, and tokens counted."""

from __future__ import annotations

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Json, Message, ProviderRequest
from llmtrace.facts.shape import integer, mapping, mappings, text
from llmtrace.integrations.bedrock import Body, asked, reading
from llmtrace.integrations.bedrock_blocks import message, parts


def _applying(evidence: Evidence, body: Body) -> ProviderRequest:
    role = "assistant" if body.get("source") == "OUTPUT" else "user"
    return ProviderRequest(
        operation=evidence.start.operation.name,
        guardrail_id=asked(evidence, "guardrailIdentifier"),
        input_messages=[Message(role, parts([{"guardContent": block} for block in mappings(body.get("content"))]))],
    )


def _applied(record: ProviderRequest, body: Body) -> None:
    record.response_status = text(body.get("action"))
    record.output = _said(body, "outputs", "assessments")
    used = mapping(body.get("usage"))
    record.counts = {name: count for name, value in used.items() if (count := integer(value)) is not None}


def _said(body: Body, *names: str) -> Json:
    return {name: body[name] for name in names if body.get(name)} or None


def _counting(evidence: Evidence, body: Body) -> ProviderRequest:
    conversed = mapping(mapping(body.get("input")).get("converse"))
    return ProviderRequest(
        operation=evidence.start.operation.name,
        input_messages=[message(raw) for raw in mappings(conversed.get("messages"))],
    )


def _counted(record: ProviderRequest, body: Body) -> None:
    count = integer(body.get("inputTokens"))
    record.counts = {} if count is None else {"input_tokens": count}


APPLY_GUARDRAIL = Operation("apply_guardrail", reading(_applying, _applied))
COUNT_TOKENS = Operation("count_tokens", reading(_counting, _counted))
