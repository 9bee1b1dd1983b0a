"""A small app on Pydantic AI: its tree reads like the app, counts once, and says nothing that it is not to say."""

from __future__ import annotations

import asyncio
import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import llmtrace
from llmtrace.testing import capture
from llmtrace.testing.captured import decoded
from tests.integrations import agents

app = importlib.import_module("tests.integrations.pydantic_ai.app")

pydantic_ai: Any = app.pydantic_ai
OLD = int(version("pydantic-ai-slim").partition(".")[0]) < 2

TREE = """\
invoke_workflow support
  invoke_agent guide
    chat gpt-5-mini
      chat gpt-5-mini
    execute_tool search
      retrieval notes
    chat gpt-5-mini
      chat gpt-5-mini
    execute_tool wind ERROR
    chat gpt-5-mini
      chat gpt-5-mini"""

OLD_TREE = """\
invoke_workflow support
  invoke_agent guide
    chat gpt-5-mini
      chat gpt-5-mini
    running tools
      execute_tool search
        retrieval notes
    chat gpt-5-mini
      chat gpt-5-mini
    running tools
      execute_tool wind ERROR
    chat gpt-5-mini
      chat gpt-5-mini"""

GOLDEN = OLD_TREE if OLD else TREE

every_drive = pytest.mark.parametrize("drive", app.DRIVES.values(), ids=app.DRIVES)


@every_drive
def test_the_tree_reads_like_the_app_and_sums_up_to_what_the_provider_counted(drive: Any) -> None:
    with capture() as captured:
        used = asyncio.run(app.converse("c-1", drive))
        assert captured.tree() == GOLDEN
        assert agents.used(captured.spans) == used
        assert {decoded(span)["gen_ai.conversation.id"] for span in captured.spans} == {"c-1"}


def test_without_a_loop_of_the_apps_own_the_tree_is_the_same() -> None:
    with capture() as captured:
        used = app.converse_sync("c-1")
        assert captured.tree() == GOLDEN
        assert agents.used(captured.spans) == used


def test_conversations_at_once_do_not_mix() -> None:
    async def both() -> list[tuple[int, int]]:
        return await asyncio.gather(*(app.converse(f"c-{n}", drive) for n, drive in enumerate(app.DRIVES.values())))

    with capture() as captured:
        used = asyncio.run(both())
        assert captured.tree() == "\n".join([GOLDEN] * len(app.DRIVES))
        for number, counts in enumerate(used):
            spans = captured.all(gen_ai__conversation__id=f"c-{number}")
            assert len(spans) == len(GOLDEN.splitlines())
            assert agents.used(spans) == counts
            assert len({span.context.trace_id for span in spans if span.context}) == 1


def test_conversations_on_threads_do_not_mix() -> None:
    with capture() as captured, ThreadPoolExecutor(2) as pool:
        used = list(pool.map(app.converse_sync, ["c-0", "c-1"]))
        assert captured.tree() == f"{GOLDEN}\n{GOLDEN}"
        assert [agents.used(captured.all(gen_ai__conversation__id=f"c-{n}")) for n in (0, 1)] == used


def test_its_spans_are_described_as_ours_are() -> None:
    with capture() as captured:
        asyncio.run(app.converse("c-1", app.whole))
        agent = decoded(captured.one("invoke_agent guide"))
        assert agent["llmtrace.output"] == agents.ANSWER
        assert agents.CANARY in agent["llmtrace.input"]
        assert not [key for key in agent if key.startswith(("gen_ai.usage.", "logfire.", "pydantic_ai.all"))]
        tool = decoded(captured.one("execute_tool search"))
        assert tool["gen_ai.tool.call.result"] == {"result": agents.NOTE}
        assert tool["gen_ai.tool.call.arguments"] == {"query": f"bears {agents.CANARY}-query"}
        failed = captured.one("execute_tool wind")
        assert failed.attributes is not None
        assert failed.attributes["error.type"] == "pydantic_ai.exceptions.ToolRetryError"
        assert agents.ERROR in (failed.status.description or "")
        outer, inner, *_ = captured.all("chat gpt-5-mini")
        shared = ("gen_ai.output.messages", "gen_ai.response.id", "gen_ai.response.finish_reasons", "server.port")
        assert {key: decoded(outer)[key] for key in shared} == {key: decoded(inner)[key] for key in shared}
        assert not [key for span in captured.spans for event in span.events for key in event.attributes or {}]


