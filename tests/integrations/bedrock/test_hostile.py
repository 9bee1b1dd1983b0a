"""Whatever a service or an app sends: a record comes of it, with the types it promises, and nothing is raised."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.integrations import bedrock_agents, bedrock_converse, bedrock_guardrails, bedrock_invoke, bedrock_vectors
from llmtrace.testing.bedrock_wire import chunks, frames
from tests.integrations.openai.test_hostile import places, put, well_typed

KEYS = re.findall(
    r"[\w-]+",
    """
    messages role content text toolUse toolUseId name input toolResult status json reasoningContent reasoningText image
    document format source bytes s3Location uri guardContent citationsContent system inferenceConfig maxTokens topK
    stopSequences toolConfig tools toolSpec inputSchema guardrailConfig outputConfig output message stopReason usage
    inputTokens outputTokens cacheReadInputTokens cacheDetails ttl trace guardrail serviceTier start delta
    contentBlockIndex messageStart contentBlockDelta contentBlockStart messageStop metadata inputText prompt
    chat_history textGenerationConfig results outputText tokenCount completionReason inputTextTokenCount generation
    generations outputs completions data finishReason reason choices completion anthropic_version embedding embeddings
    texts documents query queries textQuery sources rerankingConfiguration index relevanceScore modelInvocationOutput
    orchestrationTrace attribution citations retrievedReferences location score retrievalResults retrievalQuery
    retrieveAndGenerateConfiguration knowledgeBaseConfiguration action assessments amazon-bedrock-invocationMetrics
    amazon-bedrock-trace inputTokenCount type error modelId body event_type response is_finished callerChain
    """,
)
EVENTS = (
    *("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"),
    *("chunk", "trace", "output", "citation"),
)
OPERATIONS = {
    "converse": bedrock_converse.CONVERSE,
    "converse stream": bedrock_converse.CONVERSE_STREAM,
    "chat": bedrock_invoke.CHAT[0],
    "chat stream": bedrock_invoke.CHAT[1],
    "completion": bedrock_invoke.COMPLETION[0],
    "embedding": bedrock_vectors.EMBEDDING,
    "invoked rerank": bedrock_vectors.INVOKED_RERANK,
    "rerank": bedrock_vectors.RERANK,
    "agent": bedrock_agents.AGENT,
    "generate": bedrock_agents.GENERATE,
    "retrieve": bedrock_agents.RETRIEVE,
    "guardrail": bedrock_guardrails.APPLY_GUARDRAIL,
    "count": bedrock_guardrails.COUNT_TOKENS,
}
HEADERS = {"x-amzn-bedrock-input-token-count": "9" * 30, "x-amzn-errortype": ":"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(KEYS)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=30,
)
objects = st.dictionaries(st.sampled_from(KEYS), anything, max_size=8)
events = st.lists(st.tuples(st.sampled_from(EVENTS), anything), max_size=6)
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
several = settings(max_examples=30, deadline=None)


def read(operation, request, body, kind, params=None):
    received = Received(200, kind, headers=HEADERS, body=body)
    start = Start(operation, request=params, wire=True)
    for evidence in (Evidence(start, request, received), Evidence(start, request)):
        record = operation.read(evidence)
        assert record.operation == operation.name
        assert well_typed(record)


@every_operation
@given(asked=objects, answered=anything, params=objects)
@several
def test_any_documents_give_a_well_typed_record(operation, asked, answered, params):
    read(operation, json.dumps(asked).encode(), json.dumps(answered).encode(), "application/json", params)
    read(operation, {**asked, "modelId": "m"}, json.dumps(answered).encode(), "application/json", params)


@every_operation
@given(said=events)
@several
def test_any_events_give_a_well_typed_record(operation, said):
    read(operation, b"{}", frames(said, None), "application/vnd.amazon.eventstream")
    packed = frames(chunks([data for _, data in said]), None)
    read(operation, b"{}", packed, "application/vnd.amazon.eventstream")


RICH = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "a"},
                {"image": {"format": "png", "source": {"bytes": "aGk="}}},
                {"toolResult": {"toolUseId": "t", "content": [{"json": {"a": 1}}], "status": "error"}},
                {"reasoningContent": {"reasoningText": {"text": "hm"}}},
                {"citationsContent": {"content": [{"text": "a"}]}},
                {"guardContent": {"text": {"text": "a"}}},
            ],
        }
    ],
    "system": [{"text": "a"}],
    "inferenceConfig": {"maxTokens": 9, "topK": 3, "stopSequences": ["a"]},
    "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}, {"systemTool": {"name": "s"}}]},
    "output": {"message": {"role": "assistant", "content": [{"text": "a"}, {"toolUse": {"name": "f", "input": {}}}]}},
    "usage": {"inputTokens": 1, "outputTokens": 2, "cacheDetails": [{"ttl": "1h", "inputTokens": 1}]},
    "trace": {"guardrail": {"a": 1}, "promptRouter": {"invokedModelId": "m"}},
    "stopReason": "end_turn",
    "serviceTier": {"type": "flex"},
    "chat_history": [{"role": "USER", "message": "a"}],
    "results": [{"outputText": "a", "tokenCount": 1, "index": 0, "relevanceScore": 0.5, "document": {"text": "a"}}],
    "embeddings": [[0.1]],
    "retrievalResults": [{"content": {"text": "a"}, "location": {"s3Location": {"uri": "u"}}, "score": 0.5}],
    "citations": [{"retrievedReferences": [{"content": {"text": "a"}}]}],
    "orchestrationTrace": {"modelInvocationOutput": {"metadata": {"usage": {"inputTokens": 1}}}},
    "amazon-bedrock-trace": {"guardrail": {"a": 1}},
    "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1},
}
ODD = (None, -1, 2**70, "x", [None], {"x": None})


@every_operation
def test_something_odd_in_any_place_gives_a_well_typed_record(operation):
    for place in places(RICH):
        for odd in ODD:
            document = put(RICH, place, odd)
            read(operation, document, json.dumps(document).encode(), "application/json")
        parts = document.items() if isinstance(document, dict) else ()
        said = [(name, {name: part, **part}) for name, part in parts if isinstance(part, dict)]
        read(operation, document, frames(said, None), "application/vnd.amazon.eventstream")
