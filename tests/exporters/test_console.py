"""When the console exporter prints, and where."""

from __future__ import annotations

import io

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from rich.console import Console

from llmtrace.exporters import console as module
from llmtrace.exporters.console import ConsoleExporter


def printing():
    out = io.StringIO()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ConsoleExporter(Console(file=out, width=200))))
    return provider, provider.get_tracer("tests"), out


def test_a_trace_is_printed_as_a_tree_when_its_root_ends():
    _, tracer, out = printing()
    with tracer.start_as_current_span("answer"):
        with tracer.start_as_current_span("search"):
            pass
        with tracer.start_as_current_span("chat"):
            pass
        assert out.getvalue() == ""
    _, answer, search, chat = out.getvalue().splitlines()
    assert answer.index("answer") < search.index("search") == chat.index("chat")


def test_a_terminal_gets_no_control_characters_and_no_markup_from_a_name():
    _, tracer, out = printing()
    tracer.start_span("[bold]\x1b[31mred\r\n\u202e").end()
    assert "[bold]red" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_root_whose_parent_is_in_another_process_completes_the_trace():
    _, tracer, out = printing()
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    tracer.start_span("served", context=set_span_in_context(NonRecordingSpan(remote))).end()
    assert "served" in out.getvalue()


def test_what_has_no_root_yet_is_printed_at_the_end():
    provider, tracer, out = printing()
    root = tracer.start_span("root")
    tracer.start_span("child", context=set_span_in_context(root)).end()
    assert out.getvalue() == ""
    provider.shutdown()
    assert "child" in out.getvalue()


def test_no_more_than_a_bounded_number_of_spans_wait(monkeypatch):
    monkeypatch.setattr(module, "_WAITING_SPANS", 2)
    _, tracer, out = printing()
    root = tracer.start_span("root")
    for _ in range(3):
        tracer.start_span("child", context=set_span_in_context(root)).end()
    assert out.getvalue().count("child") == 3


def test_it_prints_to_the_standard_error_stream(capsys):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ConsoleExporter()))
    provider.get_tracer("tests").start_span("chat").end()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "chat" in captured.err
