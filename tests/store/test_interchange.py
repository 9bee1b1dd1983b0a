"""What is exported comes back exactly, and what is no export is refused with the reason."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.store import Blob, EventRow, LinkRow, Origin, Score
from llmtrace.store.interchange import NamedBlob, line, read
from tests.store.rows import span, trace_id

any_text = st.text(st.characters())
maybe = st.none() | any_text
counts = st.none() | st.integers(-(2**63), 2**63 - 1)
values = st.recursive(
    st.booleans() | st.integers() | st.floats() | any_text | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(any_text, inner),
    max_leaves=10,
)
attributes = st.dictionaries(any_text, values)


@given(
    st.builds(
        span,
        name=any_text,
        parent_id=st.none() | st.just("ab" * 8),
        ended=counts,
        status=st.sampled_from(["unset", "ok", "error"]),
        status_message=maybe,
        user_id=maybe,
        input_tokens=counts,
        cost=st.none() | st.floats(),
        tags=st.lists(any_text).map(tuple),
        attributes=attributes,
        events=st.lists(st.builds(EventRow, any_text, st.integers(0, 2**63 - 1), attributes), max_size=2),
        links=st.lists(st.builds(LinkRow, st.just(trace_id(9)), st.just("cd" * 8), attributes), max_size=2),
        origin=st.builds(Origin, attributes, any_text, maybe),
    )
)
def test_a_span_comes_back_exactly(given_span):
    text = line(given_span)
    assert "\n" not in text
    assert text.isascii()
    assert repr(read(text)) == repr(given_span)  # as text, since no NaN equals another


@given(
    st.builds(
        Score,
        trace_id=st.just(trace_id(1)),
        name=any_text,
        value=st.none() | st.floats(),
        comment=maybe,
        at=st.integers(0, 9),
    )
)
def test_a_score_comes_back_exactly(score):
    assert repr(read(line(score))) == repr(score)


@given(st.binary(), any_text)
def test_bytes_come_back_exactly(body, mime_type):
    from hashlib import sha256

    named = NamedBlob(sha256(body).hexdigest(), Blob(mime_type, body))
    assert read(line(named)) == named


def test_numbers_that_json_lacks_are_spelled_out():
    text = line(span(attributes={"x": [math.nan, -math.inf]}))
    assert json.loads(text, parse_constant=pytest.fail)["attributes"] == {"x": [{"$float": "nan"}, {"$float": "-inf"}]}


def changed(**fields):
    return json.dumps({**json.loads(line(span())), **fields})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[1]", "no object whose `record`"),
        ("null", "no object whose `record`"),
        ("{}", "no object whose `record` is span or score or blob"),
        ('{"record": []}', "no object whose `record`"),
        ('{"record": "trace"}', "no object whose `record`"),
        ('{"record": "span"}', "`trace_id` is missing"),
        ('{"record": "span", "x": NaN}', "NaN is no number in JSON"),
        ("[" * 100_000, "nested too deeply"),
        (changed(attributes=json.loads("[" * 300 + "]" * 300)), "nested too deeply"),
        (changed(extra=1), "a field 'extra' that is not known here"),
        (changed(trace_id="AB" * 16), "`trace_id` should be 32 hex digits"),
        (changed(trace_id="ab" * 16 + "\n"), "`trace_id` should be 32 hex digits"),
        (changed(span_id=5), "`span_id` should be 16 hex digits"),
        (changed(kind="x"), "`kind`"),
        (changed(kind=[]), "`kind`"),
        (changed(started=1.5), "`started` should be a whole number"),
        (changed(started=True), "`started`"),
        (changed(ended=2**63), "`ended`"),
        (changed(name=None), "`name` should be text"),
        (changed(cost="1"), "`cost`"),
        (changed(tags="a"), "`tags`"),
        (changed(tags=[1]), "`tags`"),
        (changed(attributes=[]), "`attributes` should be an object"),
        (changed(events=[{"name": "x"}]), "`events`"),
        (changed(links=[{"trace_id": "x", "span_id": "y", "attributes": {}}]), "`links`"),
        (changed(origin={"resource": {}}), "`origin`"),
        ('{"record": "blob", "sha256": "%s", "mime_type": "", "base64": "aGk="}' % ("0" * 64), "not that of the bytes"),
        ('{"record": "blob", "sha256": "%s", "mime_type": "", "base64": "é"}' % ("0" * 64), "no base64"),
    ],
)
def test_what_is_no_export_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=reason.replace("(", r"\(")):
        read(text)


@given(any_text | values.map(json.dumps) | attributes.map(lambda found: json.dumps({**found, "record": "span"})))
def test_no_text_does_worse_than_being_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read(text)
