"""How big strings are taken apart and put together."""

import json

from hypothesis import given
from hypothesis import strategies as st

from llmtrace.store.content import Pile, decode, elements, encode, join

any_text = st.text(st.characters())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(json_values, min_size=1), st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_a_list_comes_apart_into_its_elements_whatever_they_are(values, separators, ascii_only):
    text = json.dumps(values, separators=separators, ensure_ascii=ascii_only)
    joint, parts = elements(text)
    assert joint == separators[0] or len(values) == 1
    assert [repr(json.loads(part)) for part in parts] == [repr(value) for value in values]
    assert join(joint, parts) == text


@given(any_text | st.from_regex(r"\A\[[\[\]{}\", 0-9a]*\Z"))
def test_what_comes_apart_can_be_joined_again_to_the_byte(text):
    cut = elements(text)
    assert cut is None or join(*cut) == text


def test_what_is_no_compact_list_is_kept_whole():
    for text in ("", "[", "[]", "{}", "[1 ,2]", "[1,2] ", "[1, 2,3]", "[1,]", "[1", "[1}", "[" * 100_000, "[,]"):
        assert elements(text) is None


@given(any_text)
def test_text_survives_the_store_s_encoding_with_lone_surrogates_and_all(text):
    assert decode(encode(text)) == text


def test_a_list_that_grew_shares_all_but_the_new_elements():
    pile = Pile()
    first = pile.put('["a","b"]')
    assert (len(pile.bodies), len(pile.nodes)) == (2, 2)
    longer = pile.put('["a","b","c"]')
    assert (len(pile.bodies), len(pile.nodes)) == (3, 3)
    assert pile.nodes[longer.hash][0] == first.hash


def test_the_same_elements_in_another_order_are_another_list():
    pile = Pile()
    assert pile.put('["a","b"]').hash != pile.put('["b","a"]').hash
    assert len(pile.bodies) == 2
