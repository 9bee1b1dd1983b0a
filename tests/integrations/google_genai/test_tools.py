"""Functions that Google's client runs for the model: a call of the model each turn, a tool for each run, one step."""

import json

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

import llmtrace
from llmtrace.integrations import google_genai_loop
from llmtrace.testing.captured import capture, decoded
from tests.integrations.conformance.clients import collected, each, settled
from tests.integrations.conformance.network import Answer
from tests.integrations.conformance.observed import described
from tests.integrations.google_genai.answers import JSON, call, generated, network, stream, text, whole
from tests.integrations.google_genai.clients import connect, genai, quiet, types

pytestmark = quiet
sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
MODEL = "gemini-2.5-flash"
ASKED = "How is it?"
REFUSAL = b'{"error": {"code": 400, "message": "No more.", "status": "INVALID_ARGUMENT"}}'


def weather(city: str) -> str:
    """What the weather is like.

    Anywhere.
    """
    return f"sunny in {city}"


async def clock(city: str) -> str:
    """What time it is."""
    return f"noon in {city}"


def broken(city: str) -> str:
    """Fails."""
    message = f"no such place as {city}"
    raise LookupError(message)


ROME = {"functionCall": {"name": "weather", "args": {"city": "Rome"}, "id": "c1"}}
OSLO = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}, "id": "c2"}}


LOOP = "generate_content"


def tree(spans):
    """Each span's name under that of its parent, in the order they began."""
    by_id = {span.context.span_id: span for span in spans}
    ordered = sorted(spans, key=lambda span: span.start_time)
    return [(by_id[span.parent.span_id].name if span.parent else None, span.name) for span in ordered]


async def plain(side, tools, **config):
    asked = side.models.generate_content(model=MODEL, contents=ASKED, config={"tools": tools, **config})
    return [await settled(asked)]


async def streamed(side, tools, **config):
    asked = side.models.generate_content_stream(model=MODEL, contents=ASKED, config={"tools": tools, **config})
    return [piece async for piece in each(await settled(asked))]


async def chatted(side, tools, **config):
    chat = side.chats.create(model=MODEL, config=types.GenerateContentConfig(tools=tools, **config))
    return [await settled(chat.send_message(ASKED))]


async def chat_streamed(side, tools, **config):
    chat = side.chats.create(model=MODEL)
    asked = chat.send_message_stream(ASKED, types.GenerateContentConfig(tools=tools, **config))
    return [piece async for piece in each(await settled(asked))]


DRIVES = [plain, streamed, chatted, chat_streamed]
every_drive = pytest.mark.parametrize("drive", DRIVES)


def answers(drive, *bodies):
    return [stream(body) if "stream" in drive.__name__ else whole(body) for body in bodies]


@sync_and_async
@every_drive
async def test_each_turn_is_a_call_and_each_function_a_tool_beside_it_in_one_step(drive, asynchronous):
    net = network(*answers(drive, generated(ROME, OSLO), text("Sunny.")))
    client = connect(net)
    with capture() as captured:
        with llmtrace.step("ask"):
            await drive(client.aio if asynchronous else client, [weather])
        spans = captured.spans
    model, tool = f"generate_content {MODEL}", "execute_tool weather"
    turns = [(LOOP, model), (LOOP, tool), (LOOP, tool), (LOOP, model)]
    assert tree(spans) == [(None, "ask"), ("ask", LOOP), *turns]
    runs = [decoded(span) for span in spans if span.name == tool]
    assert [said["gen_ai.tool.call.id"] for said in runs] == ["c1", "c2"]
    assert [said["gen_ai.tool.call.arguments"] for said in runs] == [{"city": "Rome"}, {"city": "Oslo"}]
    assert [said["gen_ai.tool.call.result"] for said in runs] == [
        {"result": "sunny in Rome"},
        {"result": "sunny in Oslo"},
    ]
    assert {said["gen_ai.tool.description"] for said in runs} == {"What the weather is like.\n\nAnywhere."}
    assert sum("gen_ai.usage.input_tokens" in span.attributes for span in spans) == len(net.requests) == 2
    last = [decoded(span) for span in spans if span.name == model][-1]
    assert [message["role"] for message in last["gen_ai.input.messages"]] == ["user", "assistant", "tool"]


@sync_and_async
@every_drive
async def test_one_call_is_one_trace_whose_root_bears_no_usage_and_no_content(drive, asynchronous):
    client = connect(network(*answers(drive, generated(ROME), text("Sunny."))))
    with capture() as captured:
        await drive(client.aio if asynchronous else client, [weather])
        spans = captured.spans
    model = f"generate_content {MODEL}"
    assert tree(spans) == [(None, LOOP), (LOOP, model), (LOOP, "execute_tool weather"), (LOOP, model)]
    root = captured.one(LOOP)
    assert root.kind is SpanKind.INTERNAL
    assert root.status.is_unset
    assert root.attributes["llmtrace.step.kind"] == "chain"
    assert not [key for key in root.attributes if "usage" in key or "message" in key or "value" in key]


