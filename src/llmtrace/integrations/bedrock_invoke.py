"""Reads `InvokeModel`: each family of models has a protocol of its own, which its bodies and chunks are told by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import GenericPart, Inference, Message, TextPart
from llmtrace.facts.shape import integer, items, mapping, mappings, number, text
from llmtrace.facts.wire import Event, unpacked
from llmtrace.integrations import anthropic_messages, bedrock_converse, openai_chat
from llmtrace.integrations.bedrock import Body, asked, invoked, reading, usage

METRICS, TRACE = "amazon-bedrock-invocationMetrics", "amazon-bedrock-trace"
"""What Bedrock adds to a model's own answer: in a stream, to its last chunk."""

FINISH = {
    "COMPLETE": "stop",
    "CONTENT_FILTERED": "content_filter",
    "ERROR": "error",
    "ERROR_TOXIC": "content_filter",
    "FINISH": "stop",
    "FINISHED": "stop",
    "LENGTH": "length",
    "MAX_TOKENS": "length",
    "STOP_CRITERIA_MET": "stop",
    "endoftext": "stop",
    "stop_sequence": "stop",
}
"""Why a model stopped, in the words of Titan, Cohere and Jurassic; those of the others are the conventions' own."""


def _request(evidence: Evidence, body: Body) -> Inference:
    body = invoked(body)
    if "anthropic_version" in body:
        record = anthropic_messages.request(evidence, body)
    elif "inferenceConfig" in body or "schemaVersion" in body:
        record = bedrock_converse.request(evidence, body)
    elif "messages" in body:
        record = openai_chat.request(evidence, body)
    else:
        record = _completion(evidence, body)
    record.request_model = None  # the one that the client was called with, which is in no body
    record.guardrail_id = asked(evidence, "guardrailIdentifier")
    return record


def _completion(evidence: Evidence, body: Body) -> Inference:
    """A prompt of one piece, as Titan, Llama, Cohere, Mistral and Jurassic have it."""
    config = mapping(body.get("textGenerationConfig")) or body
    limits = ("maxTokenCount", "max_tokens", "max_gen_len", "maxTokens", "max_tokens_to_sample")
    stops = items(config.get("stopSequences", config.get("stop_sequences", config.get("stop"))))
    said = [body.get(name) for name in ("inputText", "prompt", "message")]
    earlier = mappings(body.get("chat_history"))
    turns = [Message(_role(turn), [TextPart(text(turn.get("message")) or "")]) for turn in earlier]
    return Inference(
        operation=evidence.start.operation.name,
        max_tokens=next(filter(None, (integer(config.get(name)) for name in limits)), None),
        temperature=number(config.get("temperature")),
        top_p=number(config.get("topP", config.get("top_p", config.get("p")))),
        top_k=integer(config.get("topK", config.get("top_k", config.get("k")))),
        stop_sequences=[mark for mark in stops if isinstance(mark, str)],
        system_instructions=[TextPart(one) for one in [body.get("preamble")] if isinstance(one, str)],
        input_messages=turns + [Message("user", [TextPart(one)]) for one in said if isinstance(one, str)],
    )


def _role(turn: Body) -> str:
    return {"CHATBOT": "assistant", "SYSTEM": "system"}.get(str(turn.get("role")), "user")


def _response(record: Inference, body: Body) -> None:
    if "choices" in body:
        openai_chat.response(record, body)
    elif "output" in body:
        bedrock_converse.response(record, body)
    elif "content" in body or "completion" in body:
        anthropic_messages.response(record, body)
    else:
        _completed(record, body)
    counts = usage(mapping(body.get(METRICS)))
    if record.usage.input_tokens is None and counts.input_tokens is not None:
        record.usage = counts
    if trace := mapping(mapping(body.get(TRACE)).get("guardrail")):
        record.output_messages = record.output_messages or [Message("assistant", [])]
        record.output_messages[-1].parts.append(GenericPart("guardrail_trace", trace))


