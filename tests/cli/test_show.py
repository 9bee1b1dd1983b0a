"""The commands, as a terminal and as a pipe see them."""

import json
import math
import os
import pty
import re
import sqlite3
import subprocess
import sys
import time
from dataclasses import asdict

import pytest
from typer.testing import CliRunner

from llmtrace.cli import app
from llmtrace.semconv import names
from llmtrace.store import EventRow, LinkRow, Score, Store
from tests.store.rows import span, trace_id

MESSAGES = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {
        "role": "user",
        "parts": [
            {"type": "text", "content": "Rain in Oslo?\nLook twice."},
            {"type": "uri", "modality": "audio", "uri": "gs://a"},
        ],
    },
    {"role": "user", "parts": [{"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk=" * 9}]},
    {"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."}]},
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}}],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "wet"}]},
]
CALL = "ca" * 8


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "traces.db") as store:
        yield store


@pytest.fixture
def filled(store):
    attributes = {
        names.OPERATION_NAME.key: "chat",
        names.PROVIDER_NAME.key: "openai",
        names.PROVIDER_NAME.formerly: "openai",
        names.REQUEST_MODEL.key: "gpt-x",
        names.RESPONSE_MODEL.key: "gpt-x-2026",
        names.SERVER_ADDRESS.key: "api.example.com",
        names.TEMPERATURE.key: 0.2,
        names.REQUEST_STREAM.key: True,
        names.FIRST_CHUNK.key: 0.25,
        names.REASONING_TOKENS.key: 2,
        names.COST_INPUT.key: 0.4,
        names.COST_SOURCE.key: "table 1",
        names.FINISH_REASONS.key: ["stop", "length"],
        names.INPUT_MESSAGES.key: json.dumps(MESSAGES),
        names.OUTPUT_MESSAGES.key: json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "Yes."}]}]),
        names.TOOL_DEFINITIONS.key: json.dumps([{"type": "function", "name": "weather", "description": "Of a city"}]),
        names.METADATA.of("tenant").key: "acme",
    }
    known = {"conversation_id": "c-1", "user_id": "ann"}
    usage = {"input_tokens": 12, "cached_tokens": 4, "output_tokens": 3, "cost": 0.5, "currency": "USD"}
    chat = {"operation": "chat", "provider": "openai", "model": "gpt-x", "kind": "client", "attributes": attributes}
    store.write([span(1, name="first", operation="step", **known)])
    store.write(
        [
            span(2, name="invoke_workflow answer", operation="invoke_workflow", span_id="f0" * 8, **known),
            span(2, name="chat gpt-x", span_id=CALL, parent_id="f0" * 8, tags=("a", "b"), **chat, **usage, **known),
        ]
    )
    failure = {"status": "error", "error_type": "Timeout", "status_message": "too slow"}
    store.write([span(3, name="execute_tool weather", operation="execute_tool", span_id="ee" * 8, **failure)])
    store.close()
    return store


def run(*arguments):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_the_last_traces_are_shown_as_trees_the_newest_at_the_end(filled):
    shown = run("show", "-n", "2")
    assert shown.exit_code == 0
    lines = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "then", line).rstrip() for line in shown.stdout.splitlines()]
    assert lines == [
        "then  00000000  0µs  12 (4 cached) → 3 tokens  $0.5000  conversation c-1  user ann",
        "└── flow answer  0µs  f0f0f0f0",
        "    └── llm gpt-x  12 (4 cached) → 3 tokens  $0.5000  0µs  cacacaca",
        "",
        "then  00000000  0µs  1 error",
        "└── tool weather  0µs  Timeout: too slow  eeeeeeee",
        "",
    ]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["first", "answer", "gpt-x", "weather"]),
        (["--conversation", "c-1"], ["first", "answer", "gpt-x"]),
        (["--user", "ann", "--limit", "1"], ["answer", "gpt-x"]),
        (["--model", "gpt-*"], ["answer", "gpt-x"]),
        (["--text", "look TWICE"], ["answer", "gpt-x"]),
        (["--error"], ["weather"]),
        (["--tag", "a", "--tag", "b"], ["answer", "gpt-x"]),
        (["--tag", "c"], []),
        (["--metadata", "tenant=acme"], ["answer", "gpt-x"]),
        (["--metadata", "tenant=other"], []),
        (["--min-cost", "0.5"], ["answer", "gpt-x"]),
        (["--min-cost", ".51"], []),
        (["--min-duration", "1ms"], []),
    ],
)
def test_filters_choose_the_traces(filled, options, found):
    shown = run("show", *options).stdout
    assert re.findall(r"── \w+ (\S+)", shown) == found


