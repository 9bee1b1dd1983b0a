"""tiktoken's constructors run over tables made here: every byte is a token, and so are a few words."""

import base64
import hashlib
import socket

import pytest
import tiktoken
from hypothesis import HealthCheck, given, settings
from tiktoken_ext import openai_public

from llmtrace.facts.records import (
    GenericPart,
    Inference,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolResponsePart,
    UriPart,
    Usage,
)
from llmtrace.tokens import estimate

from .semconv.strategies import facts

URL = "https://example.com/encodings/own_base.tiktoken"
RANKS = {bytes([byte]): byte for byte in range(256)} | {b"he": 256, b"ll": 257, b"hell": 258, b"hello": 259}
TABLE = b"\n".join(base64.b64encode(token) + b" %d" % rank for token, rank in RANKS.items())
TABLE_NAME = hashlib.sha1(URL.encode()).hexdigest()


def o200k_base():
    # Runs among the names of tiktoken's own module, as its constructors do.
    return {
        "name": "o200k_base",
        "pat_str": r"\S+|\s+",
        "mergeable_ranks": load_tiktoken_bpe(OWN_URL, expected_hash=OWN_HASH),  # noqa: F821
        "special_tokens": {"<|endoftext|>": 260},
    }


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a socket was opened"))


@pytest.fixture
def tables(monkeypatch, tmp_path):
    """A cache folder as tiktoken keeps it, with the table of the newer models' encoding."""
    monkeypatch.setitem(openai_public.ENCODING_CONSTRUCTORS, "o200k_base", o200k_base)
    monkeypatch.setattr(openai_public, "OWN_URL", URL, raising=False)
    monkeypatch.setattr(openai_public, "OWN_HASH", hashlib.sha256(TABLE).hexdigest(), raising=False)
    (tmp_path / TABLE_NAME).write_bytes(TABLE)
    return tmp_path


def inference(said="hello", model="gpt-4o", sent="hello hello", **known):
    return Inference(
        operation=known.pop("operation", "chat"),
        request_model=model,
        input_messages=[Message("user", [TextPart(sent)])],
        output_messages=[Message("assistant", [TextPart(said)])],
        **known,
    )


def test_a_silent_stream_is_counted_and_says_that_it_is_an_estimate(tables):
    record = inference()
    estimate(record, tables)
    # "hello", " ", "hello"; the role's four letters; 3 for the message and 3 for the answer's opening
    assert record.usage == Usage(input_tokens=3 + 4 + 3 + 3, output_tokens=1, source="estimated")


def test_instructions_tools_and_tool_results_count_too(tables):
    record = inference(
        system_instructions=[TextPart("hello")],
        tool_definitions=[ToolDefinition("t", description="d", parameters={"a": 1})],
    )
    record.input_messages.append(Message("tool", [ToolResponsePart({"r": 2}, "c1"), ToolResponsePart("hello")]))
    record.output_messages = [Message("assistant", [ReasoningPart("hello"), ToolCallPart("t", arguments={"b": 1})])]
    estimate(record, tables)
    instructions, offer, result = 1 + len("system"), len('["t","d",{"a":1}]'), len('{"r":2}') + 1 + len("tool")
    assert record.usage.input_tokens == 3 + 4 + instructions + offer + result + 3 * 3 + 3
    assert record.usage.output_tokens == 1 + len('t{"b":1}')


def test_a_text_completion_has_no_chat_format_around_it(tables):
    record = inference(operation="text_completion")
    estimate(record, tables)
    assert record.usage.input_tokens == 3


def test_the_model_that_answered_decides_and_else_the_one_asked_for(tables):
    record = inference(model="a-deployment", response_model="gpt-4o-mini-2024-07-18")
    estimate(record, tables)
    assert record.usage.source == "estimated"
    record = inference(model="gpt-4o", response_model="a-deployment")
    estimate(record, tables)
    assert record.usage.source == "estimated"


def test_an_encoding_that_builds_upon_another_is_read_from_the_same_table(tables):
    record = inference(model="gpt-oss-20b")
    if "o200k_harmony" not in openai_public.ENCODING_CONSTRUCTORS:
        pytest.skip("not applicable: this tiktoken has no such encoding")
    estimate(record, tables)
    assert record.usage.output_tokens == 1


@pytest.mark.parametrize("part", [UriPart("image", "https://example.com/a.png"), GenericPart("future")])
def test_input_that_is_no_text_is_not_counted_but_the_answer_is(tables, part):
    record = inference()
    record.input_messages[0].parts.append(part)
    estimate(record, tables)
    assert record.usage == Usage(output_tokens=1, source="estimated")


@pytest.mark.parametrize(
    "record",
    [
        inference(usage=Usage(input_tokens=5)),
        inference(usage=Usage(output_tokens=0)),
        inference(operation="fetch_response"),
        inference(said=""),
        inference(model="claude-sonnet-4-5"),
        inference(model="gpt-4"),
        inference(model="gpt-2"),
        inference(model=None),
        inference(sent="x" * 1_000_001),
    ],
    ids=["input", "output", "fetched", "said nothing", "foreign", "no table", "old form", "no model", "too long"],
)
def test_what_needs_no_estimate_or_can_have_none_stays_as_it_is(tables, record):
    before = Usage(record.usage.input_tokens, record.usage.output_tokens)
    estimate(record, tables)
    assert record.usage == before


def test_a_damaged_table_is_no_table_and_is_left_where_it_lies(tables):
    (tables / TABLE_NAME).write_bytes(TABLE + b"\nAA== 999")
    record = inference()
    estimate(record, tables)
    assert record.usage == Usage()
    assert (tables / TABLE_NAME).exists()


def test_without_a_folder_or_its_table_nothing_is_counted(tmp_path):
    for folder in (None, tmp_path, tmp_path / "absent"):
        record = inference()
        estimate(record, folder)
        assert record.usage == Usage()
    assert not list(tmp_path.iterdir())


def test_a_table_lies_where_tiktoken_itself_would_look_for_it(tables, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tables))
    assert tiktoken.load.read_file_cached(URL) == TABLE


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(facts(Inference))
def test_any_record_is_counted_or_left_without_raising(tables, record):
    record.usage, record.request_model = Usage(), "gpt-4o"
    estimate(record, tables)
    assert (record.usage.output_tokens is None) == (record.usage.source == "provider")