def _completed(record: Inference, body: Body) -> None:
    """Texts and their reasons, under the names that each family has for them."""
    record.response_id = text(body.get("id")) or text(body.get("response_id"))
    found = _choices(body)
    record.output_messages = [Message("assistant", [TextPart(said)]) for said, _ in found]
    record.finish_reasons = [FINISH.get(reason, reason) for _, reason in found if reason]
    if not record.finish_reasons and (record.complete is False or record.failure is not None):
        record.finish_reasons = ["error"]
    record.usage.input_tokens = integer(body.get("inputTextTokenCount", body.get("prompt_token_count")))
    tokens = [integer(result.get("tokenCount")) for result in mappings(body.get("results"))]
    given = integer(body.get("totalOutputTextTokenCount", body.get("generation_token_count")))
    record.usage.output_tokens = integer(sum(filter(None, tokens))) if any(tokens) else given


def _choices(body: Body) -> list[tuple[str, str | None]]:
    """Each choice's text and why it ended."""
    lists = ("results", "generations", "outputs", "completions")
    several = chain.from_iterable(mappings(body.get(name)) for name in lists)
    found = [_choice(mapping(one.get("data")) | one) for one in several]
    whole = _choice(body)
    return found or ([whole] if whole != ("", None) else [])


def _choice(one: Body) -> tuple[str, str | None]:
    said = next((one[name] for name in ("outputText", "generation", "text") if isinstance(one.get(name), str)), "")
    ended = [one.get(name) for name in ("completionReason", "stop_reason", "finish_reason")]
    ended.append(mapping(one.get("finishReason")).get("reason"))
    return said, next((reason for reason in ended if isinstance(reason, str)), None)


def _fold(events: Iterable[Event]) -> tuple[Body, bool]:
    """The answer that a stream's chunks amount to: whose they are is told by the first."""
    added: Body = {}
    chunks = _heard(unpacked(events), added)
    first = next(chunks, None)
    if first is None:
        return {}, False
    data, chunks = mapping(first.data), chain([first], chunks)
    if "choices" in data:
        body, complete = openai_chat.fold(chunks)
    elif {"messageStart", "contentBlockDelta", "contentBlockStart"} & data.keys():
        body, complete = bedrock_converse.fold(_named(chunks))
    elif "type" in data:
        body, complete = anthropic_messages.fold(chunks)
    else:
        body, complete = _joined(chunks)
    return body | added, complete or (METRICS in added and "error" not in body)


def _heard(events: Iterable[Event], added: Body) -> Iterator[Event]:
    """The events; what Bedrock adds to the last one is put aside."""
    for event in events:
        added |= {name: value for name, value in mapping(event.data).items() if name in (METRICS, TRACE)}
        yield event


def _named(chunks: Iterable[Event]) -> Iterator[Event]:
    """Nova's chunks as the events of Converse: an object whose first entry is named as the event is."""
    for chunk in chunks:
        if chunk.name == "error":
            yield chunk
            continue
        name = next(iter(mapping(chunk.data)), "")
        yield Event(name, mapping(chunk.data).get(name))


def _joined(chunks: Iterable[Event]) -> tuple[Body, bool]:
    """Chunks that repeat the answer's own fields: texts are joined, of the rest the last word holds."""
    body: Body = {}
    said: dict[str, list[str]] = {}
    for chunk in chunks:
        data = mapping(chunk.data)
        inner = next(iter(mappings(data.get("outputs", data.get("generations")))), {})
        for name, value in {**data, **inner, **mapping(data.get("response"))}.items():
            if name in ("outputText", "generation", "text") and isinstance(value, str):
                if data.get("event_type") != "stream-end":  # Cohere's last word is the whole answer once more
                    said.setdefault(name, []).append(value)
            elif value is not None and name not in ("outputs", "generations", "response"):
                body[name] = value
    body |= {name: "".join(pieces) for name, pieces in said.items()}
    ended = _choice(body)[1] is not None or "totalOutputTextTokenCount" in body
    return body, ended or body.get("is_finished") is True


def _streamed(evidence: Evidence, body: Body) -> Inference:
    record = _request(evidence, body)
    record.stream = True
    return record


def _operations(name: str) -> tuple[Operation, Operation]:
    return (
        Operation(name, reading(_request, _response, _fold), bears_usage=True),
        Operation(name, reading(_streamed, _response, _fold), bears_usage=True),
    )


CHAT = _operations("chat")
COMPLETION = _operations("text_completion")
COMPLETING = ("amazon.titan-text", "meta.llama", "cohere.command-text", "cohere.command-light", "ai21.j2")
"""Models that are prompted with one text; all others that answer in words are sent messages."""
