"""init, flush, shutdown and uninstrument: idempotent, clear about what is wrong, guests in the app's OpenTelemetry."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider

import llmtrace
from llmtrace.engine.engine import SWITCH


@pytest.fixture(autouse=True)
def shut_down() -> Any:
    yield
    llmtrace.shutdown()


def isolated(**settings: Any) -> llmtrace.Handle:
    return llmtrace.init(**{"tracer_provider": TracerProvider(shutdown_on_exit=False), "exporters": "none", **settings})


def run(code: str, **env: str) -> str:
    """Runs code in a fresh interpreter, where the global provider is still to be set; gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_same_init_again_gives_the_same_handle() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    first = isolated(tracer_provider=provider)
    assert isolated(tracer_provider=provider) is first


def test_another_init_with_other_settings_says_which_differ() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    isolated(tracer_provider=provider)
    with pytest.raises(llmtrace.SettingsError, match=r"shutdown\(\) first.*capture"):
        isolated(tracer_provider=provider, capture="none")


def test_shutdown_makes_room_for_other_settings() -> None:
    isolated()
    llmtrace.shutdown()
    assert SWITCH.engine is None
    assert isolated(capture="none").settings.capture == "none"


def test_a_wrong_setting_is_refused_before_anything_starts() -> None:
    threads = threading.active_count()
    with pytest.raises(llmtrace.SettingsError, match="capture"):
        llmtrace.init(capture="some")
    assert threading.active_count() == threads
    assert SWITCH.engine is None


def test_an_unknown_integration_is_refused_by_name() -> None:
    with pytest.raises(
        llmtrace.SettingsError, match=r"no integration 'opnai'; known are aiobotocore, anthropic, .*openai"
    ):
        isolated(integrations=["opnai"])


def test_disabled_patches_nothing_and_starts_nothing() -> None:
    assert (
        run(
            """
        import sys, threading
        import llmtrace, openai
        from openai._base_client import SyncAPIClient
        before = SyncAPIClient.request
        @llmtrace.step
        def f(): return 1
        handle = llmtrace.init()
        assert f() == 1 and SyncAPIClient.request is before
        assert threading.active_count() == 1
        assert "opentelemetry.sdk" not in sys.modules
        assert handle.flush() and handle.shutdown()
        print("nothing")
        """,
            LLMTRACE_DISABLED="true",
        )
        == "nothing"
    )


def test_uninstrument_restores_the_very_functions_and_init_patches_them_again() -> None:
    from openai._base_client import AsyncAPIClient, BaseClient, SyncAPIClient

    places = [(SyncAPIClient, "request"), (AsyncAPIClient, "request"), (BaseClient, "_build_request")]
    before = [vars(owner)[name] for owner, name in places]
    provider = TracerProvider(shutdown_on_exit=False)
    isolated(tracer_provider=provider)
    patched = [vars(owner)[name] for owner, name in places]
    assert all(a is not b for a, b in zip(before, patched, strict=True))
    isolated(tracer_provider=provider)
    assert [vars(owner)[name] for owner, name in places] == patched
    llmtrace.uninstrument()
    assert [vars(owner)[name] for owner, name in places] == before
    isolated(tracer_provider=provider)
    assert vars(SyncAPIClient)["request"] is not before[0]
    llmtrace.shutdown()
    assert [vars(owner)[name] for owner, name in places] == before


def test_somebody_who_wrapped_ours_keeps_working_after_uninstrument() -> None:
    from openai._base_client import SyncAPIClient

    original = SyncAPIClient.request
    isolated()
    ours = SyncAPIClient.request
    calls = []

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return ours(self, *args, **kwargs)

    SyncAPIClient.request = theirs  # type: ignore[method-assign]
    try:
        llmtrace.uninstrument()
        assert SyncAPIClient.request is theirs
    finally:
        SyncAPIClient.request = original  # type: ignore[method-assign]


