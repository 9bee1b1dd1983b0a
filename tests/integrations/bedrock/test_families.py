"""What Bedrock's models are asked and answer, each family in its own protocol, by its documented shapes."""

import json

import pytest

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import (
    BlobPart,
    GenericPart,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResponsePart,
    UriPart,
)
from llmtrace.integrations import bedrock_converse, bedrock_guardrails, bedrock_invoke, bedrock_vectors
from llmtrace.integrations.botocore import TRACED
from llmtrace.testing.bedrock_wire import chunks, frames

EVENTS = "application/vnd.amazon.eventstream"


def read(operation, asked, answered, headers=None, params=None):
    """The record of a call whose bodies were these."""
    start = Start(operation, request=params or {}, wire=True)
    received = Received(200, "application/json", headers=headers or {}, body=json.dumps(answered).encode())
    return operation.read(Evidence(start, json.dumps(asked).encode(), received))


def streamed(operation, asked, documents):
    """The record of a call that was answered in these chunks."""
    body = frames(chunks(documents), None)
    return operation.read(
        Evidence(Start(operation, wire=True), json.dumps(asked).encode(), Received(200, EVENTS, body=body))
    )


CHAT, CHAT_STREAM = bedrock_invoke.CHAT
COMPLETION, COMPLETION_STREAM = bedrock_invoke.COMPLETION
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 5, "outputTokenCount": 7}}

WHOLE = {
    "mistral": ({"prompt": "hi"}, {"outputs": [{"text": "Ho", "stop_reason": "stop"}]}),
    "llama": ({"prompt": "hi"}, {"generation": "Ho", "stop_reason": "stop"}),
    "cohere": ({"prompt": "hi"}, {"id": "1", "generations": [{"text": "Ho", "finish_reason": "COMPLETE"}]}),
    "command r": ({"message": "hi"}, {"text": "Ho", "finish_reason": "COMPLETE"}),
    "jurassic": (
        {"prompt": "hi"},
        {"completions": [{"data": {"text": "Ho"}, "finishReason": {"reason": "endoftext"}}]},
    ),
    "deepseek": ({"prompt": "hi"}, {"choices": [{"text": "Ho", "finish_reason": "stop"}]}),
    "titan": ({"inputText": "hi"}, {"results": [{"outputText": "Ho", "completionReason": "FINISH"}]}),
    "openai": (
        {"messages": [{"role": "user", "content": "hi"}]},
        {"choices": [{"message": {"role": "assistant", "content": "Ho"}, "finish_reason": "stop"}]},
    ),
    "nova": (
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "inferenceConfig": {}},
        {"output": {"message": {"role": "assistant", "content": [{"text": "Ho"}]}}, "stopReason": "end_turn"},
    ),
    "claude": (
        {"anthropic_version": "x", "messages": [{"role": "user", "content": "hi"}]},
        {"content": [{"type": "text", "text": "Ho"}], "stop_reason": "end_turn"},
    ),
    "early claude": ({"anthropic_version": "x", "prompt": "hi"}, {"completion": "Ho", "stop_reason": "stop_sequence"}),
}


@pytest.mark.parametrize("family", WHOLE)
def test_an_answer_is_read_whatever_protocol_it_is_in(family):
    asked, answered = WHOLE[family]
    counts = {"x-amzn-bedrock-input-token-count": "5", "x-amzn-bedrock-output-token-count": "7"}
    record = read(CHAT, asked, answered, counts)
    assert [part.content for message in record.input_messages for part in message.parts] == ["hi"]
    assert [part.content for message in record.output_messages for part in message.parts] == ["Ho"]
    assert record.finish_reasons == ["stop"]
    assert (record.usage.input_tokens, record.usage.output_tokens) == (5, 7)


