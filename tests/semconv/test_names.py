import re

from llmtrace.semconv import names

STANDARD = {
    "gen_ai.operation.name": "string",
    "gen_ai.provider.name": "string",
    "gen_ai.request.top_k": "int",
    "gen_ai.request.temperature": "double",
    "gen_ai.request.stop_sequences": "string[]",
    "gen_ai.request.stream": "boolean",
    "gen_ai.response.finish_reasons": "string[]",
    "gen_ai.response.time_to_first_chunk": "double",
    "gen_ai.usage.cache_write.input_tokens": "int",
    "gen_ai.usage.audio.cache_read.input_tokens": "int",
    "gen_ai.input.messages": "json",
    "gen_ai.retrieval.query.text": "string",
    "server.port": "int",
    "error.type": "string",
}
CONTENT = {
    "gen_ai.evaluation.explanation",
    "gen_ai.prompt.variable.<key>",
    "gen_ai.system_instructions",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.agent.description",
    "gen_ai.tool.definitions",
    "gen_ai.tool.description",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.documents",
    "llmtrace.retrieval.filter",
    "db.query.text",
    "llmtrace.input",
    "llmtrace.output",
}


def test_every_name_old_or_new_stands_once():
    keys = [key for row in names.ATTRIBUTES for key in (row.key, row.formerly) if key]
    assert len(keys) == len(set(keys))


def test_a_name_is_lower_case_words_joined_by_dots():
    for row in names.ATTRIBUTES:
        assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*(\.<[a-z]+>)?", row.key)


def test_the_conventions_names_have_the_conventions_types():
    table = {row.key: row.type for row in names.ATTRIBUTES}
    assert {key: table.get(key) for key in STANDARD} == STANDARD


def test_our_own_namespace_says_so_and_no_one_elses_does():
    for row in names.ATTRIBUTES:
        assert row.key.startswith("llmtrace.") == (row.origin == "llmtrace")


def test_content_is_what_the_conventions_call_content():
    assert {row.key for row in names.ATTRIBUTES if row.content} == CONTENT


def test_a_placeholder_takes_the_name():
    assert names.METADATA.of("tenant").key == "llmtrace.metadata.tenant"
    assert names.METADATA.of("a.b").type == "any"
