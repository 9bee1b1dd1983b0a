"""Copies of spans for a destination: short enough, still JSON, and the original untouched."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from llmtrace.exporters.adapt import fitted, shortened, without_content
from llmtrace.semconv.names import CONTENT_DROPPED

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=12), inner, max_size=8),
    max_leaves=40,
)


@given(st.text(st.characters(codec=None), max_size=300), st.integers(40, 200))
def test_any_text_is_cut_to_its_limit_and_can_be_sent(text, limit):
    made = shortened(text, limit)
    assert len(made.encode()) <= limit
    if text.isascii() and len(text) <= limit:
        assert made == text


@given(
    st.lists(DOCUMENTS, min_size=1, max_size=8) | st.dictionaries(st.text(max_size=8), DOCUMENTS), st.integers(40, 400)
)
def test_json_that_is_too_long_stays_json_of_its_kind(document, limit):
    made = shortened(json.dumps(document, ensure_ascii=False), limit)
    assert len(made.encode()) <= limit
    assert type(json.loads(made)) is type(document)


def test_long_strings_are_cut_before_messages_are_left_out():
    messages = [{"role": "user", "parts": [{"type": "text", "content": "x" * 50_000}]} for _ in range(4)]
    kept = json.loads(shortened(json.dumps(messages), 65_535))
    assert [message["role"] for message in kept] == ["user"] * 4
    assert all(message["parts"][0]["content"].endswith("…[cut]") for message in kept)


def test_where_there_are_too_many_messages_the_newest_stay():
    messages = [{"role": "user", "number": number} for number in range(10_000)]
    kept = json.loads(shortened(json.dumps(messages), 65_535))
    assert kept[-1]["number"] == 9_999
    assert 1_000 < len(kept) < 10_000


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 50_000, "[1, 2" + "," * 100_000])
def test_what_only_looks_like_json_is_cut_as_text(text):
    assert len(shortened(text, 1_000).encode()) <= 1_000


def test_a_span_that_fits_is_passed_on_as_it_is(spans):
    (span,) = spans({"text": "short", "number": 1, "list": ["a", "b"]})
    assert fitted(span, 65_535) is span


def test_a_long_value_is_cut_on_a_copy_and_the_live_span_keeps_it(spans):
    (span,) = spans({"text": "x" * 100, "list": ["y" * 100, "z"], "number": 1})
    copy = fitted(span, 64)
    assert len(copy.attributes["text"].encode()) == 64
    assert copy.attributes["list"][1] == "z"
    assert len(copy.attributes["list"][0].encode()) == 64
    assert span.attributes["text"] == "x" * 100
    assert (copy.context, copy.name, copy.attributes["number"]) == (span.context, span.name, 1)


@pytest.mark.allows_log("Attributes dict is full")
def test_a_copy_remembers_how_many_attributes_the_sdk_had_dropped():
    span = TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_span("many")
    for number in range(140):
        span.set_attribute(f"key-{number}", "v" * 100)
    span.end()
    readable = span._readable_span()
    assert fitted(readable, 50).dropped_attributes == readable.dropped_attributes == 12


def test_a_long_exception_message_in_an_event_is_cut_too():
    span = TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_span("failing")
    span.record_exception(ValueError("x" * 5_000))
    span.end()
    (event,) = fitted(span._readable_span(), 1_000).events
    assert all(len(str(value).encode()) <= 1_000 for value in event.attributes.values())
    assert event.timestamp == span.events[0].timestamp


def test_without_content_the_short_facts_stay_and_the_span_says_what_happened(spans):
    (span,) = spans({"text": "x" * 2_000, "model": "m", "tokens": 3, "tags": ["a"]})
    assert dict(without_content(span).attributes) == {
        "model": "m",
        "tokens": 3,
        "tags": ("a",),
        CONTENT_DROPPED.key: "too large",
    }
