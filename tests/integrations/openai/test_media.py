"""Embeddings, images, audio, moderations, token counts and batches, in their documented shapes."""

import base64
import json
import struct

import pytest

from llmtrace.facts.operation import Received
from llmtrace.facts.records import BlobPart, Failure, GenericPart, Message, TextPart, UriPart
from llmtrace.integrations.openai import route
from tests.integrations.openai.wire import SSE, call, evidence, streamed


@pytest.mark.parametrize(
    ("asked", "texts"), [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], []), ([[1], [2]], []), (None, [])]
)
def test_the_texts_of_an_embedding_are_read_and_token_ids_are_not_texts(asked, texts):
    assert call("/embeddings", {"input": asked}).input_texts == texts


@pytest.mark.parametrize("size", [1, 2, 3, 256, 1536])
def test_the_dimension_is_that_of_the_first_vector_in_either_encoding(size):
    packed = base64.b64encode(struct.pack(f"<{size}f", *[0.5] * size)).decode()
    for vector in (packed, [0.5] * size):
        record = call("/embeddings", {}, {"data": [{"embedding": vector}], "usage": {"prompt_tokens": 3}})
        assert (record.dimension_count, record.vector_count, record.usage.input_tokens) == (size, 1, 3)


def test_the_dimension_that_was_asked_for_stands():
    record = call("/embeddings", {"dimensions": 8, "encoding_format": "float"}, {"data": [{"embedding": [0.1]}]})
    assert (record.dimension_count, record.encoding_formats) == (8, ["float"])


def test_each_image_is_a_choice_of_its_own():
    usage = {"input_tokens": 5, "output_tokens": 9, "input_tokens_details": {"text_tokens": 4, "image_tokens": 1}}
    images = [{"b64_json": "aGk="}, {"url": "https://images.example/a.png"}]
    body = {"data": images, "output_format": "webp", "usage": usage}
    record = call("/images/generations", {"prompt": "a cat", "n": 2, "model": "m"}, body)
    assert (record.operation, record.output_type, record.choice_count) == ("generate_content", "image", 2)
    assert record.input_messages == [Message("user", [TextPart("a cat")])]
    assert record.output_messages == [
        Message("assistant", [BlobPart("image", "aGk=", "image/webp")]),
        Message("assistant", [UriPart("image", "https://images.example/a.png")]),
    ]
    assert (record.usage.input_tokens, record.usage.input_by_modality) == (5, {"text": 4, "image": 1})
    assert record.finish_reasons == []


def test_a_decision_is_an_inference_of_its_input_and_its_questions():
    question = {"type": "predicate", "name": "spam", "question": "Is it spam?"}
    answers = [{"type": "predicate", "name": "spam", "probability": 0.9}]
    usage = {
        "input_tokens": 40,
        "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
        "output_tokens": 1,
    }
    body = {"answers": answers, "model": "m-1", "usage": usage}
    record = call("/decisions", {"model": "m", "input": "Win now!", "questions": [question]}, body)
    assert (record.operation, record.request_model, record.response_model) == ("generate_content", "m", "m-1")
    kept = {"name": "spam", "question": "Is it spam?"}
    assert record.input_messages == [
        Message("user", [TextPart("Win now!")]),
        Message("user", [GenericPart("predicate", kept)]),
    ]
    assert record.output_messages == [Message("assistant", [TextPart(json.dumps(answers))])]
    assert (record.usage.input_tokens, record.usage.cache_read, record.usage.output_tokens) == (40, 8, 1)


def test_a_streamed_image_is_the_completed_one():
    partial = {"type": "image_generation.partial_image", "b64_json": "cGFydA==", "partial_image_index": 0}
    done = {
        "type": "image_generation.completed",
        "b64_json": "aGk=",
        "output_format": "png",
        "usage": {"input_tokens": 1},
    }
    record = streamed("/images/generations", {"stream": True}, [partial, done])
    assert record.output_messages == [Message("assistant", [BlobPart("image", "aGk=", "image/png")])]
    assert (record.complete, record.usage.input_tokens, record.stream) == (True, 1, True)
    assert streamed("/images/generations", {}, [partial]).complete is False


def test_speech_leaves_no_bytes_behind():
    operation = route(None, "post", "/audio/speech")
    sent = b'{"model": "tts", "input": "say this", "instructions": "softly"}'
    record = operation.read(evidence(operation, sent, Received(200, "audio/mpeg", body=b"\xff\xf3 noise")))
    assert record.input_messages == [Message("user", [TextPart("say this")])]
    assert record.system_instructions == [TextPart("softly")]
    assert (record.output_type, record.output_messages, record.failure) == ("speech", [], None)


