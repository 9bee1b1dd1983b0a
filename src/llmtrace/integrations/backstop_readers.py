"""How what went over the wire is read where only the backstop saw it: as the integrations of the libraries read it."""

from __future__ import annotations

from collections.abc import Callable

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Embedding, Inference, Json, Record, Rerank
from llmtrace.facts.shape import text
from llmtrace.facts.wire import reader
from llmtrace.integrations import anthropic, botocore, google_genai, google_genai_interactions, openai


def _named(make: Callable[..., Record]) -> Callable[[Evidence], Record]:
    """The reader of words that nobody speaks here: it says which model was asked for, and what went wrong."""

    def request(evidence: Evidence, body: dict[str, Json]) -> Record:
        return make(operation=evidence.start.operation.name, request_model=text(body.get("model")))

    return reader(request, lambda *_: None)


READERS: dict[str, Operation | Callable[[str], Operation]] = {
    "openai.chat": openai.ROUTES["post", "/chat/completions"],
    "openai.completion": openai.ROUTES["post", "/completions"],
    "openai.responses": openai.ROUTES["post", "/responses"],
    "openai.embeddings": openai.ROUTES["post", "/embeddings"],
    "openai.image": openai.ROUTES["post", "/images/generations"],
    "openai.speech": openai.ROUTES["post", "/audio/speech"],
    "openai.transcript": openai.ROUTES["post", "/audio/transcriptions"],
    "anthropic.messages": anthropic.ROUTES["post", "/v1/messages"],
    "anthropic.complete": anthropic.ROUTES["post", "/v1/complete"],
    "google.generate": google_genai.ACTIONS["generateContent"],
    "google.stream": google_genai.ACTIONS["streamGenerateContent"],
    "google.embed": google_genai.ACTIONS["embedContent"],
    "google.predict": google_genai.ACTIONS["predict"],
    "google.interaction": google_genai_interactions.CREATE,
    "bedrock.converse": botocore.TRACED["Converse"].operation,
    "bedrock.converse_stream": botocore.TRACED["ConverseStream"].operation,
    "bedrock.invoke": botocore.TRACED["InvokeModel"].operation,
    "bedrock.invoke_stream": botocore.TRACED["InvokeModelWithResponseStream"].operation,
    "other.chat": Operation("chat", _named(Inference), bears_usage=True),
    "other.completion": Operation("text_completion", _named(Inference), bears_usage=True),
    "other.embed": Operation("embeddings", _named(Embedding), bears_usage=True),
    "other.rerank": Operation("rerank", _named(Rerank), bears_usage=True),
}
"""By whose words they are. With some the model decides."""


def operation(words: str, model: str) -> Operation:
    """The operation that is read so."""
    found = READERS[words]
    return found if isinstance(found, Operation) else found(model)