def test_one_call_is_shown_in_full(filled):
    shown = run("show", CALL[:6]).stdout
    text = "\n".join(line.rstrip() for line in shown.splitlines())
    for part in (
        f"  trace         {trace_id(2)}",
        f"  span          {CALL}, below f0f0f0f0f0f0f0f0",
        "  took          0µs, 250ms to the first chunk",
        "  model         gpt-x answered by gpt-x-2026",
        "  provider      openai at api.example.com",
        "  conversation  c-1",
        "  user          ann",
        "  tags          a, b",
        "  usage         12 (4 cached) → 3 tokens, 2 for reasoning",
        "  cost          $0.5000, $0.4000 for input, by table 1",
        "  finished      stop, length",
        f"\nParameters\n  {names.REQUEST_STREAM.key}       True\n  {names.TEMPERATURE.key}  0.2\n",
        "\nTools offered\n  weather  Of a city\n",
        "\nInput\nsystem\n  Be brief.\nuser\n  Rain in Oslo?\n  Look twice.\n",
        "  Look twice.\n  [audio gs://a]\nuser\n",
        "user\n  [image image/png 36 characters of base64]\nassistant\n  Hm.\n",
        'assistant\n  → weather  {"city": "Oslo"}\ntool\n  ← c1  wet\n',
        "\nOutput\nassistant\n  Yes.\n",
        "\nAttributes\n  llmtrace.metadata.tenant  acme",
    ):
        assert part in text
    assert names.PROVIDER_NAME.formerly not in text


def test_a_trace_s_id_shows_the_whole_trace_and_a_lone_span_in_full(filled):
    assert "── llm gpt-x" in run("show", trace_id(2)).stdout
    lone = run("show", trace_id(3)).stdout
    assert "── tool weather" in lone
    assert "error  Timeout: too slow" in re.sub(
        " +", "  ", lone.replace("Timeout: too slow", "Timeout:\0too\0slow")
    ).replace("\0", " ")


def test_steps_tools_retrievals_events_and_links_are_shown_too(store):
    store.write(
        [
            span(
                1,
                span_id=CALL,
                attributes={
                    names.RETRIEVAL_QUERY.key: "rain",
                    names.DOCUMENTS.key: json.dumps([{"id": "d1", "score": 0.9, "content": "Oslo is wet."}]),
                    names.TOOL_ARGUMENTS.key: '{"city":"Oslo"}',
                    names.TOOL_RESULT.key: "no json {",
                    names.INPUT.key: "given",
                },
                events=[EventRow("exception", 0, {"exception.type": "Timeout"}), EventRow("bare", 0)],
                links=[LinkRow(trace_id(7), "ab" * 8, {"why": "retry"})],
            )
        ]
    )
    text = "\n".join(line.rstrip() for line in run("show", CALL).stdout.splitlines())
    for part in (
        "\nQuery\n  rain\n",
        "\nDocuments\n  d1  score 0.9\n  Oslo is wet.\n",
        '\nArguments\n  {\n    "city": "Oslo"\n  }\n',
        "\nResult\n  no json {\n",
        "\nInput\n  given\n",
        "\nEvent exception at ",
        "  exception.type  Timeout",
        "\nEvent bare at ",
        f"\nLink to span {'ab' * 8} of trace {trace_id(7)}\n  why  retry",
    ):
        assert part in text


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "{",
            "null",
            "17",
            "[1, null, []]",
            '[{"role": 5}]',
            '[{"role": "user"}]',
            '"text"',
            "[" * 5000,
            "[" * 900 + "]" * 900,
            "\ud800[]",
        ),
        *('[{"role": "user", "parts": "x"}]', '[{"role": "user", "parts": [null, {"type": 3}, {"type": "blob"}]}]'),
        *(
            '[{"role": "a", "parts": [{"type": "tool_call"}, {"type": "text", "content": 4}]}]',
            '[{"id": {}, "score": []}]',
        ),
        *(17, 1.5, True, None, ["a", 2], {"role": "user"}, math.inf),
    ],
)
def test_content_of_any_shape_is_shown(store, value):
    content = (
        names.INPUT_MESSAGES,
        names.TOOL_DEFINITIONS,
        names.DOCUMENTS,
        names.RETRIEVAL_QUERY,
        names.INPUT,
        names.FINISH_REASONS,
        names.FIRST_CHUNK,
        names.TEMPERATURE,
    )
    store.write([span(span_id=CALL, attributes={row.key: value for row in content})])
    assert run("show", CALL).exit_code == 0
    assert run("show").exit_code == 0
    json.loads(run("show", "--json").stdout)


HOSTILE = "\x1b]0;title\x07\x1b[31m[red]\x9b2J\u202etxt[/red]\x00\ud800\r"