def test_streamed_speech_tells_its_tokens():
    events = [
        {"type": "speech.audio.delta", "audio": "aGk="},
        {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 4}},
    ]
    record = streamed("/audio/speech", {"input": "a"}, events)
    assert (record.complete, record.usage.output_tokens, record.output_messages) == (True, 4, [])


def test_an_upload_is_read_from_the_arguments():
    operation = route(None, "post", "/audio/transcriptions")
    details = {"audio_tokens": 8, "text_tokens": 2}
    usage = {"type": "tokens", "input_tokens": 10, "output_tokens": 3, "input_token_details": details}
    body = {"text": "hello", "usage": usage}
    answer = Received(200, "application/json", body=str(body).replace("'", '"').encode())
    record = operation.read(evidence(operation, {"model": "whisper", "prompt": "names"}, answer))
    assert (record.request_model, record.output_type) == ("whisper", "text")
    assert record.input_messages == [Message("user", [TextPart("names")])]
    assert record.output_messages == [Message("assistant", [TextPart("hello")])]
    assert (record.usage.input_tokens, record.usage.input_by_modality) == (10, {"text": 2, "audio": 8})


def test_a_transcript_may_be_billed_by_its_length():
    record = call("/audio/transcriptions", {}, {"text": "hello", "usage": {"type": "duration", "seconds": 8.7}})
    assert (record.usage.units, record.usage.input_tokens) == ({"audio_seconds": 9}, None)


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", "text/vtt"])
def test_a_transcript_may_be_the_whole_body(content_type):
    operation = route(None, "post", "/audio/transcriptions")
    record = operation.read(evidence(operation, {}, Received(200, content_type, body="größer".encode())))
    assert record.output_messages == [Message("assistant", [TextPart("größer")])]
    failed = operation.read(evidence(operation, {}, Received(500, content_type, body=b"gateway error")))
    assert (failed.output_messages, failed.failure) == ([], Failure("500"))


def test_a_streamed_transcript_is_what_the_last_event_says_or_else_the_deltas():
    deltas = [{"type": "transcript.text.delta", "delta": text} for text in ("hel", "lo")]
    done = {"type": "transcript.text.done", "text": "Hello.", "usage": {"input_tokens": 1, "output_tokens": 2}}
    whole = streamed("/audio/transcriptions", {}, [*deltas, done])
    cut = streamed("/audio/transcriptions", {}, deltas)
    assert (whole.output_messages, whole.complete) == ([Message("assistant", [TextPart("Hello.")])], True)
    assert whole.usage.output_tokens == 2
    assert (cut.output_messages, cut.complete) == ([Message("assistant", [TextPart("hello")])], False)


def test_a_stream_as_it_is_read_whole_by_the_library_is_still_a_stream():
    operation = route(None, "post", "/audio/transcriptions")
    body = b'data: {"type": "transcript.text.done", "text": "hi"}\n\n'
    record = operation.read(evidence(operation, {}, Received(200, SSE, body=body)))
    assert record.output_messages == [Message("assistant", [TextPart("hi")])]


def test_a_moderation_keeps_what_was_judged_and_how():
    blocks = ["a", {"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": "https://i.example/a"}}]
    results = [{"flagged": True}]
    record = call("/moderations", {"model": "m", "input": blocks}, {"id": "modr_1", "model": "m-1", "results": results})
    parts = [part for message in record.input_messages for part in message.parts]
    assert parts == [TextPart("a"), TextPart("b"), UriPart("image", "https://i.example/a")]
    assert {message.role for message in record.input_messages} == {"user"}
    assert (record.output, record.response_id, record.response_model) == (results, "modr_1", "m-1")


def test_counted_tokens_are_a_count():
    body = {"object": "response.input_tokens", "input_tokens": 11}
    record = call("/responses/input_tokens", {"model": "m", "input": "hi"}, body)
    assert (record.operation, record.counts, record.request_model) == ("count_tokens", {"input_tokens": 11}, "m")


def test_a_batch_tells_its_state_and_numbers():
    body = {"id": "batch_1", "status": "completed", "request_counts": {"total": 3, "completed": 2, "failed": 1}}
    record = call("/batches/batch_1", b"/v1/batches/batch_1", body, method="get")
    assert (record.response_id, record.response_status) == ("batch_1", "completed")
    assert record.counts == {"total": 3, "completed": 2, "failed": 1}


@pytest.mark.parametrize(("path", "owner"), [("/batches/b_1/cancel", "b_1"), ("/responses/resp_1/cancel", "resp_1")])
def test_what_was_to_be_cancelled_is_known_even_if_it_cannot_be(path, owner):
    record = call(path, f"/v1{path}".encode(), {}, status=409)
    assert (record.response_id, record.failure) == (owner, Failure("409"))
