"""What the console exporter prints."""

from __future__ import annotations

import io

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, set_span_in_context
from rich.console import Console

from llmtrace.exporters.console import ConsoleExporter
from llmtrace.semconv import names


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
        with tracer.start_as_current_span("chat") as span:
            span.set_attributes(
                {names.INPUT_TOKENS.key: 1200, names.OUTPUT_TOKENS.key: 34, names.COST_TOTAL.key: 0.0123}
            )
            span.set_attributes({names.CONVERSATION_ID.key: "c-1", names.COST_CURRENCY.key: "USD"})
        assert out.getvalue() == ""
    answer, search, chat = out.getvalue().splitlines()
    assert answer.startswith("answer  ")
    assert search.startswith("├── search  ")
    assert chat.startswith("└── chat  ")
    for part in ("1,200 → 34 tokens", "0.012300 USD", "conversation c-1"):
        assert part in chat


def test_an_error_says_its_type():
    _, tracer, out = printing()
    with tracer.start_as_current_span("chat", attributes={names.ERROR_TYPE.key: "rate_limit"}) as span:
        span.set_status(Status(StatusCode.ERROR, "slow down"))
    assert "error rate_limit" in out.getvalue()


def test_a_terminal_gets_no_control_characters_and_no_markup_from_content():
    _, tracer, out = printing()
    tracer.start_span("[bold]\x1b[31mred\r\n\u202e").end()
    assert out.getvalue().startswith("[bold]\\x1b[31mred\\r\\n\\u202e  ")


def test_a_root_whose_parent_is_in_another_process_completes_the_trace():
    _, tracer, out = printing()
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    tracer.start_span("served", context=set_span_in_context(NonRecordingSpan(remote))).end()
    assert out.getvalue().startswith("served")


def test_what_has_no_root_yet_is_printed_at_the_end():
    provider, tracer, out = printing()
    root = tracer.start_span("root")
    tracer.start_span("child", context=set_span_in_context(root)).end()
    assert out.getvalue() == ""
    provider.shutdown()
    assert out.getvalue().startswith("child")


def test_it_prints_to_the_standard_error_stream(capsys):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ConsoleExporter()))
    provider.get_tracer("tests").start_span("chat").end()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("chat")
