"""The model server as real clients of Bedrock see it: boto3's, and Anthropic's own."""

import json
from contextlib import closing

import anthropic
import pytest

from llmtrace.testing import Answer, Fault

ELSEWHERE = "not applicable: boto3 is tested in another environment"
boto3 = pytest.importorskip("boto3", reason=ELSEWHERE)
exceptions = pytest.importorskip("botocore.exceptions", reason=ELSEWHERE)

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-micro-v1:0"
QUESTION = "What is the status of my booking B-2041?"
SCHEMA = {"type": "object", "properties": {"booking_id": {"type": "string"}}, "required": ["booking_id"]}
TOOL = {"toolSpec": {"name": "booking_status", "description": "Its state.", "inputSchema": {"json": SCHEMA}}}
TOOLS = {"toolConfig": {"tools": [TOOL]}}


@pytest.fixture
def client(server):
    made = boto3.client(
        "bedrock-runtime",
        endpoint_url=server.bedrock_url,
        region_name="us-east-1",
        aws_access_key_id="fake",
        aws_secret_access_key="fake",
    )
    yield made
    made.close()


def need(client, shape, member):
    """Skips where this version of botocore does not know such a block yet."""
    if member not in client.meta.service_model.shape_for(shape).members:
        pytest.skip(f"not applicable: this botocore knows no {member}")


def ask(text, **more):
    return {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": text}]}], **more}


def grown(events):
    """The whole answer that a stream's events amount to."""
    blocks, whole = {}, {}
    for event in events:
        ((kind, data),) = event.items()
        if kind == "contentBlockStart":
            blocks[data["contentBlockIndex"]] = {"toolUse": {**data["start"]["toolUse"], "input": ""}}
        elif kind == "contentBlockDelta":
            delta, n = data["delta"], data["contentBlockIndex"]
            if "toolUse" in delta:
                blocks[n]["toolUse"]["input"] += delta["toolUse"]["input"]
            elif "reasoningContent" in delta:
                block = blocks.setdefault(n, {"reasoningContent": {"reasoningText": {"text": "", "signature": ""}}})
                for key, piece in delta["reasoningContent"].items():
                    block["reasoningContent"]["reasoningText"][key] += piece
            else:
                blocks.setdefault(n, {"text": ""})["text"] += delta["text"]
        else:
            whole |= data
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    return {**whole, "output": {"message": {"role": "assistant", "content": [blocks[n] for n in sorted(blocks)]}}}


def facts(answer):
    """An answer without what is new in each: ids and signatures."""
    said = json.loads(json.dumps({key: answer[key] for key in ("output", "stopReason", "usage", "metrics")}))
    for block in said["output"]["message"]["content"]:
        block.get("toolUse", {}).pop("toolUseId", None)
        block.get("reasoningContent", {}).get("reasoningText", {}).pop("signature", None)
    return said


@pytest.mark.parametrize(
    "more",
    [{}, TOOLS, {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}],
    ids=["text", "tools", "thinking"],
)
@pytest.mark.parametrize("cut", [None, 7])
def test_a_stream_is_the_whole_answer_in_pieces(client, server, more, cut):
    if "additionalModelRequestFields" in more:
        need(client, "ContentBlock", "reasoningContent")
    whole = client.converse(**ask(QUESTION, **more))
    server.cut = cut
    streamed = client.converse_stream(**ask(QUESTION, **more))
    assert facts(grown(streamed["stream"])) == facts(whole)
    usage = whole["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] > 10


def test_a_tool_is_called_with_what_the_question_names_and_its_result_is_told(client):
    first = client.converse(**ask(QUESTION, **TOOLS))
    said = first["output"]["message"]
    ((call,),) = [block.values() for block in said["content"]]
    assert (call["name"], call["input"]) == ("booking_status", {"booking_id": "B-2041"})
    assert first["stopReason"] == "tool_use"
    result = {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"json": {"state": "confirmed"}}]}}
    asked = ask(QUESTION, **TOOLS)
    asked["messages"] += [said, {"role": "user", "content": [result]}]
    assert "confirmed" in client.converse(**asked)["output"]["message"]["content"][0]["text"]