STREAMS = {
    "mistral": [{"outputs": [{"text": "H", "stop_reason": None}]}, {"outputs": [{"text": "o", "stop_reason": "stop"}]}],
    "llama": [{"generation": "H", "stop_reason": None}, {"generation": "o", "stop_reason": "stop"}],
    "cohere": [
        {"text": "H", "is_finished": False},
        {"text": "o", "is_finished": False},
        {"is_finished": True, "finish_reason": "COMPLETE"},
    ],
    "command r": [
        {"event_type": "text-generation", "text": "H"},
        {"event_type": "text-generation", "text": "o"},
        {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": {"text": "Ho"}},
    ],
    "titan": [{"outputText": "H"}, {"outputText": "o", "completionReason": "FINISH"}],
    "openai": [
        {"choices": [{"index": 0, "delta": {"content": "H"}}]},
        {"choices": [{"index": 0, "delta": {"content": "o"}, "finish_reason": "stop"}]},
    ],
    "nova": [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "H"}}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "o"}}},
        {"messageStop": {"stopReason": "end_turn"}},
    ],
    "claude": [
        {"type": "message_start", "message": {"id": "1"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "H"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "o"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ],
}


@pytest.mark.parametrize("family", STREAMS)
def test_a_stream_is_read_whatever_protocol_it_is_in(family):
    *first, last = STREAMS[family]
    record = streamed(CHAT_STREAM, WHOLE[family][0], [*first, {**last, **METRICS}])
    assert [part.content for message in record.output_messages for part in message.parts] == ["Ho"]
    assert record.finish_reasons == ["stop"]
    assert (record.usage.input_tokens, record.usage.output_tokens) == (5, 7)
    assert record.stream
    assert record.complete


@pytest.mark.parametrize("family", STREAMS)
def test_a_stream_that_breaks_off_says_so(family):
    record = streamed(CHAT_STREAM, WHOLE[family][0], STREAMS[family][:1])
    assert record.complete is False
    assert record.finish_reasons in (["error"], [])


def test_a_prompt_in_pieces_and_its_limits_are_told():
    asked = {
        "message": "and now?",
        "chat_history": [{"role": "USER", "message": "hi"}, {"role": "CHATBOT", "message": "ho"}],
        "preamble": "Be terse.",
        "max_tokens": 9,
        "p": 0.5,
        "k": 4,
        "stop_sequences": ["|"],
    }
    record = read(CHAT, asked, {})
    assert [message.role for message in record.input_messages] == ["user", "assistant", "user"]
    assert record.system_instructions == [TextPart("Be terse.")]
    assert (record.max_tokens, record.top_p, record.top_k, record.stop_sequences) == (9, 0.5, 4, ["|"])


@pytest.mark.parametrize(
    ("model", "operation"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", CHAT),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-pro-v1:0", CHAT),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", CHAT),
        ("amazon.titan-text-express-v1", COMPLETION),
        ("us.meta.llama3-3-70b-instruct-v1:0", COMPLETION),
        ("amazon.titan-embed-text-v2:0", bedrock_vectors.EMBEDDING),
        ("cohere.embed-multilingual-v3", bedrock_vectors.EMBEDDING),
        ("cohere.rerank-v3-5:0", bedrock_vectors.INVOKED_RERANK),
        ("", CHAT),
    ],
)
def test_what_it_is_to_invoke_a_model_depends_on_the_model(model, operation):
    assert TRACED["InvokeModel"].operation(model) is operation


def test_embeddings_are_counted_and_measured():
    titan = read(bedrock_vectors.EMBEDDING, {"inputText": "hi"}, {"embedding": [0.1] * 4, "inputTextTokenCount": 3})
    assert (titan.input_texts, titan.vector_count, titan.dimension_count) == (["hi"], 1, 4)
    assert titan.usage.input_tokens == 3
    counted = {"x-amzn-bedrock-input-token-count": "8"}
    cohere = read(bedrock_vectors.EMBEDDING, {"texts": ["a", "b"]}, {"embeddings": [[1, 2], [3, 4]]}, counted)
    assert (cohere.input_texts, cohere.vector_count, cohere.dimension_count) == (["a", "b"], 2, 2)
    assert cohere.usage.input_tokens == 8
    typed = read(bedrock_vectors.EMBEDDING, {"texts": ["a"]}, {"embeddings": {"int8": [[1, 2, 3]]}})
    assert (typed.vector_count, typed.dimension_count) == (1, 3)


def test_a_reranking_names_documents_by_their_place_in_the_request():
    asked = {
        "queries": [{"type": "TEXT", "textQuery": {"text": "bears"}}],
        "sources": [{}, {}, {}],
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": "arn"}, "numberOfResults": 2},
        },
    }
    record = read(bedrock_vectors.RERANK, asked, {"results": [{"index": 2, "relevanceScore": 0.9}]})
    assert (record.query, record.top_k, record.document_count, record.request_model) == ("bears", 2, 3, "arn")
    assert [(document.id, document.score) for document in record.documents] == [("2", 0.9)]
    asked = {"query": "bears", "documents": ["a", "b"], "top_n": 1}
    record = read(bedrock_vectors.INVOKED_RERANK, asked, {"results": [{"index": 1, "relevance_score": 0.8}]})
    assert (record.query, record.document_count, record.documents[0].id) == ("bears", 2, "1")


