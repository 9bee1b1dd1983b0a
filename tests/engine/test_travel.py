"""A trace travels to whom it may, goes on from whom it came, and nothing else goes along."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.baggage import set_baggage
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

from llmtrace.engine.context import standing
from llmtrace.engine.travel import allowed, carried, joined
from llmtrace.facts.operation import Begin, Carrying, Evidence, Integration, Operation, Silenced, Start
from llmtrace.facts.records import Record
from tests.engine import library
from tests.engine.conftest import SPACE

HOSTS = ("mcp.example.com", "*.internal.example.com", "localhost", "::1")
TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("elsewhere")
THEIRS = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}


@pytest.mark.parametrize(
    "host", ["mcp.example.com", "MCP.Example.com", "mcp.example.com.", "a.internal.example.com", "localhost", "::1", ""]
)
def test_a_host_that_was_named_may_know(host):
    assert allowed(host, HOSTS)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "xmcp.example.com",
        "mcp.example.com.evil.test",
        "internal.example.com",
        "xinternal.example.com",
        "127.0.0.1",
        "*",
        ".",
        None,
    ],
)
def test_no_other_host_may_know(host):
    assert not allowed(host, HOSTS)


@given(st.text(), st.lists(st.sampled_from(HOSTS)))
def test_a_host_may_know_only_if_its_name_ends_as_one_that_was_named(host, hosts):
    if host and allowed(host, hosts):
        assert any(host.lower().strip("[].").endswith(each.removeprefix("*")) for each in hosts)


@given(st.text(min_size=1))
def test_by_default_no_host_may_know(host):
    assert not allowed(host, ())


def put(args: Any, kwargs: Any, headers: Any) -> Any:
    return (args[0], {**args[1], **headers}), kwargs


def test_only_the_trace_goes_along_and_in_a_copy():
    context = set_baggage("user", "ada", set_span_in_context(TRACER.start_span("here")))
    given = (object(), {"kept": "yes"})
    (_, told), _ = carried(Carrying(lambda *_: "localhost", put), HOSTS, context, given, {})
    assert sorted(told) == ["kept", "traceparent"]
    assert given[1] == {"kept": "yes"}
    assert carried(Carrying(lambda *_: "evil.test", put), HOSTS, context, given, {})[0] is given
    assert carried(Carrying(lambda *_: "localhost", lambda *_: None), HOSTS, context, given, {})[0] is given
    assert carried(Carrying(lambda *_: "localhost", put), HOSTS, Context(), given, {})[0] is given


def test_the_sender_is_the_parent_and_what_is_current_is_linked():
    here = TRACER.start_span("the HTTP request")
    context, links = joined(*standing(set_span_in_context(here)), THEIRS)
    parent = TRACER.start_span("served", context).parent
    assert f"{parent.trace_id:032x}" == "a" * 32
    assert [link.context.span_id for link in links] == [here.get_span_context().span_id]


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"traceparent": "nonsense"},
        {"traceparent": f"00-{'0' * 32}-{'b' * 16}-01"},
        {"traceparent": 5},
        {"traceparent": [f"00-{'a' * 32}-{'b' * 16}-01"]},
        {"traceparent": None, "tracestate": {}},
        {"other": "x"},
    ],
)
def test_without_a_sender_all_stays_as_it_is(headers):
    context = set_span_in_context(TRACER.start_span("here"))
    assert joined(context, (), headers) == (context, ())


def test_what_is_over_here_is_no_part_of_a_senders_trace():
    over = TRACER.start_span("a stranger's request, long ago")
    over.end()
    _, links = joined(*standing(set_span_in_context(over)), THEIRS)
    assert not links


def _read(evidence: Evidence) -> Record:
    return Record(operation=evidence.start.operation.name)


SERVED = Begin(
    lambda *_: Start(Operation("serve", _read, kind="server")),
    carrier=lambda *_: THEIRS,
)


def test_a_served_request_is_a_servers_span_below_its_senders(tracing):
    patcher = tracing.apply(Integration("acme", "acme>=1", {f"{SPACE}:Client.trace": SERVED}))
    library.Client("").trace()
    patcher.take_off()
    assert tracing.span.kind.name == "SERVER"
    assert f"{tracing.span.parent.span_id:016x}" == "b" * 16
    assert tracing.span.parent.is_remote


def test_a_librarys_own_tracing_can_be_silent_outside_of_calls_too(tracing):
    patcher = tracing.apply(Integration("acme", "acme>=1", {f"{SPACE}:Client.trace": Silenced("hush", always=True)}))
    token = attach(Context())
    assert library.Client("").trace() == "hush"
    detach(token)
    tracing.handle.shutdown()
    assert library.Client("").trace() != "hush"
    patcher.take_off()
