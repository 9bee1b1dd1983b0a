"""A small app on Strands: its tree reads like the app, counts once, and says nothing that it is not to say."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import llmtrace
from llmtrace.testing import Answer, ModelServer, ToolUse, capture
from llmtrace.testing.captured import decoded
from tests.integrations import agents

app = importlib.import_module("tests.integrations.strands.app")

GOLDEN = """\
invoke_workflow support
  invoke_agent guide OK
    execute_event_loop_cycle OK
      chat gpt-5-mini OK
        chat gpt-5-mini
      execute_tool search OK
        retrieval notes
    execute_event_loop_cycle OK
      chat gpt-5-mini OK
        chat gpt-5-mini
      execute_tool wind ERROR
    execute_event_loop_cycle OK
      chat gpt-5-mini OK
        chat gpt-5-mini"""

BEDROCK = "us.anthropic.claude-sonnet-4-20250514-v1:0"
LATEST = "gen_ai_latest_experimental"
every_drive = pytest.mark.parametrize("drive", app.DRIVES.values(), ids=app.DRIVES)


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It makes its tracer, and hands contexts to threads, as in a fresh process."""
    monkeypatch.setattr(importlib.import_module("strands.telemetry.tracer"), "_tracer_instance", None)
    yield
    threading: Any = importlib.import_module("opentelemetry.instrumentation.threading")
    if threading.ThreadingInstrumentor().is_instrumented_by_opentelemetry:
        threading.ThreadingInstrumentor().uninstrument()