def test_what_a_cache_point_covers_is_written_once_and_then_read(client):
    need(client, "SystemContentBlock", "cachePoint")
    system = [{"text": "You are terse. " * 50}, {"cachePoint": {"type": "default"}}]
    first, second = (client.converse(**ask("Hello", system=system))["usage"] for _ in range(2))
    assert first["cacheWriteInputTokens"] == second["cacheReadInputTokens"] > 100
    for usage in (first, second):
        parts = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
        assert usage["totalTokens"] == sum(usage[part] for part in parts)


def test_an_error_has_the_service_s_own_type_and_words(client, server):
    server.reply(Fault(403, "You don't have access to the model."))
    with pytest.raises(client.exceptions.AccessDeniedException) as caught:
        client.converse(**ask("Hello"))
    assert caught.value.response["Error"]["Message"] == "You don't have access to the model."
    with pytest.raises(client.exceptions.ValidationException):
        client.converse(modelId=MODEL, messages=[])


def test_a_stream_that_breaks_off_raises_the_service_s_exception(client, server):
    server.reply(Answer("one two three four", then=Fault(429, "Too many tokens")))
    events = []
    stream = client.converse_stream(**ask("Hello"))["stream"]
    with closing(stream), pytest.raises(exceptions.EventStreamError, match=r"throttlingException.*Too many tokens"):
        events.extend(stream)
    assert events


def claude(text):
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": text}],
    }


def test_a_model_is_invoked_in_its_own_protocol(client):
    body = json.loads(client.invoke_model(modelId=MODEL, body=json.dumps(claude("Grüß dich")))["body"].read())
    assert "Grüß dich" in body["content"][0]["text"]
    answer = client.invoke_model_with_response_stream(modelId=MODEL, body=json.dumps(claude("Grüß dich")))
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert "".join(e["delta"].get("text", "") for e in events if "delta" in e) == body["content"][0]["text"]
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert (metrics["inputTokenCount"], metrics["outputTokenCount"]) == (
        body["usage"]["input_tokens"],
        body["usage"]["output_tokens"],
    )


def test_a_nova_model_is_invoked_in_its_own_protocol(client):
    asked = json.dumps({"messages": ask("Hello")["messages"], "inferenceConfig": {"maxTokens": 50}})
    body = json.loads(client.invoke_model(modelId=NOVA, body=asked)["body"].read())
    answer = client.invoke_model_with_response_stream(modelId=NOVA, body=asked)
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert events[-1].pop("amazon-bedrock-invocationMetrics")["cacheReadInputTokenCount"] == 0
    assert {**grown(events), "metrics": 0}["output"] == body["output"]
    assert body["usage"]["cacheWriteInputTokenCount"] == 0


def test_anthropic_s_client_for_bedrock_is_answered_too(server):
    keys = {"aws_access_key": "fake", "aws_secret_key": "fake", "aws_region": "us-east-1"}
    with anthropic.AnthropicBedrock(base_url=server.bedrock_url, max_retries=0, **keys) as claude_client:
        messages = [{"role": "user", "content": "Hello"}]
        whole = claude_client.messages.create(model=MODEL, max_tokens=99, messages=messages)
        stream = claude_client.messages.create(model=MODEL, max_tokens=99, messages=messages, stream=True)
        streamed = [event.delta.text for event in stream if event.type == "content_block_delta"]
        assert "".join(streamed) == whole.content[0].text
        server.reply(Fault(429, "Slow down"))
        with pytest.raises(anthropic.RateLimitError, match="Slow down"):
            claude_client.messages.create(model=MODEL, max_tokens=99, messages=messages)
