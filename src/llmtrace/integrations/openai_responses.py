"""The Responses API: items in, items out, streamed by deltas, run in the background, fetched later, compacted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from llmtrace.facts import records as facts
from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Inference, Json, Message, Part
from llmtrace.facts.shape import decoded, integer, items, mapping, mappings, text
from llmtrace.facts.wire import Event, reader
from llmtrace.integrations.openai_parts import Body, answered, asked, finish, part, parts, tools

_OUTCOMES = ("results", "outputs", "output", "result", "tools", "error")
_ARGUMENTS = ("arguments", "input", "action", "actions", "operation")
_ENDS = {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}


class _Delta(NamedTuple):
    """Where a delta event's text belongs: the item's type and field, and the block's where it is in one."""

    item: str
    field: str
    block: str = ""
    inner: str = "text"


_DELTAS = {
    "response.output_text.delta": _Delta("message", "content", "output_text"),
    "response.refusal.delta": _Delta("message", "content", "refusal", "refusal"),
    "response.reasoning_text.delta": _Delta("reasoning", "content", "reasoning_text"),
    "response.reasoning_summary_text.delta": _Delta("reasoning", "summary", "summary_text"),
    "response.function_call_arguments.delta": _Delta("function_call", "arguments"),
    "response.custom_tool_call_input.delta": _Delta("custom_tool_call", "input"),
    "response.mcp_call_arguments.delta": _Delta("mcp_call", "arguments"),
    "response.code_interpreter_call_code.delta": _Delta("code_interpreter_call", "code"),
}


def messages(value: Json) -> list[Message]:
    """The input as messages. What the assistant did in a row is one message, as it was when it was the output."""
    found: list[Message] = []
    for raw in items(value) or [value]:
        role, blocks = _item(raw) if isinstance(raw, dict) else ("user", parts(raw))
        if role == "assistant" and found and found[-1].role == "assistant":
            found[-1].parts += blocks
        elif blocks:
            found.append(Message(role, blocks))
    return found


def _item(raw: Body) -> tuple[str, list[Part]]:
    """The role that an item has, and its parts."""
    kind = text(raw.get("type")) or "message"
    role = text(raw.get("role")) or ("user" if kind == "message" else "assistant")
    if kind == "message":
        return role, parts(raw.get("content"))
    if kind == "reasoning":
        return role, parts(items(raw.get("summary")) + items(raw.get("content")))
    if kind == "compaction":
        return role, [facts.CompactionPart(text(raw.get("id")))]
    if kind.endswith("_call_output"):
        return "tool", [facts.ToolResponsePart(decoded(raw.get("output")), text(raw.get("call_id")))]
    if kind.endswith("_call") or kind == "mcp_list_tools":
        return role, _tool(kind.removesuffix("_call"), raw)
    found = part(raw)
    return role if isinstance(found, facts.GenericPart) else "user", [found]


def _tool(kind: str, raw: Body) -> list[Part]:
    """A tool call. One that the client is to run has a `call_id` for its answer; the others the provider has run."""
    name = text(raw.get("name")) or kind
    call_id = text(raw.get("call_id"))
    if call_id is not None and mapping(raw.get("environment")).get("type") != "container_reference":
        arguments = next((raw[key] for key in _ARGUMENTS if raw.get(key) is not None), None)
        return [facts.ToolCallPart(name, call_id, arguments if kind == "custom_tool" else decoded(arguments))]
    own_id = call_id or text(raw.get("id"))
    said = {key: decoded(value) for key, value in raw.items() if key not in ("id", "type", "role", *_OUTCOMES)}
    call = facts.ServerToolCallPart(name, {"type": kind, **said}, own_id)
    image = raw.get("result")
    if kind == "image_generation" and isinstance(image, str):
        return [call, facts.BlobPart("image", image, f"image/{text(raw.get('output_format')) or 'png'}")]
    outcome = {key: raw[key] for key in _OUTCOMES if raw.get(key) is not None}
    return [call, facts.ServerToolResponsePart({"type": kind, **outcome}, own_id)] if outcome else [call]


def _ask(evidence: Evidence, body: Body) -> Inference:
    record = asked(evidence, body, "responses")
    record.system_instructions = _instructions(body)
    record.input_messages = messages(body.get("input"))
    record.previous_response_id = text(body.get("previous_response_id"))
    record.conversation_id = _conversation(body)
    return record