class Vendors(NoOpTracerProvider):
    """A provider that is not the SDK's."""


@pytest.mark.allows_log("takes no span processors")
def test_a_provider_that_takes_no_processors_is_warned_of_and_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    @llmtrace.step
    def one() -> int:
        return 1

    llmtrace.init(tracer_provider=Vendors(), exporters=InMemorySpanExporter())
    assert one() == 1
    assert llmtrace.flush()
    assert "a Vendors, takes no span processors" in caplog.text


def test_it_joins_the_apps_provider_and_adds_its_own_destination() -> None:
    printed = run("""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        theirs, ours = InMemorySpanExporter(), InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(theirs))
        trace.set_tracer_provider(provider)
        import llmtrace
        llmtrace.init(exporters=ours)
        assert trace.get_tracer_provider() is provider
        @llmtrace.step
        def f(): return 1
        with llmtrace.conversation("c-1", user="u-1"):
            with trace.get_tracer("app").start_as_current_span("mine"):
                f()
        provider.force_flush()
        print(sorted(s.name for s in theirs.get_finished_spans()), sorted(s.name for s in ours.get_finished_spans()))
        print({s.attributes["gen_ai.conversation.id"] for s in theirs.get_finished_spans()})
        llmtrace.shutdown()
        with trace.get_tracer("app").start_as_current_span("later"):
            pass
        print(len(theirs.get_finished_spans()), len(ours.get_finished_spans()))
    """)
    assert printed.splitlines() == ["['f', 'mine'] ['f', 'mine']", "{'c-1'}", "3 2"]


def test_it_sets_a_global_provider_where_there_is_none_and_leaves_it_standing() -> None:
    assert (
        run("""
        from opentelemetry import trace
        import llmtrace
        llmtrace.init(exporters="none", service_name="shop", environment="test")
        provider = trace.get_tracer_provider()
        print(provider.resource.attributes["service.name"], provider.resource.attributes["deployment.environment.name"])
        llmtrace.shutdown()
        assert trace.get_tracer_provider() is provider
        """)
        == "shop test"
    )


def test_a_provider_that_is_given_leaves_the_global_one_alone() -> None:
    assert (
        run("""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        import llmtrace
        llmtrace.init(exporters="none", tracer_provider=TracerProvider())
        print(type(trace.get_tracer_provider()).__name__)
        """)
        == "ProxyTracerProvider"
    )


def test_the_providers_own_flush_drains_the_hand_over_first() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    isolated(tracer_provider=provider)

    @llmtrace.step
    def f() -> None: ...

    for _ in range(100):
        f()
    provider.force_flush()
    assert len(exporter.get_finished_spans()) == 100


def test_what_finished_goes_out_at_exit_and_after_a_fork_too() -> None:
    printed = run("""
        import os, sys
        import llmtrace
        from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
        class Printing(SpanExporter):
            def export(self, spans):
                os.write(1, "".join(f"{span.name}\\n" for span in spans).encode())
                return SpanExportResult.SUCCESS
        llmtrace.init(exporters=Printing())
        @llmtrace.step
        def before(): ...
        @llmtrace.step
        def child(): ...
        @llmtrace.step
        def parent(): ...
        before()
        pid = os.fork()
        if pid == 0:
            child()
            llmtrace.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        parent()
    """)
    assert sorted(printed.split()) == ["before", "child", "parent"]


def test_without_the_worker_a_span_is_there_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMTRACE_WORKER", "false")
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    isolated(tracer_provider=provider)

    @llmtrace.step
    def f() -> None: ...

    f()
    assert [span.name for span in exporter.get_finished_spans()] == ["f"]


def test_nothing_set_means_the_local_store(tmp_path: Any) -> None:
    path = tmp_path / "traces.db"
    run(
        """
        import llmtrace
        llmtrace.init()
        @llmtrace.step
        def f(): ...
        f()
    """,
        LLMTRACE_STORE=str(path),
    )
    assert path.exists()
