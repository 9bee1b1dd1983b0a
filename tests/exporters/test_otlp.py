"""The OTLP exporter against a receiver that fails in every way a network and a backend can."""

from __future__ import annotations

import os
import socket
import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExportResult

from llmtrace.exporters.wire_http import HttpWire, retry_after
from llmtrace.semconv.names import CONTENT_DROPPED
from llmtrace.settings import SettingsError
from tests.exporters.receiver import Answer, partial

pytestmark = pytest.mark.usefixtures("over_each_client")

SUCCESS, FAILURE = SpanExportResult.SUCCESS, SpanExportResult.FAILURE
lost = pytest.mark.allows_log("lost on the way")


def test_spans_arrive_compressed_at_the_traces_path(receiver, exporters, spans):
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans({"count": 1, "words": ["a", "b"]})) is SUCCESS
    (request,) = receiver.requests
    assert request.path == "/v1/traces"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["content-encoding"] == "gzip"
    (span,) = request.spans
    assert {pair.key for pair in span.attributes} == {"count", "words"}
    assert exporter.tally.exported == 1
    assert not exporter.tally.dropped


def test_compression_can_be_switched_off_by_the_standard_variable(receiver, exporters, spans):
    (exporter,) = exporters(receiver.url, OTEL_EXPORTER_OTLP_COMPRESSION="none")
    assert exporter.export(spans({})) is SUCCESS
    assert "content-encoding" not in receiver.requests[0].headers


def test_only_otlp_sends_the_standard_variables_headers(receiver, other_receiver, exporters, spans, monkeypatch):
    headers = "x-honeycomb-team=sesame,authorization=Basic%20sesame"
    environ = {"OTEL_EXPORTER_OTLP_HEADERS": headers, "OTEL_EXPORTER_OTLP_ENDPOINT": other_receiver.url}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for exporter in exporters(["jaeger", receiver.url, "otlp"], JAEGER_ENDPOINT=receiver.url, **environ):
        assert exporter.export(spans({})) is SUCCESS
    assert len(receiver.requests) == 2
    assert all("sesame" not in str(request.headers) for request in receiver.requests)
    assert other_receiver.requests[0].headers["authorization"] == "Basic sesame"
    assert other_receiver.requests[0].headers["x-honeycomb-team"] == "sesame"


def test_headers_given_with_a_destination_are_sent_there(receiver, exporters, spans):
    (exporter,) = exporters({"kind": receiver.url, "headers": {"X-Scope-OrgID": "team-b"}})
    assert exporter.export(spans({})) is SUCCESS
    assert receiver.requests[0].headers["x-scope-orgid"] == "team-b"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again(receiver, exporters, spans, status):
    receiver.script = [Answer(status)]
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans({})) is SUCCESS
    assert len(receiver.requests) == 2
    assert exporter.tally.exported == 1


def test_a_broken_connection_is_tried_again(receiver, exporters, spans):
    receiver.script = [Answer(reset=True)]
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans({})) is SUCCESS
    assert len(receiver.requests) == 2


def test_the_wait_that_the_server_asks_for_is_kept(receiver, exporters, spans):
    receiver.script = [Answer(429, {"retry-after": "2"})]
    (exporter,) = exporters(receiver.url)
    began = time.monotonic()
    assert exporter.export(spans({})) is SUCCESS
    assert time.monotonic() - began >= 2


@lost
def test_a_wait_beyond_the_deadline_is_not_begun(receiver, exporters, spans, logs):
    receiver.script = [Answer(503, {"retry-after": "60"})]
    (exporter,) = exporters(receiver.url)
    began = time.monotonic()
    assert exporter.export(spans({}, {})) is FAILURE
    assert time.monotonic() - began < 2
    assert exporter.tally.dropped == {"HTTP 503": 2}


@lost
def test_a_server_that_never_answers_costs_no_more_than_the_timeout(receiver, exporters, spans):
    receiver.script = [Answer(after=30)]
    (exporter,) = exporters(receiver.url, OTEL_EXPORTER_OTLP_TIMEOUT="0.5")
    began = time.monotonic()
    assert exporter.export(spans({})) is FAILURE
    assert time.monotonic() - began < 1.5
    assert exporter.tally.dropped == {"timeout": 1}


