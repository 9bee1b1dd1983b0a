"""The APIs beside the conversation: embeddings, images, speech, transcripts, decisions, and what infers nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import BlobPart, Embedding, Inference, Message, Part, ProviderRequest, TextPart
from llmtrace.facts.shape import integer, items, mapping, mappings, text
from llmtrace.facts.wire import Event, reader
from llmtrace.integrations.openai_parts import Body, answered, asked, parts, prose, resource, usage
from llmtrace.integrations.openai_responses import messages, target


def _embed(evidence: Evidence, body: Body) -> Embedding:
    asked_for = body.get("input")
    encoding = text(body.get("encoding_format"))
    return Embedding(
        operation=evidence.start.operation.name,
        request_model=text(body.get("model")),
        encoding_formats=[encoding] if encoding else [],
        dimension_count=integer(body.get("dimensions")),
        input_texts=[one for one in (items(asked_for) or [asked_for]) if isinstance(one, str)],
    )


def _embedded(record: Embedding, body: Body) -> None:
    vectors = mappings(body.get("data"))
    record.response_model = text(body.get("model"))
    record.usage = usage(mapping(body.get("usage")))
    record.vector_count = len(vectors) or None
    if vectors and record.dimension_count is None:
        vector = vectors[0].get("embedding")
        # Base64 holds three bytes in four characters, and a vector has four bytes in a number.
        size = len(vector.rstrip("=")) * 3 // 16 if isinstance(vector, str) else len(items(vector))
        record.dimension_count = size or None


def _make(output_type: str) -> Callable[[Evidence, Body], Inference]:
    def ask(evidence: Evidence, body: Body) -> Inference:
        record = asked(evidence, body)
        record.output_type = output_type
        record.system_instructions = parts(body.get("instructions"))
        if said := parts(body.get("prompt") or body.get("input")):
            record.input_messages = [Message("user", said)]
        return record

    return ask


def _made(record: Inference, body: Body) -> None:
    """Pictures and transcripts. Speech comes as plain bytes, of which nothing is kept."""
    answered(record, body)
    mime = f"image/{text(body.get('output_format')) or 'png'}"
    made: list[Part] = [TextPart(prose(body))] if prose(body) else []
    for image in mappings(body.get("data")):
        if content := text(image.get("b64_json")):
            made.append(BlobPart("image", content, mime))
        elif url := text(image.get("url")):
            made.append(resource("image", url))
    record.output_messages = [Message("assistant", [one]) for one in made]


def _made_fold(events: Iterable[Event]) -> tuple[Body, bool]:
    body: Body = {"data": []}
    said: list[str] = []
    complete = False
    for name, data in events:
        event = mapping(data)
        kind = text(event.get("type")) or name
        if kind == "error" or event.get("error"):
            body["error"] = event.get("error") or event
        elif kind.endswith((".completed", ".done")):
            complete = True
            body = {**body, **event, "data": [*body["data"], event]}
        elif kind.endswith(".delta"):
            said.append(text(event.get("delta")) or "")
    return {"text": "".join(said), **body}, complete


_read_transcript = reader(_make("text"), _made, _made_fold)


def _transcript(evidence: Evidence) -> Inference:
    """As text or subtitles, where that was asked for, a transcript is the whole body."""
    record = _read_transcript(evidence)
    assert isinstance(record, Inference)
    received = evidence.response
    whole = received.body if received and received.content_type.startswith("text/") else None
    if isinstance(whole, bytes) and record.failure is None and record.complete is None:
        record.output_messages = [Message("assistant", [TextPart(whole.decode(errors="replace"))])]
    return record


def _decide(evidence: Evidence, body: Body) -> Inference:
    record = asked(evidence, body)
    record.output_type = "json"
    record.input_messages = messages(body.get("input"))
    if questions := parts(body.get("questions")):
        record.input_messages.append(Message("user", questions))
    return record


def _decided(record: Inference, body: Body) -> None:
    answered(record, body)
    if answers := items(body.get("answers")):
        record.output_messages = [Message("assistant", [TextPart(json.dumps(answers))])]


def _manage(evidence: Evidence, body: Body) -> ProviderRequest:
    return ProviderRequest(
        operation=evidence.start.operation.name,
        request_model=text(body.get("model")),
        input_messages=messages(body.get("input")),
        response_id=target(evidence)[0],
    )


def _managed(record: ProviderRequest, body: Body) -> None:
    record.response_id = text(body.get("id")) or record.response_id
    record.response_model = text(body.get("model"))
    record.response_status = text(body.get("status"))
    record.output = body.get("results")
    counts = {"input_tokens": body.get("input_tokens"), **mapping(body.get("request_counts"))}
    record.counts = {name: count for name, value in counts.items() if (count := integer(value)) is not None}


EMBEDDINGS = Operation("embeddings", reader(_embed, _embedded), bears_usage=True)
IMAGE = Operation("generate_content", reader(_make("image"), _made, _made_fold), bears_usage=True)
SPEECH = Operation("generate_content", reader(_make("speech"), _made, _made_fold), bears_usage=True)
TRANSCRIPT = Operation("generate_content", _transcript, bears_usage=True)
DECISION = Operation("generate_content", reader(_decide, _decided), bears_usage=True)
MODERATION = Operation("moderation", reader(_manage, _managed))
COUNT_TOKENS = Operation("count_tokens", reader(_manage, _managed))
CANCEL_RESPONSE = Operation("cancel_response", reader(_manage, _managed))
CREATE_BATCH = Operation("create_batch", reader(_manage, _managed))
RETRIEVE_BATCH = Operation("retrieve_batch", reader(_manage, _managed))
CANCEL_BATCH = Operation("cancel_batch", reader(_manage, _managed))
