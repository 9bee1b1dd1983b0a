import base64
import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.content.blobs import part, text
from llmtrace.facts.records import BlobPart, UriPart

NOISE = random.Random(1).randbytes(3000)
CODED = base64.b64encode(NOISE).decode()


def name(data, mime=None):
    return f"llmtrace-blob:sha256:{hashlib.sha256(data).hexdigest()}?bytes={len(data)}" + (
        f"&type={mime}" if mime else ""
    )


def kept():
    """A sink and what it was given."""
    taken = []
    return taken, lambda *given: taken.append(given)


def test_inline_bytes_become_a_reference_and_go_to_the_sink():
    taken, sink = kept()
    stand_in = part(BlobPart("image", CODED, "image/png"), sink)
    assert stand_in == UriPart("image", name(NOISE, "image/png"), "image/png")
    assert taken == [(hashlib.sha256(NOISE).hexdigest(), NOISE, "image/png")]


@given(st.binary())
def test_any_spelling_of_base64_names_the_same_bytes(data):
    plain = base64.b64encode(data).decode()
    for spelled in (plain, plain.rstrip("="), base64.urlsafe_b64encode(data).decode()):
        assert part(BlobPart("audio", spelled), None).uri == name(data)


def test_what_is_no_base64_is_taken_as_it_is():
    assert part(BlobPart("image", "a"), None).uri == name(b"a")


@given(st.text(max_size=20), st.binary(), st.sampled_from(["image/png", "application/pdf"]), st.text(max_size=20))
def test_a_data_url_in_a_text_becomes_a_reference(before, data, mime, after):
    taken, sink = kept()
    url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    replaced = text(f'{before}"{url}" {after}', sink)
    assert replaced == f'{before}"{name(data, mime)}" {after}'
    assert taken == [(hashlib.sha256(data).hexdigest(), data, mime)]


def test_every_data_url_of_a_text_is_found():
    url = "data:;base64," + base64.b64encode(b"abc").decode()
    assert text(f"{url}, {url}", None) == f"{name(b'abc')}, {name(b'abc')}"
    assert text("data:image/svg+xml;charset=utf-8;base64,YWJj", None) == name(b"abc", "image/svg+xml")


@pytest.mark.parametrize("words", [
    "a ;base64, that stands alone", "data: see below ;base64,YWJj", "data:text/plain,hello", "x" * 5000,
    "0123456789" * 500, "deadbeef" * 500, "Words/and more words, " * 200, "", "é" * 3000,
    "http://example.com/a/B1/" * 300,
])  # fmt: skip
def test_a_text_without_bytes_is_left_alone(words):
    assert text(words, None) is words


@pytest.mark.parametrize(
    "spelled", [CODED, CODED.rstrip("="), "\n".join(CODED[at : at + 76] for at in range(0, 4000, 76))]
)
def test_a_text_that_is_nothing_but_bytes_becomes_a_reference(spelled):
    assert text(spelled, None) == name(NOISE)


@pytest.mark.parametrize("unit", ["data:;base64,", ";base64,", "data:", "data:a;base64", "A1/a"])
def test_a_megabyte_of_anything_comes_to_an_end(unit):
    text(unit * (1_000_000 // len(unit)), None)
