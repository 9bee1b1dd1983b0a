"""Functions that Google's client runs for the model: a call of the model each turn, a tool for each run, one tree."""

import json

import pytest
from opentelemetry.trace import StatusCode

import llmtrace
from llmtrace.testing.captured import capture, decoded
from tests.integrations.conformance.clients import each, settled
from tests.integrations.google_genai.answers import call, generated, network, stream, text, whole
from tests.integrations.google_genai.clients import connect, quiet

pytestmark = quiet
sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
MODEL = "gemini-2.5-flash"


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


def tree(spans):
    """Each span's name under that of its parent, in the order they began."""
    by_id = {span.context.span_id: span for span in spans}
    ordered = sorted(spans, key=lambda span: span.start_time)
    return [(by_id[span.parent.span_id].name if span.parent else None, span.name) for span in ordered]


async def plain(side, tools, contents="How is it?"):
    await settled(side.models.generate_content(model=MODEL, contents=contents, config={"tools": tools}))


async def streamed(side, tools, contents="How is it?"):
    config = {"tools": tools}
    async for _ in each(
        await settled(side.models.generate_content_stream(model=MODEL, contents=contents, config=config))
    ):
        pass


async def chatted(side, tools, contents="How is it?"):
    await settled(side.chats.create(model=MODEL, config={"tools": tools}).send_message(contents))


async def chat_streamed(side, tools, contents="How is it?"):
    chat = side.chats.create(model=MODEL, config={"tools": tools})
    async for _ in each(await settled(chat.send_message_stream(contents))):
        pass


DRIVES = [plain, streamed, chatted, chat_streamed]
every_drive = pytest.mark.parametrize("drive", DRIVES)


def answers(drive, *bodies):
    return [stream(body) if "stream" in drive.__name__ else whole(body) for body in bodies]


@sync_and_async
@every_drive
async def test_each_turn_is_a_call_and_each_function_a_tool_beside_it(drive, asynchronous):
    net = network(*answers(drive, generated(ROME, OSLO), text("Sunny.")))
    client = connect(net)
    with capture() as captured:
        with llmtrace.step("ask"):
            await drive(client.aio if asynchronous else client, [weather])
        spans = captured.spans
    model, tool = f"generate_content {MODEL}", "execute_tool weather"
    assert tree(spans) == [(None, "ask"), ("ask", model), ("ask", tool), ("ask", tool), ("ask", model)]
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
    await drive(client.aio if asynchronous else client, [weather])
    with capture():
        client = connect(traced)
        await drive(client.aio if asynchronous else client, [weather])
    assert [one.body for one in traced.requests] == [one.body for one in without.requests]


@sync_and_async
async def test_a_tool_is_below_the_step_that_is_current_where_the_stream_is_read(asynchronous):
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
    assert {parent for parent, name in tree(spans) if name == "execute_tool weather"} == {"read"}


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
