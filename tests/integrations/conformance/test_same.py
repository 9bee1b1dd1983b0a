"""What an app sees of a call is the same with llmtrace and without it, to the byte and to the attribute."""

import pickle

import pytest
from opentelemetry.trace import StatusCode
from pydantic import BaseModel

from llmtrace import runtime
from llmtrace.testing.captured import capture
from tests.integrations.conformance import drives
from tests.integrations.conformance.asked import ASKS, RETRIED, STREAM_WRONG, STREAMABLE, WRONG
from tests.integrations.conformance.clients import KINDS, call, collected, connect, package_of, settled
from tests.integrations.conformance.network import Network, http_of
from tests.integrations.conformance.observed import carried, described, observe

sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
early_and_late = pytest.mark.parametrize("early", [False, True], ids=["client made after init", "client made before"])

READINGS = ("read", "text", "json", "iter_bytes", "iter_text", "iter_lines")
HELPED = ("chat", "responses", "messages", "beta messages")


class Said(BaseModel):
    text: str


async def compare(ask, drive, asynchronous, answers=None, early=False, **options):
    """Runs the call without llmtrace and with it; gives what was seen, the same in both, and the spans."""
    if ask.kind == "AnthropicBedrock":
        pytest.importorskip("botocore")
    answers = answers or [ask.answer()]

    def made():
        network = Network(http_of(package_of(ask.kind)), *answers)
        return network, connect(ask.kind, network, asynchronous=asynchronous, **options)

    def run(network, client):
        return observe(lambda note: drive(client, ask.verb, ask.body, note), network)

    without = await run(*made())
    before = made()
    with capture() as captured:
        traced = await run(*(before if early else made()))
        if traced.sent and not captured.spans:
            await collected()  # what nobody has read to its end; older versions leave streams that broke like that, too
        spans = captured.spans
    for part in ("notes", "error", "warned", "sent"):
        assert getattr(traced, part) == getattr(without, part)
    assert len(spans) == (1 if traced.sent else 0)
    names = {name.lower() for one in traced.sent for name, _ in one[2]}
    assert not names & {"traceparent", "tracestate", "baggage"}
    return traced, spans


@early_and_late
@sync_and_async
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
async def test_a_value_is_the_same(ask, asynchronous, early):
    seen, spans = await compare(ask, drives.plain, asynchronous, early=early)
    assert seen.error is None
    assert spans[0].status.is_unset


@sync_and_async
@pytest.mark.parametrize("drive", [drives.raw, drives.streaming, *map(drives.reading, READINGS)])
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
async def test_a_raw_response_is_the_same(ask, drive, asynchronous):
    seen, _ = await compare(ask, drive, asynchronous)
    assert seen.error is None


@early_and_late
@sync_and_async
@pytest.mark.parametrize("drive", [drives.plain, drives.raw, drives.streaming, drives.reading("iter_lines")])
@pytest.mark.parametrize("name", STREAMABLE)
async def test_a_stream_is_the_same(name, drive, asynchronous, early):
    seen, _ = await compare(ASKS[name].streamed, drive, asynchronous, early=early)
    assert seen.error is None


@sync_and_async
@pytest.mark.parametrize("drive", [drives.helper, drives.finals])
@pytest.mark.parametrize("name", HELPED)
async def test_a_stream_helper_and_all_it_offers_are_the_same(name, drive, asynchronous):
    ask = ASKS[name]
    seen, _ = await compare(ask, drive, asynchronous, [ask.streamed.answer()])
    assert seen.error is None


@sync_and_async
@pytest.mark.parametrize("name", ["messages", "beta messages"])
async def test_the_texts_of_a_stream_are_the_same(name, asynchronous):
    ask = ASKS[name]
    seen, _ = await compare(ask, drives.texts, asynchronous, [ask.streamed.answer()])
    assert seen.error is None


