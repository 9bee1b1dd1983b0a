"""In a bare loop of a real client, the tool between two model calls is a span, without a word from the app."""

from __future__ import annotations

import json

import pytest

import llmtrace
from llmtrace.testing import ModelServer, capture
from llmtrace.testing.captured import decoded

QUESTION = "What is the weather in Paris? Use get_weather."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
RESULT = "12 degrees"
ABSENT = "not applicable: lib is tested in another environment"


def get_weather(city):
    """The app's own tool, which nobody traces."""
    assert city == "Paris"
    return RESULT


def chat(server, tool):
    openai = pytest.importorskip("openai", reason=ABSENT)
    client = openai.OpenAI(base_url=server.openai_url, api_key="fake")
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
    messages = [{"role": "user", "content": QUESTION}]
    asked = client.chat.completions.create(model="m-1", messages=messages, tools=tools).choices[0].message
    messages.append(asked.model_dump(exclude_none=True))
    for one in asked.tool_calls:
        said = tool(**json.loads(one.function.arguments))
        messages.append({"role": "tool", "tool_call_id": one.id, "content": said})
    client.chat.completions.create(model="m-1", messages=messages, tools=tools)
    messages.append({"role": "user", "content": "thanks"})
    client.chat.completions.create(model="m-1", messages=messages, tools=tools)


def streamed_chat(server, tool):
    openai = pytest.importorskip("openai", reason=ABSENT)
    client = openai.OpenAI(base_url=server.openai_url, api_key="fake")
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
    messages = [{"role": "user", "content": QUESTION}]
    asked = {"id": None, "name": None, "arguments": ""}
    for chunk in client.chat.completions.create(model="m-1", messages=messages, tools=tools, stream=True):
        for choice in chunk.choices:
            for part in choice.delta.tool_calls or []:
                asked["id"] = part.id or asked["id"]
                asked["name"] = part.function.name or asked["name"]
                asked["arguments"] += part.function.arguments or ""
    function = {"name": asked["name"], "arguments": asked["arguments"]}
    call = {"id": asked["id"], "type": "function", "function": function}
    said = tool(**json.loads(asked["arguments"]))
    messages += [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": said},
    ]
    for _ in client.chat.completions.create(model="m-1", messages=messages, tools=tools, stream=True):
        pass


def responses(server, tool):
    openai = pytest.importorskip("openai", reason=ABSENT)
    client = openai.OpenAI(base_url=server.openai_url, api_key="fake")
    tools = [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}]
    asked = client.responses.create(model="m-1", input=QUESTION, tools=tools)
    said = [
        {"type": "function_call_output", "call_id": one.call_id, "output": tool(**json.loads(one.arguments))}
        for one in asked.output
        if one.type == "function_call"
    ]
    client.responses.create(model="m-1", input=said, previous_response_id=asked.id, tools=tools)


def messages_api(server, tool):
    anthropic = pytest.importorskip("anthropic", reason=ABSENT)
    client = anthropic.Anthropic(base_url=server.anthropic_url, api_key="fake")
    tools = [{"name": "get_weather", "input_schema": SCHEMA}]
    messages = [{"role": "user", "content": QUESTION}]
    asked = client.messages.create(model="m-1", max_tokens=99, messages=messages, tools=tools)
    said = [
        {"type": "tool_result", "tool_use_id": one.id, "content": tool(**one.input)}
        for one in asked.content
        if one.type == "tool_use"
    ]
    messages += [{"role": "assistant", "content": asked.content}, {"role": "user", "content": said}]
    client.messages.create(model="m-1", max_tokens=99, messages=messages, tools=tools)


def converse(server, tool):
    boto3 = pytest.importorskip("boto3", reason=ABSENT)
    keys = {"aws_access_key_id": "fake", "aws_secret_access_key": "fake", "region_name": "us-east-1"}
    client = boto3.client("bedrock-runtime", endpoint_url=server.bedrock_url, **keys)
    tools = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": SCHEMA}}}]}
    messages = [{"role": "user", "content": [{"text": QUESTION}]}]
    asked = client.converse(modelId="m-1", messages=messages, toolConfig=tools)["output"]["message"]
    said = [
        {
            "toolResult": {
                "toolUseId": one["toolUse"]["toolUseId"],
                "content": [{"text": tool(**one["toolUse"]["input"])}],
            }
        }
        for one in asked["content"]
        if "toolUse" in one
    ]
    client.converse(modelId="m-1", messages=[*messages, asked, {"role": "user", "content": said}], toolConfig=tools)