@sync_and_async
@every_drive
async def test_a_call_whose_functions_the_library_does_not_run_is_alone(drive, asynchronous):
    declared = types.Tool(function_declarations=[types.FunctionDeclaration(name="weather")])
    off = {"automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True)}
    none = {"automatic_function_calling": {"maximum_remote_calls": 0}}
    for tools, config in [([], {}), ([declared], {}), ([weather, declared], {}), ([weather], off), ([weather], none)]:
        client = connect(network(*answers(drive, generated(ROME))))
        with capture() as captured:
            await drive(client.aio if asynchronous else client, tools, **config)
            assert tree(captured.spans) == [(None, f"generate_content {MODEL}")]


@sync_and_async
@every_drive
async def test_a_call_that_fails_is_raised_as_it_is_and_fails_its_step(drive, asynchronous):
    client = connect(network(*answers(drive, generated(ROME)), Answer(400, JSON, REFUSAL)))
    with capture() as captured:
        with pytest.raises(genai.errors.ClientError, match="No more"):
            await drive(client.aio if asynchronous else client, [weather])
        await collected()
        root = captured.one(LOOP)
    assert root.status.status_code is StatusCode.ERROR
    assert len(captured.spans) == 4


@sync_and_async
@pytest.mark.parametrize("chat", [False, True], ids=["models", "chat"])
async def test_a_stream_that_is_left_ends_its_step_and_one_that_is_never_read_has_none(chat, asynchronous):
    client = connect(network(stream(generated(ROME)), stream(text("Sunny."))))
    side = client.aio if asynchronous else client

    async def opened():
        if chat:
            return await settled(side.chats.create(model=MODEL, config={"tools": [weather]}).send_message_stream(ASKED))
        asked = side.models.generate_content_stream(model=MODEL, contents=ASKED, config={"tools": [weather]})
        return await settled(asked)

    with capture() as captured:
        items = await opened()
        del items
        await collected()
        assert captured.spans == []
        items = await opened()
        async for _ in each(items):
            assert not trace.get_current_span().get_span_context().is_valid
            break
        await settled((getattr(items, "close", None) or items.aclose)())
        await collected()
        root = captured.one(LOOP)
    assert root.attributes["llmtrace.outcome"] == "abandoned"
    assert {span.context.trace_id for span in captured.spans} == {root.context.trace_id}


def test_a_session_of_mcp_is_run_by_the_library_and_what_is_odd_is_not():
    class Session:
        async def call_tool(self):
            """As a session has it."""

        async def list_tools(self):
            """As a session has it."""

    assert google_genai_loop.loops({"tools": [Session()]})
    assert google_genai_loop.loops(types.GenerateContentConfig(tools=[weather, {"google_search": {}}]))
    for odd in (None, {}, "x", {"tools": 5}, {"tools": None}, {"tools": [None, "x", {}]}):
        assert not google_genai_loop.loops(odd)


async def test_a_coroutine_function_is_a_tool_as_well():
    client = connect(network(whole(generated(call("clock", city="Rome"))), whole(text("Noon."))))
    with capture() as captured:
        await plain(client.aio, [clock])
        said = decoded(captured.one("execute_tool clock"))
    assert said["gen_ai.tool.call.result"] == {"result": "noon in Rome"}
    assert "gen_ai.tool.call.id" not in said


@sync_and_async
async def test_a_function_that_fails_is_a_failed_tool_and_the_model_is_told(asynchronous):
    net = network(whole(generated(call("broken", city="Rome"))), whole(text("Sorry.")))
    client = connect(net)
    with capture() as captured:
        await plain(client.aio if asynchronous else client, [broken])
        span = captured.one("execute_tool broken")
    assert span.status.status_code is StatusCode.ERROR
    assert "no such place as Rome" in span.status.description
    told = json.loads(net.requests[-1].body)["contents"][-1]["parts"][0]["functionResponse"]["response"]
    assert "no such place as Rome" in told["error"]


@sync_and_async
@every_drive
async def test_what_is_sent_and_said_is_the_same_without_us(drive, asynchronous):
    def made():
        return network(*answers(drive, generated(ROME, OSLO), text("Sunny.")))

    without, traced = made(), made()
    client = connect(without)
    said = await drive(client.aio if asynchronous else client, [weather])
    with capture():
        client = connect(traced)
        assert described(await drive(client.aio if asynchronous else client, [weather])) == described(said)
    assert [one.body for one in traced.requests] == [one.body for one in without.requests]


@sync_and_async
async def test_a_stream_s_step_is_below_the_one_that_is_current_where_it_is_read(asynchronous):
    client = connect(network(stream(generated(ROME)), stream(text("Sunny."))))
    side = client.aio if asynchronous else client
    with capture() as captured:
        items = await settled(
            side.models.generate_content_stream(model=MODEL, contents="How is it?", config={"tools": [weather]})
        )
        with llmtrace.step("read"):
            async for _ in each(items):
                pass
        spans = captured.spans
    assert tree(spans)[:2] == [(None, "read"), ("read", LOOP)]
    assert {parent for parent, _ in tree(spans)[2:]} == {LOOP}


@sync_and_async
async def test_a_chat_sends_what_was_said_before(asynchronous):
    client = connect(network(whole(text("Hello.")), whole(text("Bye."))))
    chat = (client.aio if asynchronous else client).chats.create(model=MODEL)
    with capture() as captured:
        await settled(chat.send_message("Hi"))
        await settled(chat.send_message("See you"))
        first, second = captured.spans
    assert len(decoded(first)["gen_ai.input.messages"]) == 1
    assert [message["role"] for message in decoded(second)["gen_ai.input.messages"]] == ["user", "assistant", "user"]
