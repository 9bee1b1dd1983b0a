"""Through pipes a trace always goes on: client and server are two processes, and one trace comes of both."""

from __future__ import annotations

import llmtrace
from tests.exporters.receiver import receiving
from tests.integrations.mcp.talking import LEAKS, TWO, piped

pytestmark = LEAKS


def sent(receiver):
    return [span for received in receiver.requests for span in received.spans]


async def test_both_processes_are_in_one_trace(traced):
    with receiving() as receiver:
        async with piped(receiver.url) as talk:
            with llmtrace.workflow("asking"):
                await talk.call_tool("add", {"a": 1, "b": 2})
                await talk.list_tools()
        theirs = {span.name: span for span in sent(receiver)}
    ours = {span.name: span for span in traced.spans}
    (flow,) = (span for name, span in ours.items() if "asking" in name)
    for method in ("tools/call add", "tools/list"):
        asked, served = ours[method], theirs[method]
        assert asked.parent.span_id == flow.context.span_id
        assert served.parent_span_id.hex() == f"{asked.context.span_id:016x}"
        assert served.trace_id.hex() == f"{flow.context.trace_id:032x}"
        assert asked.attributes["network.transport"] == "pipe"
        assert not TWO or asked.attributes["mcp.protocol.version"]  # version 1 keeps it on no session
    assert theirs["adding"].parent_span_id == theirs["tools/call add"].span_id
    assert theirs["initialize"].parent_span_id.hex() == f"{ours['initialize'].context.span_id:016x}"
    known = {each.key: each.value.string_value for each in theirs["tools/call add"].attributes}
    assert known["network.transport"] == "pipe"
    assert known["gen_ai.operation.name"] == "execute_tool"


async def test_a_client_that_was_imported_before_tracing_began_is_known_all_the_same(traced):
    # `talking` imports `stdio_client` by name, as scripts do, long before `init`.
    with receiving() as receiver:
        async with piped(receiver.url) as talk:
            await talk.call_tool("where")
        (served,) = (span for span in sent(receiver) if span.name == "tools/call where")
    (asked,) = traced.named("tools/call where")
    assert served.trace_id.hex() == f"{asked.context.trace_id:032x}"
