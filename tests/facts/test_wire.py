"""How a body that is one JSON document is read."""

import json

from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.wire import json_body


@given(st.text(st.characters()) | st.binary())
def test_a_body_of_any_text_or_bytes_is_a_document_or_none(body):
    json_body(body)


def test_a_text_with_a_lone_surrogate_is_none():
    assert json_body('"\ud800"') is None
    assert json_body('{"a": "\udfff"}') is None


@given(st.dictionaries(st.text(), st.text() | st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_a_document_is_read_from_text_as_from_bytes(document):
    assert json_body(json.dumps(document)) == json_body(json.dumps(document).encode()) == document