@every_drive
def test_content_that_is_off_is_nowhere(drive: Any) -> None:
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


def test_a_secret_in_a_prompt_leaves_on_no_span() -> None:
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
    original, made = ({span.name: span for span in spans}["invoke_agent guide"] for spans in (originals, described))
    assert original.attributes is not None
    assert made.attributes is not None
    assert "pydantic_ai.all_messages" in original.attributes
    assert "pydantic_ai.all_messages" not in made.attributes
    assert original.context == made.context
    assert (original.start_time, original.end_time) == (made.start_time, made.end_time)


def test_a_model_that_no_client_is_below_is_the_inference_itself() -> None:
    testing = importlib.import_module("pydantic_ai.models.test")
    with capture() as captured:
        agent = pydantic_ai.Agent(testing.TestModel(custom_output_text="Hm."), name="guide", instructions="Be brief.")
        assert asyncio.run(agent.run("Hello")).output == "Hm."
        assert captured.tree() == "invoke_agent guide\n  chat test"
        chat = captured.one("chat test")
        said = decoded(chat)
        assert chat.kind.name == "CLIENT"
        assert agents.used([chat])[1] > 0
        assert said["gen_ai.output.messages"] == [{"role": "assistant", "parts": [{"type": "text", "content": "Hm."}]}]
        assert said["gen_ai.system_instructions"] == [{"type": "text", "content": "Be brief."}]


def test_a_function_for_a_model_is_an_inference_too_and_its_failure_is_one() -> None:
    functions = importlib.import_module("pydantic_ai.models.function")

    def fails(_: Any, __: Any) -> Any:
        raise LookupError(agents.ERROR)

    with capture(capture="none") as captured:
        agent = pydantic_ai.Agent(functions.FunctionModel(fails, model_name="mine"), name="guide")
        with pytest.raises(LookupError):
            asyncio.run(agent.run("Hello"))
        assert captured.tree() == "invoke_agent guide ERROR\n  chat mine ERROR"
        assert decoded(captured.one("chat mine"))["error.type"] == "LookupError"
        assert agents.CANARY not in agents.all_text(captured)


def test_structured_output_is_the_agents_output() -> None:
    testing = importlib.import_module("pydantic_ai.models.test")
    with capture() as captured:
        agent = pydantic_ai.Agent(
            testing.TestModel(custom_output_args={"x": 1}), name="guide", output_type=dict[str, int]
        )
        assert asyncio.run(agent.run("Hello")).output == {"x": 1}
        assert decoded(captured.one("invoke_agent guide"))["llmtrace.output"] == {"x": 1}


@pytest.mark.parametrize(("mode", "kept"), [("full", True), ("none", False)])
def test_kept_as_its_own_its_spans_stay_as_they_are_but_for_secrets_and_content_that_is_off(
    mode: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMTRACE_NATIVE_SPANS", "pydantic-ai")
    settings = importlib.import_module("pydantic_ai.models.instrumented").InstrumentationSettings
    provider, ours = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    handle = llmtrace.init(tracer_provider=provider, exporters=[ours], capture=mode, integrations="-openai")
    assert pydantic_ai.Agent._instrument_default is False
    pydantic_ai.Agent.instrument_all(settings(tracer_provider=provider))
    try:
        asyncio.run(app.converse("c-1", app.whole))
    finally:
        pydantic_ai.Agent.instrument_all(False)
        handle.shutdown()
    spans = ours.get_finished_spans()
    said = "\n".join(span.to_json() for span in spans)
    assert ("pydantic_ai.all_messages" in said) is kept
    assert (agents.CANARY in said) is kept
    assert agents.SECRET not in said


def test_an_app_that_asked_for_tracing_itself_keeps_what_it_asked_for() -> None:
    settings = importlib.import_module("pydantic_ai.models.instrumented").InstrumentationSettings(
        version=3 if OLD else 5
    )
    pydantic_ai.Agent.instrument_all(settings)
    try:
        with capture():
            assert pydantic_ai.Agent._instrument_default is settings
        assert pydantic_ai.Agent._instrument_default is settings
    finally:
        pydantic_ai.Agent.instrument_all(False)


def test_it_is_asked_to_trace_while_llmtrace_does_and_no_longer() -> None:
    before = threading.active_count()
    with capture():
        assert pydantic_ai.Agent._instrument_default
    assert pydantic_ai.Agent._instrument_default is False
    assert threading.active_count() <= before