def gemini(server, tool):
    genai = pytest.importorskip("google.genai", reason=ABSENT)
    client = genai.Client(api_key="fake", http_options={"base_url": server.gemini_url})
    config = {"tools": [{"function_declarations": [{"name": "get_weather", "parameters_json_schema": SCHEMA}]}]}
    contents = [genai.types.UserContent(QUESTION)]
    asked = client.models.generate_content(model="m-1", contents=contents, config=config)
    said = [  # as Google's own pages have it, without the call's id
        genai.types.Part.from_function_response(name=one.name, response={"output": tool(**one.args)})
        for one in asked.function_calls
    ]
    contents += [asked.candidates[0].content, genai.types.UserContent(said)]
    client.models.generate_content(model="m-1", contents=contents, config=config)
    client.close()


NAMES = ["invoke_workflow answer", "{} m-1", "execute_tool get_weather", "{} m-1"]
every_loop = pytest.mark.parametrize("loop", [chat, streamed_chat, responses, messages_api, converse, gemini])


@pytest.fixture
def server():
    with ModelServer() as running:
        yield running


@every_loop
def test_a_tool_of_the_apps_own_is_a_span_between_its_two_calls(loop, server):
    with capture() as seen, llmtrace.workflow("answer"), llmtrace.conversation("c-1"):
        loop(server, get_weather)
    workflow, asked, tool, answered = seen.spans[:4]
    model_call = "generate_content" if loop is gemini else "chat"
    assert [span.name for span in seen.spans][:4] == [name.format(model_call) for name in NAMES]
    assert tool.parent.span_id == asked.parent.span_id == workflow.context.span_id
    assert asked.end_time <= tool.start_time <= tool.end_time <= answered.start_time
    said = decoded(tool)
    assert said["gen_ai.tool.call.id"]
    assert said["gen_ai.tool.call.arguments"] == {"city": "Paris"}
    assert RESULT in str(said["gen_ai.tool.call.result"])
    assert said["gen_ai.conversation.id"] == "c-1"
    assert said["llmtrace.inferred"] is True
    assert len(seen.all("execute_tool get_weather")) == 1


@every_loop
def test_without_anything_around_it_is_in_the_trace_of_the_call_that_asked(loop, server):
    with capture() as seen:
        loop(server, get_weather)
    asked, tool = seen.spans[:2]
    assert (tool.parent.span_id, tool.context.trace_id) == (asked.context.span_id, asked.context.trace_id)


@every_loop
@pytest.mark.parametrize("around", [True, False])
def test_a_tool_that_is_marked_is_the_only_one(loop, around, server):
    with capture() as seen:
        if around:
            with llmtrace.workflow("answer"):
                loop(server, llmtrace.tool(get_weather))
        else:
            loop(server, llmtrace.tool(get_weather))
    assert "llmtrace.inferred" not in seen.one("execute_tool get_weather").attributes


@every_loop
def test_what_it_was_given_and_gave_is_content(loop, server):
    with capture(capture="none") as seen:
        loop(server, get_weather)
    said = decoded(seen.one("execute_tool get_weather"))
    assert said["gen_ai.tool.call.id"]
    assert "Paris" not in str(said)
    assert RESULT not in str(said)


def test_it_can_be_switched_off(server, monkeypatch):
    monkeypatch.setenv("LLMTRACE_INFERRED_TOOLS", "false")
    with capture() as seen:
        chat(server, get_weather)
    assert not seen.all("execute_tool get_weather")


def test_a_tool_that_anthropics_api_is_told_has_failed_is_a_failed_span(server):
    anthropic = pytest.importorskip("anthropic", reason=ABSENT)
    client = anthropic.Anthropic(base_url=server.anthropic_url, api_key="fake")
    tools = [{"name": "get_weather", "input_schema": SCHEMA}]
    messages = [{"role": "user", "content": QUESTION}]
    with capture() as seen:
        asked = client.messages.create(model="m-1", max_tokens=99, messages=messages, tools=tools)
        (one,) = [block for block in asked.content if block.type == "tool_use"]
        failed = {"type": "tool_result", "tool_use_id": one.id, "is_error": True, "content": "no such city"}
        messages += [{"role": "assistant", "content": asked.content}, {"role": "user", "content": [failed]}]
        client.messages.create(model="m-1", max_tokens=99, messages=messages, tools=tools)
    tool = seen.one("execute_tool get_weather")
    assert tool.attributes["error.type"] == "tool_error"
    assert (tool.status.is_ok, tool.status.description) == (False, "no such city")
