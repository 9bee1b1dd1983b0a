"""Reading lists, pairs and headers out of environment variables, whatever they hold."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.settings import text

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_headers_that_were_encoded_are_read_back(headers):
    encoded = ",".join(f"{name}={quote(value, safe='')}" for name, value in headers.items())
    assert text.headers(encoded) == headers


@given(st.text(max_size=200))
def test_any_text_is_headers_that_can_be_sent_or_refused(raw):
    try:
        headers = text.headers(raw)
    except ValueError:
        return
    for name, value in headers.items():
        assert name == name.lower()
        assert name.isascii()
        assert value.isascii()
        assert value.isprintable()


def test_header_names_are_lower_case_and_values_keep_their_equals_signs():
    assert text.headers("X-Team = a=b== , authorization=Basic%20Zm9v") == {
        "x-team": "a=b==",
        "authorization": "Basic Zm9v",
    }


def test_an_entry_without_equals_is_counted_not_quoted():
    with pytest.raises(ValueError, match="entry 2") as caught:
        text.pairs("a=b,sesame")
    assert "sesame" not in str(caught.value)


@given(st.text(max_size=100))
def test_words_are_never_blank(raw):
    assert all(word and word == word.strip() for word in text.words(raw))
