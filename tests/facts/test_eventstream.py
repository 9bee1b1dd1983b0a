import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.eventstream import Frame, frames
from tests.integrations.anthropic.wire import frame

ONE = frame(b'{"a":1}', {":event-type": "one", ":message-type": "event"})
TWO = frame(b"", {":event-type": "two"})


def raw(headers, payload=b""):
    head = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = head + struct.pack(">I", zlib.crc32(head)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def test_messages_come_apart_with_their_headers_and_payloads():
    assert list(frames(ONE + TWO)) == [
        Frame({":event-type": "one", ":message-type": "event"}, b'{"a":1}'),
        Frame({":event-type": "two"}, b""),
    ]


def test_botocore_reads_the_frames_of_these_tests_alike():
    eventstream = pytest.importorskip("botocore.eventstream")
    buffer = eventstream.EventStreamBuffer()
    buffer.add_data(ONE + TWO)
    assert [(m.headers, m.payload) for m in buffer] == [tuple(f) for f in frames(ONE + TWO)]


@pytest.mark.parametrize("cut", range(1, len(TWO)))
def test_a_message_that_is_cut_short_ends_the_reading(cut):
    assert [f.payload for f in frames(ONE + TWO[:cut])] == [b'{"a":1}']


@pytest.mark.parametrize("at", range(len(TWO)))
def test_a_message_with_a_flipped_bit_is_not_believed(at):
    damaged = bytearray(ONE + TWO + ONE)
    damaged[len(ONE) + at] ^= 1
    assert [f.payload for f in frames(bytes(damaged))] == [b'{"a":1}']


@pytest.mark.parametrize("missing", range(1, len(ONE)))
def test_a_body_without_its_beginning_is_read_from_the_next_message_on(missing):
    assert [f.headers for f in frames(ONE[missing:] + TWO + TWO)] == [{":event-type": "two"}] * 2


def test_only_string_headers_are_kept_and_every_other_type_is_stepped_over():
    values = [b"\x00", b"\x01", b"\x02A", b"\x03AA", b"\x04AAAA", b"\x05" + b"A" * 8, b"\x06\x00\x03abc"]
    values += [b"\x08" + b"A" * 8, b"\x09" + b"A" * 16, b"\x07\x00\x02ok"]
    headers = b"".join(b"\x02h" + str(n).encode() + value for n, value in enumerate(values))
    assert [f.headers for f in frames(raw(headers))] == [{"h9": "ok"}]


def test_headers_that_do_not_hold_are_kept_as_far_as_they_do():
    good = b"\x01a\x07\x00\x01b"
    for bad in (b"\xff", b"\x01a", b"\x01a\x07", b"\x01a\x07\x00"):
        assert [f.headers for f in frames(raw(good + bad))] == [{"a": "b"}]


@given(st.binary(), st.binary())
def test_no_bytes_make_it_raise(before, after):
    found = list(frames(before + ONE + after))
    assert all(isinstance(f, Frame) for f in found)


@given(st.lists(st.tuples(st.binary(), st.dictionaries(st.text("abc:", min_size=1, max_size=9), st.text(max_size=9)))))
def test_whatever_was_framed_is_read_back(messages):
    body = b"".join(frame(payload, headers) for payload, headers in messages)
    assert [(f.payload, f.headers) for f in frames(body)] == messages


def test_a_long_body_of_zeros_is_given_up_quickly():
    assert json.dumps(list(frames(bytes(200_000)))) == "[]"