def _instructions(body: Body) -> list[Part]:
    return [block for said in messages(body.get("instructions")) for block in said.parts]


def _conversation(body: Body) -> str | None:
    conversation = body.get("conversation")
    return text(conversation) or text(mapping(conversation).get("id"))


def _answer(record: Inference, body: Body) -> None:
    answered(record, body)
    record.conversation_id = _conversation(body) or record.conversation_id
    record.response_status = text(body.get("status"))
    if searches := integer(mapping(mapping(body.get("tool_usage")).get("web_search")).get("num_requests")):
        record.usage.units["web_search"] = searches
    if record.response_status == "failed" and record.failure is None:
        record.failure = facts.Failure("_OTHER")
    # A compaction repeats the user's messages before what it made of them.
    output = [block for role, blocks in map(_item, mappings(body.get("output"))) if role != "user" for block in blocks]
    record.output_messages = [Message("assistant", output)] if output else []
    record.conversation_compacted = any(isinstance(block, facts.CompactionPart) for block in output)
    record.finish_reasons = finish(record, _reasons(body, output))


def _reasons(body: Body, output: list[Part]) -> list[str | None]:
    match body.get("status"):
        case "completed":
            return ["tool_calls" if any(isinstance(block, facts.ToolCallPart) for block in output) else "stop"]
        case "incomplete":
            return [text(mapping(body.get("incomplete_details")).get("reason")) or "error"]
        case "failed" | "cancelled":
            return ["error"]
        case _:
            return ["compaction"] if body.get("object") == "response.compaction" else []


def _fetch(evidence: Evidence, _: Body) -> Inference:
    record = asked(evidence, {}, "responses")
    record.response_id, query = target(evidence)
    record.stream = query.get("stream") == "true"
    record.stream_cursor = query.get("starting_after")
    return record


def target(evidence: Evidence) -> tuple[str | None, dict[str, str]]:
    """The id in the path of a request that has no body, and its query."""
    sent = evidence.request
    url = urlsplit(sent.decode(errors="replace") if isinstance(sent, bytes) and sent.startswith(b"/") else "")
    owner = unquote(url.path.removesuffix("/cancel").rpartition("/")[2])
    return owner or None, dict(parse_qsl(url.query))


def _fetched(record: Inference, body: Body) -> None:
    _answer(record, body)
    record.system_instructions = _instructions(body)
    record.tool_definitions = tools(body)
    if body.get("background") is not True:
        record.usage = facts.Usage()  # the call that created the response has counted it


def _fold(events: Iterable[Event]) -> tuple[Body, bool]:
    body: Body = {}
    error: Json = None
    found: dict[int, Body] = {}
    pieces: dict[tuple[int, _Delta, int], list[str]] = {}
    complete = False
    for name, data in events:
        event = mapping(data)
        kind = text(event.get("type")) or name
        body = mapping(event.get("response")) or body
        complete = complete or kind in _ENDS
        error = event.get("error") or (event if kind == "error" else error)
        at = integer(event.get("output_index")) or 0
        found[at] = mapping(event.get("item")) or found.get(at, {})
        if kind in _DELTAS and (delta := text(event.get("delta"))):
            inner = integer(event.get("content_index")) or integer(event.get("summary_index")) or 0
            pieces.setdefault((at, _DELTAS[kind], inner), []).append(delta)
    told = {"error": error} if error else {}
    return {**body, "output": items(body.get("output")) or _rebuilt(found, pieces), **told}, complete


def _rebuilt(found: dict[int, Body], pieces: dict[tuple[int, _Delta, int], list[str]]) -> list[Body]:
    """The output of a stream that was cut short: its whole items, and of the others what the deltas said so far."""
    for (at, delta, _), bits in pieces.items():
        item = {"type": delta.item, "role": "assistant", **found[at]}
        if item.get("status") != "completed":
            grown = "".join(bits)
            blocks = [*items(item.get(delta.field)), {"type": delta.block, delta.inner: grown}]
            found[at] = {**item, delta.field: blocks if delta.block else grown}
    return [found[at] for at in sorted(found) if found[at]]


RESPONSE = Operation("chat", reader(_ask, _answer, _fold), bears_usage=True)
FETCH = Operation("fetch_response", reader(_fetch, _fetched, _fold))
