"""Every recorded exchange through the real client: each fact that the provider reported is on the call's one span."""

import random
from urllib.parse import urlsplit

import pytest

from llmtrace.testing import ReplayServer
from llmtrace.testing.captured import capture, decoded
from tests.integrations.conformance import drives, recorded
from tests.integrations.conformance.clients import connect, entered
from tests.integrations.conformance.observed import observe
from tests.integrations.conformance.recorded import APIS, MODES, PROVIDERS, UNTRACED, Mode
from tests.integrations.expectations import check_span
from tests.recordings import Exchange, parametrize

CASES = [
    (exchange, mode, asynchronous)
    for mode in MODES
    for number, exchange in enumerate(one for one in recorded.found() if recorded.fits(one, mode))
    for asynchronous in ([False, True] if mode.drive is drives.plain else [bool(number % 2)])
]
"""Each exchange as it is mostly had, sync and async; in each other mode the one or the other, by turns."""
every_case = pytest.mark.parametrize(
    ("exchange", "mode", "asynchronous"),
    CASES or [pytest.param(*[None] * 3, marks=pytest.mark.skip(reason="no recordings (set LLMTRACE_RECORDINGS)"))],
    ids=[f"{exchange.name}-{mode.name}-{'async' if later else 'sync'}" for exchange, mode, later in CASES]
    or ["absent"],
)
sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


async def seen(exchange: Exchange, mode: Mode, asynchronous: bool):
    """What the app sees of the exchange in that mode."""
    network = recorded.network(exchange)
    client = recorded.client(exchange, over=network, asynchronous=asynchronous)
    verb, body = recorded.verb(exchange), recorded.body(exchange)
    return await observe(lambda note: mode.drive(client, verb, body, note), network)


@every_case
async def test_every_fact_is_on_the_one_span_and_the_app_sees_the_same(exchange, mode, asynchronous):
    without = await seen(exchange, mode, asynchronous)
    with capture() as captured:
        traced = await seen(exchange, mode, asynchronous)
        spans = captured.spans
    assert traced == without
    assert len(spans) == len(traced.sent) <= 1
    held = traced.error is None or exchange.expected["is_error"]
    # A helper refuses tools it cannot parse, before it sends anything, and answers whose arguments do not parse.
    assert held or mode.streams or exchange.expected.get("malformed")
    if held:
        check_asked(decoded(spans[0]), exchange)
        check_span(spans[0], recorded.as_vendor(exchange))


def check_asked(said, exchange: Exchange):
    url = urlsplit(exchange.request["url"])
    assert said["gen_ai.provider.name"] == PROVIDERS[exchange.api.partition(".")[0]]
    assert (said["server.address"], said["server.port"]) == (url.hostname, url.port or 443)
    assert said["gen_ai.request.model"] == recorded.body(exchange)["model"]


@pytest.mark.filterwarnings("ignore:The model .* is deprecated:DeprecationWarning")  # what was recorded ages
@sync_and_async
@parametrize(*(api for api in APIS if api != "writer.chat"))  # a path that OpenAI's client does not ask for
async def test_every_fact_is_on_the_span_over_a_real_connection_cut_anywhere(exchange, asynchronous):
    with ReplayServer([exchange], cut=random.Random(exchange.name)) as server, capture() as captured:
        client = recorded.client(exchange, server=server.url, asynchronous=asynchronous)
        try:
            async with entered(client):
                await drives.plain(client, recorded.verb(exchange), recorded.body(exchange), lambda name, value: None)
        except Exception:  # noqa: BLE001 - as above, whatever the library raises
            assert exchange.expected["is_error"] or exchange.expected.get("malformed")
        check_span(captured.one(), exchange)


@parametrize(*UNTRACED)
def test_what_infers_nothing_is_left_alone(exchange):
    network = recorded.network(exchange)
    request = exchange.request
    with capture() as captured:
        send = getattr(connect("OpenAI", network, asynchronous=False), request["method"].lower())
        send(request["url"], cast_to=object, **({"body": request["body"]} if request["body"] else {}))
        assert not captured.spans
    assert network.requests