@sync_and_async
@pytest.mark.parametrize(
    ("name", "option"),
    [("chat", "response_format"), ("responses", "text_format"), ("messages", "output_format")],
)
async def test_a_typed_answer_is_the_same(name, option, asynchronous):
    ask = ASKS[name]

    async def typed(client, verb, body, note):
        await drives.typed(client, verb, {**body, option: Said}, note)

    await compare(ask, typed, asynchronous)


@sync_and_async
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ASKS)
async def test_an_error_is_the_same(name, wrong, asynchronous):
    ask = ASKS[name]
    seen, spans = await compare(ask, drives.plain, asynchronous, WRONG[wrong](ask.answer()))
    if seen.error is not None:
        assert spans[0].status.status_code is StatusCode.ERROR


@sync_and_async
@pytest.mark.parametrize("drive", [drives.raw, drives.streaming, drives.reading("json")])
@pytest.mark.parametrize("wrong", ["401", "500", "html", "malformed", "empty", "refused", "timeout", "broken body"])
@pytest.mark.parametrize("name", ["chat", "messages"])
async def test_an_error_behind_a_raw_response_is_the_same(name, wrong, drive, asynchronous):
    ask = ASKS[name]
    await compare(ask, drive, asynchronous, WRONG[wrong](ask.answer()))


@sync_and_async
@pytest.mark.parametrize("retried", RETRIED)
@pytest.mark.parametrize("name", ASKS)
async def test_a_call_that_is_retried_is_the_same_and_one_span(name, retried, asynchronous, monkeypatch):
    ask = ASKS[name]
    monkeypatch.setattr("random.random", lambda: 0.0)
    seen, spans = await compare(ask, drives.plain, asynchronous, RETRIED[retried](ask.answer()), max_retries=2)
    assert spans[0].attributes["llmtrace.attempts"] == len(seen.sent) > 1


@sync_and_async
@pytest.mark.parametrize("drive", [drives.plain, drives.streaming, drives.helper])
@pytest.mark.parametrize("wrong", STREAM_WRONG)
@pytest.mark.parametrize("name", HELPED)
async def test_a_stream_that_goes_wrong_is_the_same(name, wrong, drive, asynchronous):
    ask = ASKS[name].streamed
    await compare(ask, drive, asynchronous, STREAM_WRONG[wrong](ask.answer()))


@sync_and_async
@pytest.mark.parametrize("streamed", [False, True], ids=["value", "stream"])
@pytest.mark.parametrize("how", ["create", "with_raw_response.create"])
@pytest.mark.parametrize("name", ["chat", "responses", "messages"])
async def test_results_and_clients_are_pickled_and_copied_as_without_us(name, how, streamed, asynchronous):
    ask = ASKS[name].streamed if streamed else ASKS[name]
    verb = f"{ask.verb.removesuffix('create')}{how}"

    async def carry(client, _, body, note):
        result = await settled(call(client, verb, body))
        for thing in (result, client):
            note("carried", carried(thing))

    await compare(ask, carry, asynchronous)


@pytest.mark.parametrize("name", ["chat", "messages"])
def test_a_result_of_a_traced_call_outlives_tracing(name):
    ask = ASKS[name]
    network = Network(http_of(package_of(ask.kind)), ask.answer())
    with capture():
        result = call(connect(ask.kind, network, asynchronous=False), ask.verb, ask.body)
    assert pickle.loads(pickle.dumps(result)) == result


@sync_and_async
@pytest.mark.parametrize("kind", KINDS)
async def test_a_client_is_traced_from_init_to_uninstrument_and_again_after_another_init(kind, asynchronous):
    if kind == "AnthropicBedrock":
        pytest.importorskip("botocore")
    ask = next(ask for ask in ASKS.values() if ask.kind == kind)
    network = Network(http_of(package_of(kind)), ask.answer())
    client = connect(kind, network, asynchronous=asynchronous)

    async def result():
        return described(await settled(call(client, ask.verb, ask.body)))

    without = await result()
    for _ in range(2):
        with capture() as captured:
            assert await result() == without
            assert len(captured.spans) == 1
            runtime.uninstrument()
            assert await result() == without
            assert len(captured.spans) == 1
