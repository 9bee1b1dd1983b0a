"""Gemini's API on the wire: requests as turns, answers as JSON bodies, bodies as event streams."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote

from llmtrace.facts.records import Json
from llmtrace.facts.shape import integer, items, mapping, mappings, text
from llmtrace.testing.answers import Answer, Fault, Mint, OfferedTool, Turn, tokens, weight
from llmtrace.testing.local_http import json_bytes
from llmtrace.testing.openai_embeddings import vector

REQUEST_ID = "x-goog-request-id"
MODELS = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-embedding-001")
_PATH = re.compile(r"/(?P<model>[^/:]+):(?P<action>\w+)$")
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "filtered": "SAFETY"}
_CHOICES = {"ANY": "required", "NONE": "none"}
_PARAMETERS = ("parameters", "parametersJsonSchema", "parameters_json_schema")
_DIMENSIONS = 3072


def asked(path: str) -> dict[str, Json]:
    """What the path of a request says and other vendors' bodies do: the model, and whether the answer is a stream."""
    found = _PATH.search(path)
    return {} if found is None else {"model": unquote(found["model"]), "stream": found["action"].startswith("stream")}


def error_body(fault: Fault, _request_id: str) -> dict[str, Json]:
    """The body of an error answer."""
    status = fault.code or _STATUSES.get(fault.status, "INTERNAL")
    return {"error": {"code": fault.status, "message": fault.message, "status": status}}


def complaint(body: dict[str, Json]) -> Fault | None:
    """What is wrong with the request, if anything is."""
    if not mappings(body.get("contents")):
        return Fault(400, "* GenerateContentRequest.contents: contents is not specified")
    return None


def turn(body: dict[str, Json]) -> Turn:
    """The request in neutral words."""
    contents = [(content.get("role"), mappings(content.get("parts"))) for content in mappings(body.get("contents"))]
    spoken = [n for n, (role, parts) in enumerate(contents) if role != "model" and _text(parts)]
    said = [_text(contents[n][1]) for n in spoken]
    since = [part for _, parts in contents[spoken[-1] if spoken else 0 :] for part in parts]
    results = [mapping(part["functionResponse"]).get("response") for part in since if "functionResponse" in part]
    config = mapping(body.get("generationConfig"))
    calling = mapping(mapping(body.get("toolConfig")).get("functionCallingConfig"))
    allowed = [name for name in items(calling.get("allowedFunctionNames")) if isinstance(name, str)]
    return Turn(
        model=body["model"],
        question=said[-1] if said else "",
        instructions=_text(mappings(mapping(body.get("systemInstruction")).get("parts"))),
        earlier=tuple(said[:-1]),
        results=tuple(json.dumps(result, ensure_ascii=False) for result in results),
        tools=tuple(_offered(one) for tool in mappings(body.get("tools")) for one in _declared(tool)),
        tool_choice=allowed[0] if allowed else _CHOICES.get(str(calling.get("mode")), "auto"),
        schema=mapping(_lower(config.get("responseJsonSchema") or config.get("responseSchema"))) or None,
        thinks=bool(mapping(config.get("thinkingConfig")).get("includeThoughts")),
        limit=integer(config.get("maxOutputTokens")),
        input_tokens=count_tokens(body),
    )


def count_tokens(body: dict[str, Json]) -> int:
    """The tokens of a request's input, those of a request that is only to be counted, too."""
    whole = mapping(body.get("generateContentRequest")) or body
    return sum(weight(whole.get(part)) for part in ("contents", "systemInstruction", "tools")) + 1


def _text(parts: list[dict[str, Json]]) -> str:
    return "\n".join(part["text"] for part in parts if text(part.get("text")))


def _declared(tool: dict[str, Json]) -> list[dict[str, Json]]:
    return mappings(tool.get("functionDeclarations"))


def _offered(raw: dict[str, Json]) -> OfferedTool:
    wanted = next((raw[name] for name in _PARAMETERS if raw.get(name)), None)
    return OfferedTool(str(raw.get("name")), mapping(_lower(wanted)))


def _lower(schema: Json) -> Json:
    """The schema with its types as JSON Schema spells them: Google's are in capitals."""
    if isinstance(schema, list):
        return [_lower(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    lowered = {name: _lower(value) for name, value in schema.items()}
    kind = lowered.get("type")
    return lowered | ({"type": kind.lower()} if isinstance(kind, str) else {})


def answered(turn: Turn, mint: Mint, answer: Answer) -> dict[str, Json]:
    """The answer as one JSON body."""
    parts = list(_parts(answer, mint))
    reason = _FINISH[answer.finish]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": reason, "index": 0}
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(turn.input_tokens, parts),
        "modelVersion": turn.model,
        "responseId": mint("", 22),
    }


def _parts(answer: Answer, mint: Mint) -> Iterator[dict[str, Json]]:
    if answer.thinking:
        yield {"text": answer.thinking, "thought": True}
    if said := answer.text or answer.refusal:
        yield {"text": said}
    for call in answer.tool_calls:
        yield {"functionCall": {"id": mint("call_", 8), "name": call.name, "args": mapping(call.arguments)}}


def _usage(given: int, parts: list[dict[str, Json]]) -> dict[str, Json]:
    thought = sum(weight(part["text"]) for part in parts if part.get("thought"))
    said = sum(weight(part.get("text") or json.dumps(part)) for part in parts if not part.get("thought"))
    detail = [{"modality": "TEXT", "tokenCount": given}]
    counts = {"promptTokenCount": given, "candidatesTokenCount": said, "promptTokensDetails": detail}
    return {**counts, **({"thoughtsTokenCount": thought} if thought else {}), "totalTokenCount": given + said + thought}


def stream(body: dict[str, Json], then: Fault | None) -> bytes:
    """The body as an event stream; broken off halfway by the error `then`."""
    made = list(_pieces(body))
    if then is not None:
        made = [*made[: len(made) // 2], error_body(then, "")]
    return b"".join(b"data: %b\r\n\r\n" % json_bytes(piece) for piece in made)


def _pieces(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """Each piece says what came to be said, and what was used up to there."""
    (candidate,) = body["candidates"]
    parts = [piece for part in candidate["content"]["parts"] for piece in _cut(part)]
    for n, part in enumerate(parts or [{"text": ""}], start=1):
        content = {"role": "model", "parts": [part]}
        ended = {"finishReason": candidate["finishReason"]} if n >= len(parts) else {}
        used = body["usageMetadata"] if ended else _usage(body["usageMetadata"]["promptTokenCount"], parts[:n])
        yield {**body, "candidates": [{"content": content, **ended, "index": 0}], "usageMetadata": used}


def _cut(part: dict[str, Json]) -> list[dict[str, Json]]:
    return [{**part, "text": piece} for piece in tokens(part["text"])] if "text" in part else [part]


def embedded(body: dict[str, Json]) -> dict[str, Json]:
    """The vectors of a batch's contents, or of the one content alone."""
    requests = mappings(body.get("requests"))
    vectors = [_vector(one) for one in requests or [body]]
    return {"embeddings": vectors} if requests else {"embedding": vectors[0]}


def _vector(request: dict[str, Json]) -> dict[str, Json]:
    size = integer(request.get("outputDimensionality"))
    said = _text(mappings(mapping(request.get("content")).get("parts")))
    return {"values": list(vector(said, size if size and 0 < size <= _DIMENSIONS else _DIMENSIONS))}


def models() -> dict[str, Json]:
    """The answer to a listing of the models."""
    return {"models": [{"name": f"models/{name}", "displayName": name} for name in MODELS]}
