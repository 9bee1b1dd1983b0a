"""OpenAI's responses as an event stream: every event that leads from an empty response to a finished one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from llmtrace.facts.records import Json
from llmtrace.testing.answers import Fault, tokens
from llmtrace.testing.openai_responses import unfinished
from llmtrace.testing.openai_wire import named_events


def stream(body: dict[str, Json], then: Fault | None, after: int = -1) -> bytes:
    """The response as an event stream from the event after number `after`; broken off halfway by the error `then`."""
    numbers = count()
    events = [{"type": event.pop("type"), "sequence_number": next(numbers), **event} for event in _events(body)]
    if then is not None:
        events = events[: len(events) // 2]
        fault = {"code": then.code, "message": then.message, "param": then.param}
        events.append({"type": "error", "sequence_number": next(numbers), **fault})
    return named_events(event for event in events if event["sequence_number"] > after)


def _events(body: dict[str, Json]) -> Iterator[dict[str, Json]]:
    yield {"type": "response.created", "response": unfinished(body, "in_progress")}
    yield {"type": "response.in_progress", "response": unfinished(body, "in_progress")}
    for n, item in enumerate(body["output"]):
        yield {"type": "response.output_item.added", "output_index": n, "item": _empty(item)}
        for event in _INSIDE[item["type"]](item):
            yield {**event, "item_id": item["id"], "output_index": n}
        yield {"type": "response.output_item.done", "output_index": n, "item": item}
    yield {"type": f"response.{body['status']}", "response": body}


_BLANK: dict[str, dict[str, Json]] = {
    "reasoning": {"summary": []},
    "message": {"content": []},
    "function_call": {"arguments": ""},
}


def _empty(item: dict[str, Json]) -> dict[str, Json]:
    """The item as it is announced."""
    blank = {"status": "in_progress"} if "status" in item else {}
    return {**item, **_BLANK[item["type"]], **blank}


def _message(item: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for n, part in enumerate(item["content"]):
        kind, field = ("output_text", "text") if part["type"] == "output_text" else ("refusal", "refusal")
        extra: dict[str, Json] = {"logprobs": []} if kind == "output_text" else {}
        yield {"type": "response.content_part.added", "content_index": n, "part": {**part, field: ""}}
        for token in tokens(part[field]):
            yield {"type": f"response.{kind}.delta", "content_index": n, "delta": token, **extra}
        yield {"type": f"response.{kind}.done", "content_index": n, field: part[field], **extra}
        yield {"type": "response.content_part.done", "content_index": n, "part": part}


def _function_call(item: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for token in tokens(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", "delta": token}
    yield {"type": "response.function_call_arguments.done", "arguments": item["arguments"], "name": item["name"]}


def _reasoning(item: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for n, part in enumerate(item["summary"]):
        yield {"type": "response.reasoning_summary_part.added", "summary_index": n, "part": {**part, "text": ""}}
        for token in tokens(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", "summary_index": n, "delta": token}
        yield {"type": "response.reasoning_summary_text.done", "summary_index": n, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", "summary_index": n, "part": part}


_INSIDE = {"message": _message, "function_call": _function_call, "reasoning": _reasoning}