@lost
@pytest.mark.parametrize(
    ("answer", "reason", "hint"),
    [
        (
            Answer(302, {"location": "https://login.example/?token=sesame"}),
            "HTTP 302",
            "redirects to https://login.example",
        ),
        (Answer(404, {"content-type": "text/html"}, b"<html>"), "HTTP 404", "web page"),
        (Answer(404), "HTTP 404", "URL's path"),
        (Answer(401), "HTTP 401", "check the key"),
        (Answer(403), "HTTP 403", "region"),
        (Answer(415), "HTTP 415", "protobuf"),
        (Answer(400), "HTTP 400", "headers"),
        (Answer(500), "HTTP 500", "log"),
        (Answer(200, {"content-type": "text/html; charset=utf-8"}, b"<html>"), "not OTLP", "web page"),
    ],
)
def test_a_refusal_is_final_counted_and_said_with_a_remedy(receiver, exporters, spans, logs, answer, reason, hint):
    receiver.script = [answer]
    (exporter,) = exporters({"kind": receiver.url, "headers": {"x-team": "sesame"}})
    assert exporter.export(spans({}, {})) is FAILURE
    assert len(receiver.requests) == 1
    assert exporter.tally.dropped == {reason: 2}
    (record,) = logs
    said = record.getMessage()
    for part in ("2 span(s)", f"{receiver.url}/v1/traces", "x-team", reason, hint):
        assert part in said
    assert "sesame" not in said


@lost
def test_nobody_listening_is_said_with_a_remedy(exporters, spans, logs):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (exporter,) = exporters(f"http://me:sesame@127.0.0.1:{port}?q=sesame", OTEL_EXPORTER_OTLP_TIMEOUT="0.3")
    assert exporter.export(spans({})) is FAILURE
    assert exporter.tally.dropped == {"no connection": 1}
    assert "is it running" in logs[0].getMessage()
    assert "sesame" not in logs[0].getMessage()


@lost
def test_spans_that_an_accepted_request_lost_are_counted(receiver, exporters, spans, logs):
    receiver.script = [partial(2, "too old")]
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans({}, {}, {})) is FAILURE
    assert (exporter.tally.exported, exporter.tally.dropped) == (1, {"rejected by the server": 2})
    assert "too old" in logs[0].getMessage()


@lost
def test_a_partial_success_in_json_counts_too(receiver, exporters, spans):
    body = b'{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "no"}}'
    receiver.script = [Answer(200, {"content-type": "application/json"}, body)]
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans({})) is FAILURE
    assert exporter.tally.dropped == {"rejected by the server": 1}


@pytest.mark.parametrize(
    "answer",
    [
        partial(0, "only a warning"),
        Answer(202),
        Answer(200, {"content-type": "application/json"}, b"{}"),
        Answer(200, {"content-type": "application/json"}, b"[1]"),
        Answer(200, {"content-type": "text/plain"}, b"OK"),
        Answer(200, {}, b"\xff" * 200_000),
    ],
)
def test_whatever_words_a_2xx_has_it_is_a_success(receiver, exporters, spans, answer):
    receiver.script = [answer]
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans({})) is SUCCESS
    assert exporter.tally.exported == 1


def test_a_batch_goes_in_requests_that_the_destination_takes(receiver, exporters, spans):
    (exporter,) = exporters(receiver.url)
    batch = spans(*({"text": f"{number}" * 900_000} for number in range(9)))
    assert exporter.export(batch) is SUCCESS
    assert all(request.size <= 4 << 20 for request in receiver.requests)
    assert receiver.names == [span.name for span in batch]


def test_a_batch_that_the_server_finds_too_large_is_halved(receiver, exporters, spans):
    receiver.largest = 3_000
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans(*({"text": "x" * 1_000} for _ in range(7)))) is SUCCESS
    taken = [request for request in receiver.requests if request.size <= receiver.largest]
    assert sum(len(request.spans) for request in taken) == 7
    assert exporter.tally.exported == 7


def test_a_span_that_is_too_large_alone_goes_without_its_content_and_says_so(receiver, exporters, spans):
    receiver.largest = 3_000
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans({"text": "x" * 5_000, "words": ["y" * 2_000], "tokens": 12}, {"tokens": 7})) is SUCCESS
    arrived = [span for request in receiver.requests if request.size <= 3_000 for span in request.spans]
    assert [{pair.key for pair in span.attributes} for span in arrived] == [
        {"tokens", CONTENT_DROPPED.key},
        {"tokens"},
    ]


@lost
def test_a_span_that_is_too_large_even_so_is_counted_and_its_neighbour_still_goes(receiver, exporters, spans):
    receiver.largest = 500
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans({str(n): n for n in range(100)}, {"tokens": 7})) is FAILURE
    assert (exporter.tally.exported, exporter.tally.dropped) == (1, {"HTTP 413": 1})