def test_nothing_stored_reaches_the_terminal_as_an_order_or_as_markup(store):
    message = [{"role": HOSTILE, "parts": [{"type": "text", "content": HOSTILE}, {"type": HOSTILE, "x": HOSTILE}]}]
    tool = [{"name": HOSTILE, "description": HOSTILE}]
    call = [{"role": "assistant", "parts": [{"type": "tool_call", "name": HOSTILE, "arguments": HOSTILE}]}]
    every_text = (
        "name",
        "status_message",
        "operation",
        "provider",
        "model",
        "conversation_id",
        "user_id",
        "error_type",
    )
    store.write(
        [
            span(
                1,
                span_id=CALL,
                status="error",
                **dict.fromkeys((*every_text, "kind", "currency"), HOSTILE.replace("\ud800", "")),
                cost=1.0,
                tags=(HOSTILE,),
                attributes={
                    HOSTILE: HOSTILE,
                    names.INPUT_MESSAGES.key: json.dumps(message),
                    names.OUTPUT_MESSAGES.key: json.dumps(call, ensure_ascii=False),
                    names.TOOL_DEFINITIONS.key: json.dumps(tool),
                    names.DOCUMENTS.key: json.dumps([{"id": HOSTILE, "score": HOSTILE, "content": HOSTILE}]),
                    names.INPUT.key: HOSTILE,
                    names.OUTCOME.key: HOSTILE,
                    names.TEMPERATURE.key: HOSTILE,
                },
                events=[EventRow(HOSTILE, 0, {HOSTILE: HOSTILE})],
            ),
            span(1),
        ]
    )
    for arguments in (["show"], ["show", CALL], ["show", "--json"], ["show", "--text", HOSTILE]):
        shown = run(*arguments)
        assert shown.exit_code == 0
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", shown.output)
    assert "[red]" in run("show").output


def test_json_holds_everything_as_one_object_a_line(filled):
    lines = [json.loads(line) for line in run("show", "--json").stdout.splitlines()]
    assert [line["trace_id"] for line in lines] == [trace_id(1), trace_id(2), trace_id(3)]
    call = lines[1]["spans"][1]
    assert json.loads(call["attributes"][names.INPUT_MESSAGES.key]) == MESSAGES
    assert (call["span_id"], call["input_tokens"], call["tags"]) == (CALL, 12, ["a", "b"])
    assert json.loads(run("show", CALL, "--json").stdout) == {**call, "scores": []}


def test_scores_are_shown_with_what_they_judge(filled):
    given = Score(
        trace_id=trace_id(2), span_id=CALL, name="helpful", value=1.0, comment="yes\x1b[31m", user="ann", at=5
    )
    filled.add_score(given)
    filled.add_score(Score(trace_id=trace_id(2), name="whole", label="good", at=6))
    assert re.findall(r"★.*\S", run("show").stdout) == ["★ whole  good", "★ helpful  1  yes  by ann"]
    assert re.findall(r"★.*\S", run("show", CALL).stdout) == ["★ helpful  1  yes  by ann"]
    assert json.loads(run("show", CALL, "--json").stdout)["scores"] == [asdict(given)]
    told = [json.loads(line)["scores"] for line in run("show", "--json").stdout.splitlines()]
    assert [[score["name"] for score in scores] for scores in told] == [[], ["helpful", "whole"], []]


def test_an_open_span_runs_or_was_interrupted(store):
    store.hold_open(b"me", [span(1, name="wait", started=time.time_ns() - 12_500_000_000, ended=None)])
    assert len(re.findall("running for 1[23] s", run("show").stdout)) == 2  # of the trace and of the span
    assert json.loads(run("show", "--json").stdout)["spans"][0]["running"] is True
    store.let_go(b"me")
    assert "interrupted" in run("show").stdout
    assert json.loads(run("show", "--json").stdout)["spans"][0]["running"] is False


def test_json_has_no_numbers_that_json_lacks(store):
    store.write(
        [span(attributes={"nan": math.nan, "list": [math.inf, 1.5]}, events=[EventRow("e", 0, {"x": -math.inf})])]
    )
    (line,) = run("show", "--json").stdout.splitlines()
    (only,) = json.loads(line, parse_constant=pytest.fail)["spans"]
    assert only["attributes"] == {"nan": None, "list": [None, 1.5]}
    assert only["events"][0]["attributes"] == {"x": None}


def test_without_a_store_it_says_where_it_looked_and_what_to_do(tmp_path):
    for command in ("show", "store"):
        shown = run(command)
        assert shown.exit_code == 0
        assert shown.stdout == ""
        for part in (str(tmp_path / "traces.db"), "llmtrace.init()", "--store", "LLMTRACE_STORE"):
            assert part in shown.stderr
    assert not (tmp_path / "traces.db").exists()


