"""Reads Bedrock's agents and knowledge bases: runs of an agent, retrievals, and answers made from what was retrieved.

`RetrieveAndGenerate` is a run of an agent, too: the service writes the prompt and asks the model, out of sight, so that
its tokens are neither told nor to be estimated from what the app sent.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import AgentRun, Document, Json, Retrieval, Usage
from llmtrace.facts.shape import integer, mapping, mappings, number, text
from llmtrace.facts.wire import Event
from llmtrace.integrations.bedrock import Body, asked, reading, usage


def _agent(evidence: Evidence, body: Body) -> AgentRun:
    return AgentRun(
        name=text(body.get("agentName")),
        id=asked(evidence, "agentId"),
        request_model=text(body.get("foundationModel")),
        conversation_id=asked(evidence, "sessionId"),
        input=text(body.get("inputText")),
    )


def _answered(record: AgentRun, body: Body) -> None:
    record.output = text(body.get("text"))
    record.version = text(body.get("version"))
    record.documents = [_document(raw) for citation in mappings(body.get("citations")) for raw in _references(citation)]
    record.usage = _sum(mappings(body.get("spent")))
    record.conversation_id = text(body.get("sessionId")) or record.conversation_id


def _fold(events: Iterable[Event]) -> tuple[Body, None]:
    """What a run's events come to. There is no end marker to look for."""
    said: list[str] = []
    citations: list[Json] = []
    spent: list[Body] = []
    body: Body = {}
    for event in events:
        data = mapping(event.data)
        if event.name == "error":
            body["error"] = data.get("error")
        elif event.name == "chunk":
            said.append(_decoded(text(data.get("bytes")) or ""))
            citations += mappings(mapping(data.get("attribution")).get("citations"))
        elif event.name == "trace":
            spent += _spent(mapping(data.get("trace")))
            if len(mappings(data.get("callerChain"))) == 1:  # else it is another agent's, which this one asked
                body["version"] = text(data.get("agentVersion"))
    return body | {"text": "".join(said) or None, "citations": citations, "spent": spent}, None


def _decoded(piece: str) -> str:
    """A piece of the answer, which comes as base64 text."""
    try:
        return b64decode(piece).decode(errors="replace")
    except binascii.Error:
        return ""


def _spent(trace: Body) -> list[Body]:
    """The counts of the model calls that a trace tells of, whichever step they were made in."""
    outputs = [mapping(mapping(step).get("modelInvocationOutput")) for step in trace.values()]
    return [counts for output in outputs if (counts := mapping(mapping(output.get("metadata")).get("usage")))]


def _sum(spent: list[Body]) -> Usage:
    """All of the run's tokens: nobody else tells of them."""
    counts = [usage(each) for each in spent]
    return Usage(
        input_tokens=_total(count.input_tokens for count in counts),
        output_tokens=_total(count.output_tokens for count in counts),
    )


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return integer(sum(known)) if known else None


def _generating(_: Evidence, body: Body) -> AgentRun:
    config = mapping(body.get("retrieveAndGenerateConfiguration"))
    base = mapping(config.get("knowledgeBaseConfiguration"))
    inner = base or mapping(config.get("externalSourcesConfiguration"))
    return AgentRun(
        request_model=text(inner.get("modelArn")),
        data_source_id=text(base.get("knowledgeBaseId")),
        conversation_id=text(body.get("sessionId")),
        input=text(mapping(body.get("input")).get("text")),
    )


def _generated(record: AgentRun, body: Body) -> None:
    _answered(record, body | {"text": mapping(body.get("output")).get("text")})


def _fold_generated(events: Iterable[Event]) -> tuple[Body, None]:
    said: list[str] = []
    citations: list[Json] = []
    body: Body = {}
    for event in events:
        data = mapping(event.data)
        if event.name == "error":
            body["error"] = data.get("error")
        elif event.name == "output":
            said.append(text(data.get("text")) or "")
        elif event.name == "citation":
            citations.append(data.get("citation") or data)
    return body | {"output": {"text": "".join(said) or None}, "citations": citations}, None


def _retrieval(evidence: Evidence, body: Body) -> Retrieval:
    search = mapping(mapping(body.get("retrievalConfiguration")).get("vectorSearchConfiguration"))
    return Retrieval(
        data_source_id=asked(evidence, "knowledgeBaseId"),
        query=text(mapping(body.get("retrievalQuery")).get("text")),
        top_k=integer(search.get("numberOfResults")),
        filter=mapping(search.get("filter")) or None,
    )


def _retrieved(record: Retrieval, body: Body) -> None:
    if "retrievalResults" in body:
        record.documents = [_document(raw) for raw in mappings(body.get("retrievalResults"))]
        record.document_count = len(record.documents)


def _references(citation: Body) -> list[Body]:
    return mappings(citation.get("retrievedReferences"))


def _document(raw: Body) -> Document:
    content, location = mapping(raw.get("content")), mapping(raw.get("location"))
    places = [mapping(place) for place in location.values()]
    names = [text(place.get(key)) for place in places for key in ("uri", "url", "id")]
    metadata = mapping(raw.get("metadata"))
    return Document(
        next(filter(None, names), None), number(raw.get("score")), text(content.get("text")), metadata or None
    )


AGENT = Operation("invoke_agent", reading(_agent, _answered, _fold))
GENERATE = Operation("invoke_agent", reading(_generating, _generated, _fold_generated))
RETRIEVE = Operation("retrieval", reading(_retrieval, _retrieved))