@lost
def test_a_destination_complains_once_a_minute_and_then_of_all_that_was_lost(
    receiver, exporters, spans, logs, monkeypatch
):
    receiver.script = [Answer(404), Answer(404), Answer(404)]
    (exporter,) = exporters(receiver.url)
    exporter.export(spans({}))
    exporter.export(spans({}, {}))
    assert len(logs) == 1
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    exporter.export(spans({}))
    assert len(logs) == 2
    assert "3 span(s)" in logs[1].getMessage()
    assert exporter.tally.dropped == {"HTTP 404": 4}


@lost
def test_after_shutdown_an_export_fails_at_once(receiver, exporters, spans):
    (exporter,) = exporters(receiver.url)
    exporter.shutdown()
    assert exporter.export(spans({})) is FAILURE
    assert receiver.requests == []
    assert exporter.tally.dropped == {"shut down": 1}


@lost
@pytest.mark.parametrize("answer", [Answer(503, {"retry-after": "20"}), Answer(after=20)], ids=["waiting", "in flight"])
def test_a_shutdown_ends_a_wait_and_a_request_under_way(receiver, exporters, spans, answer):
    receiver.script = [answer]
    (exporter,) = exporters(receiver.url, OTEL_EXPORTER_OTLP_TIMEOUT="30")
    results = []
    batch = spans({})
    thread = threading.Thread(target=lambda: results.append(exporter.export(batch)))
    thread.start()
    while not receiver.requests:
        time.sleep(0.01)
    time.sleep(0.2)
    began = time.monotonic()
    exporter.shutdown()
    thread.join(5)
    assert time.monotonic() - began < 2
    assert results == [FAILURE]
    assert exporter.tally.dropped == {"shut down": 1}


def test_an_export_is_never_traced_itself(receiver, exporters, spans, monkeypatch):
    seen = []
    sent = HttpWire.send

    def listening(self, request, seconds):
        seen.append(get_value(_SUPPRESS_INSTRUMENTATION_KEY))
        return sent(self, request, seconds)

    monkeypatch.setattr(HttpWire, "send", listening)
    (exporter,) = exporters(receiver.url)
    exporter.export(spans({}))
    assert seen == [True]
    assert get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None
    assert not trace.get_current_span().is_recording()


def test_values_that_protobuf_cannot_hold_cost_neither_the_span_nor_the_batch(receiver, exporters, spans):
    (exporter,) = exporters(receiver.url)
    assert (
        exporter.export(spans({"text": "half \ud800 of a pair", "tokens": 3}, {"tokens": 4}, name="\udfff")) is SUCCESS
    )
    first, second = receiver.requests[0].spans
    assert first.attributes[0].value.string_value == "half ? of a pair"
    assert first.name == "?-0"
    assert second.attributes[0].value.int_value == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="not applicable: this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_sends_over_a_connection_of_its_own(receiver, exporters, spans):
    (exporter,) = exporters(receiver.url)
    assert exporter.export(spans({}, name="parent")) is SUCCESS
    batch = spans({}, name="child")
    child = os.fork()
    if not child:
        os._exit(0 if exporter.export(batch) is SUCCESS else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert exporter.export(spans({}, name="parent-again")) is SUCCESS
    assert receiver.names == ["parent-0", "child-0", "parent-again-0"]


def test_a_certificate_that_cannot_be_used_stops_init(tmp_path, exporters):
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate")
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_CERTIFICATE"):
        exporters("https://127.0.0.1:1", OTEL_EXPORTER_OTLP_CERTIFICATE=str(wrong))


@pytest.mark.allows_log("no service.name")
def test_honeycomb_says_once_that_spans_have_no_service_name(receiver, exporters, spans, logs):
    (exporter,) = exporters("honeycomb", HONEYCOMB_API_KEY="fake", HONEYCOMB_API_ENDPOINT=receiver.url)
    nameless = spans({}, resource=Resource({"service.name": "unknown_service:python"}))
    exporter.export(nameless)
    exporter.export(nameless)
    assert len(logs) == 1
    assert "OTEL_SERVICE_NAME" in logs[0].getMessage()


@given(st.text(max_size=60))
def test_any_retry_after_is_a_wait_or_nothing(text):
    wait = retry_after(text)
    assert wait is None or wait >= 0


def test_a_retry_after_may_be_a_date():
    moment = datetime.now(timezone.utc) + timedelta(seconds=30)
    assert 25 < retry_after(format_datetime(moment, usegmt=True)) <= 30
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("soon") is None