def test_an_empty_store_and_filters_that_match_nothing_are_told_apart(store):
    store.write([])
    assert "no trace yet" in run("show").stderr
    assert "No trace matches" in run("show", "--error").stderr
    assert run("show", "--json").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "abc123"], 1, "has an id that begins with abc123"),
        (["show", "no hex"], 1, "has an id that begins with no hex"),
        (["show", "0000"], 1, f"not enough to tell these apart:\n  trace {trace_id(1)}\n"),
        (["show", "--store", "/nowhere/traces.db"], 1, "there is no store at /nowhere/traces.db"),
        (["show", "--store", "/"], 1, "there is no store at /"),
        (["show", "-n", "0"], 2, "--limit"),
        (["show", "-n", "many"], 2, "--limit"),
        (["show", "--metadata", "tenant"], 2, "KEY=VALUE"),
        (["show", "--min-cost", "-1"], 2, "an amount is a number"),
        (["show", "--min-cost", "nan"], 2, "an amount is a number"),
        (["show", "--min-duration", "soon"], 2, "a duration is a number"),
        (["show", "--min-duration", "2y"], 2, "a duration is a number"),
        (["show", "-f", "0000"], 2, "leave out the id"),
        (["show", "--nonsense"], 2, "--nonsense"),
        (["nonsense"], 2, "nonsense"),
        ([], 2, "show"),
    ],
)
def test_mistakes_end_with_a_message_and_a_code(filled, arguments, code, message):
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == code
    assert message in shown.output
    assert shown.exception is None or isinstance(shown.exception, SystemExit)


def test_a_file_that_is_no_store_is_named_with_the_reason(tmp_path):
    path = tmp_path / "traces.db"
    path.write_bytes(b"a text " * 200)
    shown = run("show")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert f"{path} can't be read: file is not a database" in shown.stderr
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    assert "another program's" in run("store").stderr


def test_the_store_command_says_where_and_how_much(filled):
    shown = re.sub(" +", " ", run("store").stdout)
    assert f"path {filled.path}" in shown.replace("\n", " ").replace("  ", " ")
    for part in ("traces 3", "spans 4", "schema 2"):
        assert part in shown


def command(*arguments, **environment):
    return [sys.executable, "-m", "llmtrace", *arguments], {**os.environ, **environment}


def test_a_pipe_gets_no_colours_and_lines_of_sensible_width(filled):
    program, environment = command("show", PYTHONWARNINGS="error")
    ran = subprocess.run(program, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "└── llm gpt-x" in ran.stdout.replace("    ", "")
    assert "\x1b" not in ran.stdout
    assert ran.stderr == ""


def test_an_encoding_without_our_signs_is_no_traceback(filled):
    program, environment = command("show", CALL, PYTHONIOENCODING="ascii")
    ran = subprocess.run(program, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "12 (4 cached) ? 3 tokens" in ran.stdout


def test_a_reader_that_leaves_early_is_no_traceback(filled):
    program, environment = command("show", "--json")
    process = subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=60)


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colours_unless_it_wants_none(filled, variables, coloured):
    program, environment = command("show", TERM="xterm-256color", **variables)
    main, side = pty.openpty()
    process = subprocess.Popen(program, env=environment, stdin=side, stdout=side, stderr=side)
    os.close(side)
    text = b""
    try:
        while chunk := os.read(main, 65536):
            text += chunk
    except OSError:
        pass  # Linux says so when the other side is gone
    os.close(main)
    assert process.wait(timeout=60) == 0
    assert b"gpt-x" in text
    assert (b"\x1b[3" in text or b"\x1b[1;3" in text) == coloured


def test_many_spans_do_not_make_it_slow(store):
    for batch in range(20):
        store.write([span(batch * 500 + trace, conversation_id=f"c-{trace}") for trace in range(500) for _ in range(5)])
    program, environment = command("show")
    took = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(program, env=environment, capture_output=True, check=True, timeout=60)
        took.append(time.perf_counter() - began)
    program, environment = command("--help")
    began = time.perf_counter()
    subprocess.run(program, env=environment, capture_output=True, check=True, timeout=60)
    assert min(took) < 1 + 2 * (time.perf_counter() - began)  # a slow machine starts Python slowly, too


def test_the_command_line_loads_no_exporter_and_nothing_heavy():
    program, environment = command()
    script = "import llmtrace.cli, sys; print(*sys.modules)"
    shown = subprocess.run([program[0], "-c", script], env=environment, capture_output=True, text=True, check=True)
    heavy = {"opentelemetry.sdk", "pydantic", "httpx", "google.protobuf", "pyarrow", "genai_prices", "tiktoken"}
    assert not heavy & set(shown.stdout.split())