BLOCKS = [
    ({"text": "hi"}, TextPart("hi")),
    ({"image": {"format": "png", "source": {"bytes": "aGk="}}}, BlobPart("image", "aGk=", "image/png")),
    (
        {"document": {"format": "pdf", "name": "d", "source": {"s3Location": {"uri": "s3://b/k"}}}},
        UriPart("document", "s3://b/k", "application/pdf"),
    ),
    ({"document": {"format": "txt", "name": "d", "source": {"text": "said"}}}, TextPart("said")),
    ({"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}}, ToolCallPart("f", "t", {"a": 1})),
    ({"toolResult": {"toolUseId": "t", "content": [{"json": {"a": 1}}]}}, ToolResponsePart({"a": 1}, "t")),
    (
        {"toolResult": {"toolUseId": "t", "status": "error", "content": [{"text": "no"}]}},
        ToolResponsePart({"is_error": True, "content": "no"}, "t"),
    ),
    ({"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}, ReasoningPart("hm")),
    ({"reasoningContent": {"redactedContent": "x"}}, GenericPart("reasoningContent", {"redactedContent": "x"})),
    ({"cachePoint": {"type": "default"}}, GenericPart("cachePoint", {"type": "default"})),
    ({"guardContent": {"text": {"text": "hi", "qualifiers": ["query"]}}}, TextPart("hi")),
    ({"citationsContent": {"content": [{"text": "ci"}, {"text": "ted"}], "citations": []}}, TextPart("cited")),
    ({"new": {"a": 1}}, GenericPart("new", {"a": 1})),
]


@pytest.mark.parametrize(("block", "part"), BLOCKS, ids=[next(iter(block)) for block, _ in BLOCKS])
def test_each_block_of_a_conversation_is_read(block, part):
    record = read(bedrock_converse.CONVERSE, {"messages": [{"role": "user", "content": [block]}]}, {})
    assert record.input_messages[0].parts == [part]


def test_what_a_conversation_asks_for_is_told():
    asked = {
        "system": [{"text": "Be terse."}],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.1, "topP": 0.2, "stopSequences": ["|"]},
        "additionalModelRequestFields": {"top_k": 5, "thinking": {"type": "enabled"}},
        "guardrailConfig": {"guardrailIdentifier": "g"},
        "serviceTier": {"type": "flex"},
        "outputConfig": {"textFormat": {"type": "json_schema"}},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}}},
                {"cachePoint": {"type": "default"}},
                {"systemTool": {"name": "nova_grounding"}},
            ]
        },
    }
    record = read(bedrock_converse.CONVERSE, asked, {})
    assert record.system_instructions == [TextPart("Be terse.")]
    assert (record.max_tokens, record.temperature, record.top_p, record.top_k) == (9, 0.1, 0.2, 5)
    assert (record.stop_sequences, record.guardrail_id, record.reasoning_level) == (["|"], "g", "enabled")
    assert (record.request_service_tier, record.output_type) == ("flex", "json")
    assert [(tool.name, tool.type) for tool in record.tool_definitions] == [
        ("f", "function"),
        ("nova_grounding", "system_tool"),
    ]


def test_cached_tokens_are_part_of_the_input():
    usage = {
        "inputTokens": 4,
        "outputTokens": 2,
        "cacheReadInputTokens": 100,
        "cacheWriteInputTokens": 30,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}],
    }
    record = read(bedrock_converse.CONVERSE, {}, {"usage": usage})
    found = record.usage
    assert (found.input_tokens, found.cache_read, found.cache_write, found.cache_write_1h) == (134, 100, 30, 20)


def test_tokens_that_are_counted_are_a_number_and_no_usage():
    asked = {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}}}
    record = read(bedrock_guardrails.COUNT_TOKENS, asked, {"inputTokens": 3})
    assert record.counts == {"input_tokens": 3}
    assert record.input_messages[0].parts == [TextPart("hi")]