@pytest.fixture(params=["as it is", LATEST, f"{LATEST},gen_ai_span_attributes_only"])
def conventions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the ways in which it can write its spans, which it reads when its tracer is made."""
    if request.param != "as it is":
        monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", request.param)


@every_drive
def test_the_tree_reads_like_the_app_and_sums_up_to_what_the_provider_counted(drive: Any, conventions: None) -> None:
    with capture() as captured:
        used = asyncio.run(app.converse("c-1", drive))
        assert captured.tree() == GOLDEN
        assert agents.used(captured.spans) == used
        assert {decoded(span)["gen_ai.conversation.id"] for span in captured.spans} == {"c-1"}


def test_called_without_a_loop_of_the_apps_own_the_tree_is_the_same() -> None:
    with capture() as captured:
        used = app.converse_sync("c-1")
        assert captured.tree() == GOLDEN
        assert agents.used(captured.spans) == used


def test_conversations_at_once_do_not_mix() -> None:
    async def both() -> list[tuple[int, int]]:
        return await asyncio.gather(*(app.converse(f"c-{n}", drive) for n, drive in enumerate(app.DRIVES.values())))

    with capture() as captured:
        used = asyncio.run(both())
        assert captured.tree() == f"{GOLDEN}\n{GOLDEN}"
        for number, counts in enumerate(used):
            spans = captured.all(gen_ai__conversation__id=f"c-{number}")
            assert len(spans) == len(GOLDEN.splitlines())
            assert agents.used(spans) == counts
            assert len({span.context.trace_id for span in spans if span.context}) == 1


def test_conversations_on_threads_do_not_mix_though_its_dependency_hands_contexts_over_too() -> None:
    with capture() as captured, ThreadPoolExecutor(2) as pool:
        used = list(pool.map(app.converse_sync, ["c-0", "c-1"]))
        assert captured.tree() == f"{GOLDEN}\n{GOLDEN}"
        assert [agents.used(captured.all(gen_ai__conversation__id=f"c-{n}")) for n in (0, 1)] == used


def test_its_spans_are_described_as_ours_are(conventions: None) -> None:
    with capture() as captured:
        asyncio.run(app.converse("c-1", app.whole))
        agent = decoded(captured.one("invoke_agent guide"))
        assert agent["llmtrace.output"].strip() == agents.ANSWER
        assert agents.CANARY in agent["llmtrace.input"]
        assert not [key for key in agent if key.startswith(("gen_ai.usage.", "gen_ai.event."))]
        tool = decoded(captured.one("execute_tool search"))
        assert tool["gen_ai.tool.call.result"] == {"result": agents.NOTE}
        assert tool["gen_ai.tool.call.arguments"] == {"query": f"bears {agents.CANARY}-query"}
        failed = captured.one("execute_tool wind")
        assert agents.ERROR in (failed.status.description or "")
        assert failed.attributes is not None
        assert failed.attributes["error.type"] in ("LookupError", "_OTHER")
        outer, inner, *_ = captured.all("chat gpt-5-mini")
        shared = ("gen_ai.output.messages", "gen_ai.response.finish_reasons")
        assert {key: decoded(outer)[key] for key in shared} == {key: decoded(inner)[key] for key in shared}
        assert "gen_ai.provider.name" not in decoded(outer)
        assert not [event.name for span in captured.spans for event in span.events]


@every_drive
def test_content_that_is_off_is_nowhere(drive: Any, conventions: None) -> None:
    with capture(capture="none") as captured:
        used = asyncio.run(app.converse("c-1", drive))
        assert captured.tree() == GOLDEN
        assert agents.used(captured.spans) == used
        assert agents.CANARY not in agents.all_text(captured)


def test_content_that_is_off_for_a_block_is_nowhere_in_it() -> None:
    with capture() as captured:
        with llmtrace.capture("none"):
            asyncio.run(app.converse("c-1", app.whole))
        assert captured.tree() == GOLDEN
        assert agents.CANARY not in agents.all_text(captured)


def test_a_secret_in_a_prompt_leaves_on_no_span(conventions: None) -> None:
    with capture() as captured:
        asyncio.run(app.converse("c-1", app.whole))
        said = agents.all_text(captured)
        assert agents.CANARY in said
        assert agents.SECRET not in said


def test_the_apps_other_processors_see_what_the_library_made() -> None:
    theirs, ours, provider = InMemorySpanExporter(), InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(theirs))
    handle = llmtrace.init(tracer_provider=provider, exporters=[ours])
    asyncio.run(app.converse("c-1", app.whole))
    handle.shutdown()
    originals, described = theirs.get_finished_spans(), ours.get_finished_spans()
    assert len(originals) == len(described) == len(GOLDEN.splitlines())
    assert {span.context.span_id for span in originals} == {span.context.span_id for span in described}
    original, made = ({span.name: span for span in spans}["invoke_agent guide"] for spans in (originals, described))
    assert [event.name for event in original.events]
    assert not made.events
    assert (original.start_time, original.end_time) == (made.start_time, made.end_time)


@pytest.mark.parametrize("streaming", [True, False])
def test_over_boto3_it_is_the_same_with_one_call_of_bedrock_for_each_of_its_own(
    streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "fake")
    models = importlib.import_module("strands.models.bedrock")
    with capture() as captured, agents.Scripted() as server, llmtrace.workflow("support"):
        agent = app.guide(server)
        agent.model = models.BedrockModel(
            endpoint_url=server.bedrock_url, model_id=BEDROCK, region_name="us-east-1", streaming=streaming
        )
        assert str(agent(agents.QUESTION)).strip() == agents.ANSWER
    assert captured.tree() == GOLDEN.replace(agents.MODEL, BEDROCK)
    assert agents.used(captured.spans) == server.used != (0, 0)
    assert agents.SECRET not in agents.all_text(captured)


def test_its_session_is_the_conversation_of_the_calls_inside_unless_the_app_names_another() -> None:
    with capture() as captured, agents.Scripted() as server:
        app.guide(server, trace_attributes={"session.id": "s-1"})(agents.QUESTION)
        inner = captured.all("chat gpt-5-mini")[1::2]
        assert {decoded(span)["gen_ai.conversation.id"] for span in inner} == {"s-1"}
        agent = decoded(captured.one("invoke_agent guide"))
        assert (agent["gen_ai.conversation.id"], agent["session.id"]) == ("s-1", "s-1")


def test_a_model_that_no_client_is_below_is_the_inference_itself() -> None:
    with capture(integrations="-openai") as captured:
        used = app.converse_sync("c-1")
        assert captured.tree() == "\n".join(
            line for line in GOLDEN.splitlines() if not line.startswith(" " * 8 + "chat")
        )
        chats = captured.all("chat gpt-5-mini")
        assert {span.kind.name for span in chats} == {"CLIENT"}
        assert agents.used(captured.spans) == agents.used(chats) == used
        first, *_, last = (decoded(span) for span in chats)
        assert last["gen_ai.output.messages"] == [
            {"role": "assistant", "parts": [{"type": "text", "content": agents.ANSWER}]}
        ]
        assert first["gen_ai.input.messages"][0]["role"] == "user"
        assert [message["role"] for message in last["gen_ai.input.messages"]][:2] == ["user", "assistant"]


def test_a_call_that_a_tool_makes_of_a_model_bears_its_own_usage() -> None:
    import openai

    with ModelServer() as server, capture() as captured:
        client = openai.OpenAI(base_url=server.openai_url, api_key="none-needed")

        @app.strands.tool
        def ask(question: str) -> str:
            """Asks another model."""
            answered = client.chat.completions.create(
                model="gpt-5-nano", messages=[{"role": "user", "content": question}]
            )
            return str(answered.choices[0].message.content)

        server.reply(Answer(tool_calls=(ToolUse("ask", {"question": "Hm?"}),)), "Aha.", "Done.")
        model = app.OpenAIModel(
            client_args={"base_url": server.openai_url, "api_key": "none-needed"}, model_id=agents.MODEL
        )
        app.strands.Agent(model=model, tools=[ask], name="guide", callback_handler=None)("Ask.")
        client.close()
        bearing = [span.name for span in captured.spans if "gen_ai.usage.input_tokens" in decoded(span)]
        assert bearing == ["chat gpt-5-mini", "chat gpt-5-nano", "chat gpt-5-mini"]


def test_with_a_global_provider_of_the_apps_own_its_spans_stay_there() -> None:
    code = """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        trace.set_tracer_provider(TracerProvider())
        from strands.telemetry.tracer import get_tracer
        theirs = get_tracer().tracer
        import llmtrace
        llmtrace.init(tracer_provider=TracerProvider(), exporters="none")
        assert get_tracer().tracer is theirs
        llmtrace.shutdown()
        assert get_tracer().tracer is theirs
        print("theirs")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("theirs", "")


@pytest.mark.parametrize(("mode", "kept"), [("full", True), ("none", False)])
def test_kept_as_its_own_its_spans_stay_as_they_are_but_for_secrets_and_content_that_is_off(
    mode: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMTRACE_NATIVE_SPANS", "strands-agents")
    provider, ours = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    monkeypatch.setattr(importlib.import_module("opentelemetry.trace"), "get_tracer_provider", lambda: provider)
    handle = llmtrace.init(tracer_provider=provider, exporters=[ours], capture=mode, integrations="-openai")
    asyncio.run(app.converse("c-1", app.whole))
    handle.shutdown()
    spans = ours.get_finished_spans()
    said = "\n".join(span.to_json() for span in spans)
    assert "gen_ai.usage.prompt_tokens" in said
    assert ("Bears sleep in dens" in said) is kept
    assert agents.SECRET not in said
    assert agents.used(spans) > (0, 0)
