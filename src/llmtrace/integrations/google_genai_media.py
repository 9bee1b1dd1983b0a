"""Reads the calls beside the conversation: embeddings, pictures, videos, and what infers nothing itself."""

from __future__ import annotations

import re

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import BlobPart, Embedding, Inference, Message, Part, ProviderRequest, TextPart, UriPart
from llmtrace.facts.shape import integer, items, mapping, mappings, number, text
from llmtrace.facts.wire import reader
from llmtrace.integrations import google_genai_parts as google
from llmtrace.integrations.google_genai_parts import Body

_NUMBER = re.compile(r"[0-9]{1,19}")


def _embed(evidence: Evidence, body: Body) -> Embedding:
    """What is to be embedded: a batch of requests, instances (Vertex AI), or one content alone."""
    asked = mappings(body.get("requests")) or mappings(body.get("instances")) or [body]
    config = mapping(asked[0].get("embedContentConfig", body.get("parameters"))) | asked[0]
    return Embedding(
        operation=evidence.start.operation.name,
        dimension_count=integer(config.get("outputDimensionality")),
        input_texts=[said for one in asked for said in _texts(one)],
    )


def _texts(one: Body) -> list[str]:
    """The texts of a content, each of which has a vector of its own only together with the others."""
    if (bare := text(one.get("content"))) is not None:
        return [bare]
    said = google.parts(mapping(one.get("content")).get("parts"))
    texts = [part.content for part in said if isinstance(part, TextPart)]
    return ["\n".join(texts)] if texts else []


def _embedded(record: Embedding, body: Body) -> None:
    predictions = [mapping(one.get("embeddings")) for one in mappings(body.get("predictions"))]
    alone = mapping(body.get("embedding"))
    vectors = mappings(body.get("embeddings")) or predictions or ([alone] if alone else [])
    record.vector_count = len(vectors) or None
    if vectors and record.dimension_count is None:
        record.dimension_count = len(items(vectors[0].get("values"))) or None
    counted = [integer(mapping(vector.get("statistics")).get("token_count")) for vector in vectors]
    spent = mapping(body.get("usageMetadata"))
    record.usage = google.usage(spent)
    record.usage.input_tokens = google.total(record.usage.input_tokens, *counted)


def _draw(evidence: Evidence, body: Body) -> Inference:
    asked = mappings(body.get("instances"))
    config = mapping(body.get("parameters"))
    prompts = [mapping(one.get("prompt")).get("text", one.get("prompt")) for one in asked]
    shown = [picture for one in asked for key in ("image", "video") if (picture := _medium(mapping(one.get(key))))]
    said: list[Part] = [TextPart(prompt) for prompt in prompts if isinstance(prompt, str)]
    return Inference(
        operation=evidence.start.operation.name,
        output_type="video" if evidence.start.operation is VIDEO else "image",
        choice_count=integer(config.get("sampleCount")),
        seed=integer(config.get("seed")),
        temperature=number(config.get("temperature")),
        input_messages=[Message("user", [*said, *shown])] if said or shown else [],
    )


def _drawn(record: Inference, body: Body) -> None:
    """Pictures are in the answer; a video is in the making, and known by the name of the operation that makes it."""
    record.response_id = text(body.get("name"))
    made = [medium for one in mappings(body.get("predictions")) if (medium := _medium(one))]
    record.output_messages = [Message("assistant", [one]) for one in made]


def _medium(raw: Body) -> Part | None:
    mime = text(raw.get("mimeType"))
    if (data := text(raw.get("bytesBase64Encoded"))) is not None:
        return BlobPart(google.modality(mime or "image/png"), data, mime)
    uri = text(raw.get("gcsUri")) or text(raw.get("uri"))
    return None if uri is None else UriPart(google.modality(mime or "image/png"), uri, mime)


def _manage(evidence: Evidence, body: Body) -> ProviderRequest:
    asked = mapping(body.get("generateContentRequest")) | body
    return ProviderRequest(
        operation=evidence.start.operation.name,
        request_model=google.short(text(asked.get("model"))),
        input_messages=google.contents(asked.get("contents")),
    )


def _managed(record: ProviderRequest, body: Body) -> None:
    # A batch's state is in what the API calls the metadata of an operation, or beside its name.
    state = mapping(body.get("metadata")) | body
    record.response_id = text(body.get("name"))
    record.response_model = text(state.get("model"))
    record.response_status = text(state.get("state"))
    spent = mapping(body.get("usageMetadata"))
    stats = mapping(state.get("batchStats"))
    found = {
        "input_tokens": google.count(body, "totalTokens"),
        "cached_tokens": google.count(body, "cachedContentTokenCount") or google.count(spent, "totalTokenCount"),
        "requests": _whole(stats.get("requestCount")),
    }
    record.counts = {name: count for name, count in found.items() if count is not None}


def _whole(value: object) -> int | None:
    """Google's JSON has 64-bit numbers as strings."""
    return integer(int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value)


_read = reader(_manage, _managed)

EMBED = Operation("embeddings", reader(_embed, _embedded), bears_usage=True)
IMAGE = Operation("generate_content", reader(_draw, _drawn), bears_usage=True)
VIDEO = Operation("generate_content", reader(_draw, _drawn), bears_usage=True)
COUNT_TOKENS = Operation("count_tokens", _read)
CREATE_BATCH = Operation("create_batch", _read)
RETRIEVE_BATCH = Operation("retrieve_batch", _read)
CANCEL_BATCH = Operation("cancel_batch", _read)
CREATE_CACHE = Operation("create_cache", _read)
RETRIEVE_CACHE = Operation("retrieve_cache", _read)
UPDATE_CACHE = Operation("update_cache", _read)
DELETE_CACHE = Operation("delete_cache", _read)
