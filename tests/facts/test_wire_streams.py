"""How a body that is a series of events is taken apart, whatever frames them, wherever it was cut."""

import gzip
import json

import httpx  # noqa: F401 - what the answer came through: its decoders are the ones that are used
import pytest

from llmtrace.facts.operation import Evidence, Operation, Received, Start
from llmtrace.facts.records import Record
from llmtrace.facts.wire import Event, aws_messages, json_lines, reader, server_sent, unpacked
from tests.integrations.anthropic.wire import chunk, frame, refusal

ONE, TWO = {"n": 1}, {"n": 2}


def sse(*documents):
    return b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)


def test_bedrocks_messages_are_unpacked_from_their_base64():
    assert list(unpacked(aws_messages(chunk(ONE) + chunk(TWO)))) == [Event("chunk", ONE), Event("chunk", TWO)]


def test_a_message_that_is_not_packed_is_its_own_document():
    body = frame(b'{"delta": {"text": "Hi"}}', {":event-type": "contentBlockDelta"})
    assert list(aws_messages(body)) == [Event("contentBlockDelta", {"delta": {"text": "Hi"}})]


@pytest.mark.parametrize("payload", [b"", b"no JSON", b'{"bytes": "!"}', b'{"bytes": "bm8gSlNPTg=="}'])
def test_a_message_without_a_document_has_no_data(payload):
    events = list(unpacked(aws_messages(frame(payload, {":event-type": "chunk"}) + chunk(ONE))))
    assert events[-1] == Event("chunk", ONE)
    assert all(event.data is None for event in events[:-1])


def test_an_exception_has_the_shape_of_other_streams_errors():
    error = {"type": "error", "error": {"type": "throttlingException", "message": "Slow down"}}
    assert list(aws_messages(refusal("throttlingException", "Slow down"))) == [Event("error", error)]


def test_an_error_that_only_its_headers_describe_is_told():
    body = frame(b"", {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "Oops"})
    error = {"type": "error", "error": {"type": "InternalFailure", "message": "Oops"}}
    assert list(aws_messages(body)) == [Event("error", error)]


def test_lines_that_are_no_documents_are_passed_over():
    assert list(json_lines(b'{"n": 1}\r\n\nnonsense\n{"n": 2}\n{"n":')) == [Event("", ONE), Event("", TWO)]


def heard(received, chunks=(), gap=None):
    """The documents that an operation's fold is given."""
    seen = []

    def fold(events):
        seen.extend(event.data for event in unpacked(events))
        return {}, None

    read = reader(lambda evidence, _: Record(operation=evidence.start.operation.name), lambda *_: None, fold)
    read(Evidence(Start(Operation("chat", read)), b"{}", received, list(chunks), gap))
    return seen


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/event-stream", sse(ONE, TWO)),
        ("Text/Event-Stream; charset=utf-8", sse(ONE, TWO)),
        ("application/vnd.amazon.eventstream", chunk(ONE) + chunk(TWO)),
        ("application/x-jsonl", b'{"n": 1}\n{"n": 2}\n'),
        ("application/json", None),
    ],
)
def test_the_media_type_says_how_events_are_framed(content_type, body):
    wanted = [] if body is None else [ONE, TWO]
    assert heard(Received(200, content_type, body=body or sse(ONE, TWO))) == wanted
    assert heard(Received(200, content_type), [body[:9], body[9:]] if body else [sse(ONE, TWO)]) == wanted


def test_events_are_decompressed_first():
    packed = gzip.compress(sse(ONE, TWO))
    received = Received(200, "text/event-stream", content_encoding="gzip")
    assert heard(received, [packed[:11], packed[11:]]) == [ONE, TWO]


@pytest.mark.parametrize(
    ("framing", "media"), [(sse, "text/event-stream"), (chunk, "application/vnd.amazon.eventstream")]
)
def test_two_halves_of_different_events_are_not_taken_for_one(framing, media):
    lost, found = framing({"n": 10}), framing(TWO)
    assert heard(Received(200, media), [framing(ONE), lost[:12], lost[13:], found], gap=2) == [ONE, TWO]


def test_server_sent_events_have_names():
    assert list(server_sent(b"event: ping\ndata: {}\n\n")) == [Event("ping", {})]
