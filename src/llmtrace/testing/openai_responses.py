"""OpenAI's responses on the wire: requests as turns, and answers as JSON bodies."""

from __future__ import annotations

from llmtrace.facts.records import Json
from llmtrace.facts.shape import mapping, mappings
from llmtrace.testing.answers import Answer, Fault, Mint, Turn, Types, tokens, weight
from llmtrace.testing.openai_wire import CREATED, MOST_OUTPUT, arguments, choice, offered, text_of, too_large, wrong

_ECHOED: dict[str, Json] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}

_TYPES: Types = {
    "model": str,
    "input": (str, list),
    "max_output_tokens": int,
    "parallel_tool_calls": bool,
    "previous_response_id": str,
    "tool_choice": (str, dict),
}


def complaint(body: dict[str, Json]) -> Fault | None:
    """What is wrong with the request, if anything is."""
    return wrong(body, ("model", "input"), _TYPES) or too_large(body, {"max_output_tokens": MOST_OUTPUT})


def input_items(body: dict[str, Json]) -> list[dict[str, Json]]:
    """The request's input as items; a bare string is one user message."""
    given = body["input"]
    return [{"role": "user", "content": given}] if isinstance(given, str) else mappings(given)


def turn(body: dict[str, Json], history: list[dict[str, Json]]) -> Turn:
    """The request in neutral words; `history` holds the items of the responses before it."""
    whole = [*history, *input_items(body)]
    users = [n for n, item in enumerate(whole) if item.get("role") == "user"]
    said = [text_of(whole[n].get("content")) for n in users]
    system = [text_of(item.get("content")) for item in whole if item.get("role") in ("system", "developer")]
    since = whole[users[-1] :] if users else whole
    reasoning = mapping(body.get("reasoning"))
    return Turn(
        model=body["model"],
        question=said[-1] if said else "",
        instructions="\n".join([str(body.get("instructions") or ""), *system]),
        earlier=tuple(said[:-1]),
        results=tuple(text_of(item.get("output")) for item in since if item.get("type") == "function_call_output"),
        tools=offered(body.get("tools")),
        tool_choice=choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls", True),
        schema=mapping(mapping(mapping(body.get("text")).get("format")).get("schema")) or None,
        thinks=reasoning.get("effort") not in (None, "none", "minimal") or "summary" in reasoning,
        limit=body.get("max_output_tokens"),
        input_tokens=weight(whole) + weight(body.get("instructions")) + weight(body.get("tools")) + 3,
    )


def answered(body: dict[str, Json], asked: Turn, mint: Mint, answer: Answer) -> dict[str, Json]:
    """The answer as one JSON body."""
    cut_short = {"length": "max_output_tokens", "filtered": "content_filter"}.get(answer.finish)
    return {
        **{name: body.get(name) if body.get(name) is not None else usual for name, usual in _ECHOED.items()},
        "id": mint("resp_", 50),
        "object": "response",
        "created_at": CREATED,
        "completed_at": CREATED + 1,
        "status": "incomplete" if cut_short else "completed",
        "error": None,
        "incomplete_details": {"reason": cut_short} if cut_short else None,
        "model": asked.model,
        "output": _output(answer, mint),
        "reasoning": {"effort": None, "summary": None, **mapping(body.get("reasoning"))},
        "service_tier": "default",
        "usage": _usage(asked, answer),
    }


def unfinished(body: dict[str, Json], status: str) -> dict[str, Json]:
    """The response as it is before the model has said anything."""
    return {**body, "status": status, "output": [], "usage": None, "completed_at": None, "incomplete_details": None}


def _output(answer: Answer, mint: Mint) -> list[dict[str, Json]]:
    output: list[dict[str, Json]] = []
    if answer.thinking:
        summary = [{"type": "summary_text", "text": answer.thinking}]
        output.append({"id": mint("rs_", 50), "type": "reasoning", "summary": summary})
    content: list[dict[str, Json]] = []
    if answer.text:
        content.append({"type": "output_text", "annotations": [], "logprobs": [], "text": answer.text})
    if answer.refusal is not None:
        content.append({"type": "refusal", "refusal": answer.refusal})
    status = "completed" if answer.finish == "stop" else "incomplete"
    if content:
        output.append(
            {"id": mint("msg_", 50), "type": "message", "status": status, "role": "assistant", "content": content}
        )
    for call in answer.tool_calls:
        fields = {"id": mint("fc_", 50), "type": "function_call", "status": "completed", "call_id": mint("call_", 24)}
        output.append({**fields, "name": call.name, "arguments": arguments(call)})
    return output


def _usage(asked: Turn, answer: Answer) -> dict[str, Json]:
    thought = len(tokens(answer.thinking))
    called = sum(len(tokens(call.name + arguments(call))) for call in answer.tool_calls)
    output = thought + len(tokens(answer.text)) + len(tokens(answer.refusal or "")) + called
    return {
        "input_tokens": asked.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": asked.input_tokens + output,
    }
