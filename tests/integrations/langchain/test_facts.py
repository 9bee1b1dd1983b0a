"""What LangChain says of a model's call, in every dialect it passes on, is read as the conventions have it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import (
    AgentRun,
    BlobPart,
    FilePart,
    GenericPart,
    Inference,
    Message,
    ReasoningPart,
    Record,
    Retrieval,
    ServerToolCallPart,
    ServerToolResponsePart,
    Step,
    TextPart,
    ToolCall,
    ToolCallPart,
    ToolDefinition,
    ToolResponsePart,
    UriPart,
    Usage,
)
from llmtrace.integrations import langchain_chains as chains
from llmtrace.integrations import langchain_models as models
from llmtrace.integrations.langchain_messages import message, parts, tools

FIELDS = (
    "type",
    "text",
    "id",
    "name",
    "content",
    "args",
    "cache_read",
    "input_token_details",
    "finish_reason",
    "source",
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["image", "ai"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner),
    max_leaves=8,
)


def evidence(operation, request, body=None, chunks=()):
    start = Start(operation, target="x")
    return Evidence(start, request, None if body is None else Received(body=body), list(chunks))


BLOCKS = {
    "text": ("Hi", [TextPart("Hi")]),
    "a list of texts": (["Hi", "Ho"], [TextPart("Hi"), TextPart("Ho")]),
    "a text block": ([{"type": "text", "text": "Hi"}], [TextPart("Hi")]),
    "a text block of Bedrock's": ([{"text": "Hi"}], [TextPart("Hi")]),
    "reasoning": ([{"type": "reasoning", "reasoning": "Hm"}], [ReasoningPart("Hm")]),
    "thinking of Anthropic's": ([{"type": "thinking", "thinking": "Hm", "signature": "s"}], [ReasoningPart("Hm")]),
    "reasoning of Bedrock's": (
        [{"type": "reasoning_content", "reasoning_content": {"text": "Hm", "signature": "s"}}],
        [ReasoningPart("Hm")],
    ),
    "a summary of OpenAI's": ([{"type": "reasoning", "summary": [{"text": "Hm"}]}], [ReasoningPart("Hm")]),
    "an image in OpenAI's words": (
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
        [BlobPart("image", "AAAA", "image/png")],
    ),
    "an image in LangChain's words": (
        [{"type": "image", "base64": "AAAA", "mime_type": "image/png"}],
        [BlobPart("image", "AAAA", "image/png")],
    ),
    "an image in LangChain's older words": (
        [{"type": "image", "source_type": "base64", "data": "AAAA", "mime_type": "image/png"}],
        [BlobPart("image", "AAAA", "image/png")],
    ),
    "an image at a URL": (
        [{"type": "image", "url": "https://a.test/b.png"}],
        [UriPart("image", "https://a.test/b.png")],
    ),
    "an image of Anthropic's": (
        [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}],
        [BlobPart("image", "AAAA", "image/png")],
    ),
    "a file by its id": ([{"type": "file", "file_id": "f-1"}], [FilePart("document", "f-1")]),
    "a call that is told apart": ([{"type": "tool_use", "id": "c", "name": "add", "input": {}}], []),
    "a tool of the provider's": (
        [{"type": "server_tool_call", "name": "search", "args": {"q": 1}, "id": "s"}],
        [ServerToolCallPart("search", {"type": "search", "arguments": {"q": 1}}, "s")],
    ),
    "its result": (
        [{"type": "server_tool_result", "output": "found", "status": "success", "tool_call_id": "s"}],
        [ServerToolResponsePart({"type": "server_tool_result", "output": "found", "status": "success"}, "s")],
    ),
    "a block of no standard": ([{"type": "non_standard", "value": {"a": 1}}], [GenericPart("non_standard", {"a": 1})]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_content_is_read_in_every_dialect(name):
    content, expected = BLOCKS[name]
    assert parts(content) == expected


def test_messages_have_the_conventions_roles_and_tool_calls():
    call = {"name": "add", "args": {"a": 1}, "id": "c-1", "type": "tool_call"}
    broken = {"name": "add", "args": '{"a":', "id": "c-2", "error": "cut"}
    said = [
        {"type": "system", "content": "Be brief."},
        {"type": "human", "content": "Hi", "name": "ada"},
        {"type": "ai", "content": "", "tool_calls": [call], "invalid_tool_calls": [broken]},
        {"type": "AIMessageChunk", "content": "Hi", "additional_kwargs": {"reasoning_content": "Hm"}},
        {"type": "tool", "content": '{"sum": 3}', "tool_call_id": "c-1", "name": "add"},
        {"type": "chat", "role": "critic", "content": "No."},
    ]
    assert list(map(message, said)) == [
        Message("system", [TextPart("Be brief.")]),
        Message("user", [TextPart("Hi")], "ada"),
        Message("assistant", [ToolCallPart("add", "c-1", {"a": 1}), ToolCallPart("add", "c-2", '{"a":')]),
        Message("assistant", [ReasoningPart("Hm"), TextPart("Hi")]),
        Message("tool", [ToolResponsePart({"sum": 3}, "c-1")], "add"),
        Message("critic", [TextPart("No.")]),
    ]


def test_tools_are_read_in_every_providers_words():
    schema = {"type": "object"}
    offered = [
        {"type": "function", "function": {"name": "a", "description": "d", "parameters": schema}},
        {"name": "b", "description": "d", "input_schema": schema},
        {"toolSpec": {"name": "c", "description": "d", "inputSchema": {"json": schema}}},
        {"function_declarations": [{"name": "d", "description": "d", "parameters": schema}]},
    ]
    assert tools(offered) == [ToolDefinition(name, "function", "d", schema) for name in "abcd"]


USAGES = {
    "plain": ({"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}, Usage(input_tokens=5, output_tokens=7)),
    "OpenAI's": (
        {
            "input_tokens": 50,
            "output_tokens": 70,
            "input_token_details": {"cache_read": 20, "audio": 3},
            "output_token_details": {"reasoning": 64, "audio": 0},
        },
        Usage(input_tokens=50, output_tokens=70, cache_read=20, reasoning=64, input_by_modality={"audio": 3}),
    ),
    "of another service tier": (
        {
            "input_tokens": 50,
            "output_tokens": 70,
            "input_token_details": {"priority_cache_read": 20, "priority": 30},
            "output_token_details": {"priority_reasoning": 64, "priority": 6},
        },
        Usage(input_tokens=50, output_tokens=70, cache_read=20, reasoning=64),
    ),
    "Anthropic's, by how long it is kept": (
        {
            "input_tokens": 50,
            "output_tokens": 7,
            "input_token_details": {
                "cache_read": 0,
                "cache_creation": 0,
                "ephemeral_5m_input_tokens": 10,
                "ephemeral_1h_input_tokens": 20,
            },
        },
        Usage(input_tokens=50, output_tokens=7, cache_read=0, cache_write=30, cache_write_1h=20),
    ),
}


@pytest.mark.parametrize("name", USAGES)
def test_usage_is_the_conventions(name):
    raw, expected = USAGES[name]
    answer = {"generations": [[{"text": "Hi", "message": {"type": "ai", "content": "Hi", "usage_metadata": raw}}]]}
    assert models.CHAT.read(evidence(models.CHAT, {}, answer)).usage == expected


def test_a_completions_usage_is_in_its_output():
    answer = {
        "generations": [[{"text": "Hi"}]],
        "llm_output": {"token_usage": {"prompt_tokens": 3, "completion_tokens": 4}},
    }
    record = models.COMPLETION.read(evidence(models.COMPLETION, {"prompts": ["Ho"]}, answer))
    assert (record.usage.input_tokens, record.usage.output_tokens) == (3, 4)
    assert record.input_messages == [Message("user", [TextPart("Ho")])]
    assert record.output_messages == [Message("assistant", [TextPart("Hi")])]


def test_what_was_asked_and_what_the_provider_said_of_its_answer():
    request = {
        "messages": [{"type": "human", "content": "Hi"}],
        "params": {"model": "m", "n": 2, "seed": 1, "top_p": 0.5, "stop": "END", "max_tokens": 9, "temperature": 0},
        "metadata": {"ls_provider": "amazon_bedrock", "ls_model_name": "m-1", "ls_temperature": 1.0},
        "told": {"tier": "gold"},
    }
    head = {"model_name": "m-1-2026", "id": "r-1", "finish_reason": "tool_use", "service_tier": "flex"}
    answer = {"generations": [[{"message": {"type": "ai", "content": "Hi", "response_metadata": head}}]]}
    record = models.CHAT.read(evidence(models.CHAT, request, answer))
    assert (record.provider, record.request_model, record.choice_count, record.seed) == ("aws.bedrock", "m-1", 2, 1)
    assert (record.top_p, record.temperature, record.max_tokens, record.stop_sequences) == (0.5, 0.0, 9, ["END"])
    assert (record.response_model, record.response_id, record.finish_reasons) == ("m-1-2026", "r-1", ["tool_calls"])
    assert record.response_service_tier == "flex"
    assert record.metadata == {"tier": "gold"}


def test_of_a_stream_that_was_left_what_came_by_is_the_answer():
    record = models.CHAT.read(evidence(models.CHAT, {}, {"generations": []}, ["On", None, "ce"]))
    assert record.output_messages == [Message("assistant", [TextPart("Once")])]


SHOWN = {
    "the outermost chain": (("RunnableSequence", None, (), {}, True), (chains.WORKFLOW, None)),
    "a chain with a name": (("rag", None, (), {}, True), (chains.WORKFLOW, "rag")),
    "one in another": (("rag", None, ("seq:step:2",), {}, False), (chains.CHAIN, "rag")),
    "a sequence in another": (("RunnableSequence", None, ("seq:step:2",), {}, False), None),
    "a prompt": (("ChatPromptTemplate", "prompt", (), {}, True), None),
    "what is hidden": (("rag", None, ("langsmith:hidden",), {}, True), None),
    "a node": (("plan", None, ("graph:step:1",), {"langgraph_node": "plan"}, False), (chains.STEP, "plan")),
    "a condition at an edge": (("router", None, ("seq:step:3",), {"langgraph_node": "plan"}, False), None),
    "the start": (("__start__", None, ("graph:step:0",), {"langgraph_node": "__start__"}, False), None),
    "a graph without a name": (("LangGraph", None, (), {"ls_integration": "langgraph"}, True), (chains.WORKFLOW, None)),
    "one in a node": (("LangGraph", None, ("seq:step:1",), {"langgraph_node": "plan"}, False), None),
    "an agent": (
        ("bot", None, (), {"ls_integration": "langchain_create_agent", "lc_agent_name": "bot"}, True),
        (chains.AGENT, "bot"),
    ),
    "an agent without a name": (
        ("LangGraph", None, (), {"ls_integration": "langchain_create_agent"}, False),
        (chains.AGENT, None),
    ),
    "a task": (
        ("double", None, ("seq:step:1",), {"langgraph_node": "double", "langgraph_path": ("push", 0, True)}, False),
        (chains.STEP, "double"),
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_of_a_chain_is_what_the_app_made_of_it(name):
    (*run, root), expected = SHOWN[name]
    start = chains.chain(*run, root=root)
    assert (None if start is None else (start.operation, start.target)) == expected


def test_the_conversation_and_the_apps_own_metadata_are_told_apart_from_the_librarys():
    given = {"thread_id": 7, "tier": "gold", "ls_provider": "x", "langgraph_step": 1, "checkpoint_ns": "a"}
    assert chains.conversation(given) == "7"
    assert chains.own(given) == {"tier": "gold"}
    assert chains.conversation({"session_id": ""}) is None


def test_a_retrievals_documents_and_a_tools_result_are_read():
    documents = [{"id": "d-1", "page_content": "Hi", "metadata": {"score": 0.5, "at": "home"}}]
    record = chains.RETRIEVAL.read(evidence(chains.RETRIEVAL, {"query": "q"}, {"documents": documents}))
    (found,) = record.documents
    assert (found.id, found.score, found.text, record.document_count) == ("d-1", 0.5, "Hi", 1)
    said = {"message": {"type": "tool", "content": "no", "tool_call_id": "c-1", "status": "error"}}
    call = chains.TOOL.read(evidence(chains.TOOL, {"input": '{"a": 1}'}, {"output": said}))
    assert (call.call_id, call.arguments, call.result) == ("c-1", {"a": 1}, "no")
    assert call.failure.message == "no"


@given(request=json_values, body=json_values, chunks=st.lists(json_values, max_size=3))
def test_whatever_a_library_says_is_read_without_a_fault(request, body, chunks):
    readers = (chains.WORKFLOW, chains.AGENT, chains.TOOL, chains.RETRIEVAL, models.CHAT, models.COMPLETION)
    kinds = (Step, AgentRun, ToolCall, Retrieval, Inference, Inference)
    for operation, kind in zip(readers, kinds, strict=True):
        record = operation.read(evidence(operation, request, body, chunks))
        assert isinstance(record, Record)
        assert type(record) is kind


@given(metadata=json_values, response=json_values, messages=json_values)
def test_whatever_is_in_the_fields_that_are_read_is_read_without_a_fault(metadata, response, messages):
    request = {"messages": [messages, {"type": "human", "content": messages}], "params": metadata, "metadata": metadata}
    told = {"message": {"type": "ai", "content": response, "usage_metadata": response, "response_metadata": response}}
    record = models.CHAT.read(evidence(models.CHAT, request, {"generations": [[told, response]]}))
    assert isinstance(record, Inference)
