"""What an app sees of a Bedrock call, and what goes over the wire, is the same with llmtrace and without it."""

import re
from contextlib import contextmanager

import pytest

import llmtrace
from llmtrace import runtime
from llmtrace.testing import Answer, Fault, ModelServer, capture
from llmtrace.testing.captured import decoded
from llmtrace.testing.local_http import LocalServer, Response
from tests.integrations.bedrock.asked import ASKS, MESSAGES, MODEL
from tests.integrations.bedrock.clients import connected, read
from tests.integrations.conformance.clients import settled
from tests.integrations.conformance.observed import described

sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
every_ask = pytest.mark.parametrize("name", ASKS)
RANDOM = {"authorization", "x-amz-date", "amz-sdk-invocation-id", "amz-sdk-request"}
"""Headers whose values differ from one call to the next, with or without us."""


class Broken(LocalServer):
    """Answers each request with the same response, or with none at all."""

    def __init__(self, response):
        super().__init__()
        self.response = response

    def answer(self, request):
        return self.response


def sent(server, since):
    """What came to the server since then, to the byte."""
    return [
        (
            one.method,
            one.path,
            one.query,
            [(k, "" if k.lower() in RANDOM else v) for k, v in one.headers.items()],
            one.body,
        )
        for one in server.requests[since:]
    ]


def told(value):
    """A value as what an app can tell of it; each run has a date of its own, and a request id."""
    if isinstance(value, dict):
        return {
            key: told(item)
            for key, item in value.items()
            if str(key).lower() not in ("date", "requestid", "x-amzn-requestid")
        }
    if isinstance(value, list):
        return [told(item) for item in value]
    return value if isinstance(value, str | bytes | int | float | type | None) else described(value)


def failed(error):
    """An exception as what an app can tell of it."""
    if error is None:
        return None
    kinds = [kind.__name__ for kind in type(error).__mro__]
    said = re.sub(r"0x[0-9a-f]+", "0x", str(error))  # urllib3 may name the connection, which is another each time
    return kinds, said, told(getattr(error, "response", None)), failed(error.__cause__), failed(error.__context__)


async def observed(client, server, name):
    """All that an app sees of one call, and what it sent; ids of what the model says are the server's to number."""
    since, seen = len(server.requests), []
    server._mint = lambda prefix, length: prefix + "0" * length
    try:
        answer = await settled(getattr(client, ASKS[name].method)(**ASKS[name].given))
        await read(answer, lambda what, value: seen.append((what, told(value))))
    except Exception as error:  # noqa: BLE001 - whatever the library raises is what is compared
        seen.append(failed(error))
    return seen, sent(server, since)


async def compared(server, name, asynchronous, *, early=False, prepare=lambda: None, **config):
    """Runs a call without llmtrace and with it; gives what was seen, the same in both, and the spans."""
    async with connected("bedrock-runtime", server.url, asynchronous=asynchronous, **config) as client:
        prepare()
        without = await observed(client, server, name)
        prepare()
        with capture() as captured:
            if early:
                traced = await observed(client, server, name)
            else:
                async with connected("bedrock-runtime", server.url, asynchronous=asynchronous, **config) as later:
                    traced = await observed(later, server, name)
            spans = captured.spans
    assert traced == without
    assert len(spans) == 1
    names = {header.lower() for one in traced[1] for header, _ in one[3]}
    assert not names & {"traceparent", "tracestate", "baggage", "x-amzn-trace-id"}
    return traced, spans[0]


@pytest.mark.parametrize("early", [False, True], ids=["client made after init", "client made before"])
@sync_and_async
@every_ask
async def test_an_answer_and_its_request_are_the_same(name, asynchronous, early):
    with ModelServer(cut=40) as server:
        (seen, requests), span = await compared(server, name, asynchronous, early=early)
    assert len(requests) == 1
    assert span.status.is_unset
    assert "StreamingBody" in str(seen) or "EventStream" in str(seen) or name == "converse"


@sync_and_async
@pytest.mark.parametrize("status", [400, 403, 404, 408, 424, 429, 500, 503])
@every_ask
async def test_an_error_is_the_same_and_named_as_the_service_does(name, status, asynchronous):
    with ModelServer() as server:
        fault = Fault(status, "no")
        _, span = await compared(server, name, asynchronous, prepare=lambda: server.reply(fault))
    assert span.attributes["error.type"].endswith("Exception")
    assert span.status.description == "no"


WRONG = {
    "html": Response(502, {"content-type": "text/html"}, b"<html>Bad gateway</html>"),
    "malformed": Response(200, {"content-type": "application/json"}, b'{"output": {'),
    "no object": Response(200, {"content-type": "application/json"}, b"[1, 2]"),
    "empty": Response(200, {"content-type": "application/json"}, b""),
    "an event stream that is none": Response(
        200, {"content-type": "application/vnd.amazon.eventstream"}, b"what?" * 9, stream=True
    ),
    "dropped": Response(200, {"content-type": "application/json"}, b'{"output": {}}', drop_after=5),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@sync_and_async
@pytest.mark.parametrize("wrong", WRONG)
@every_ask
async def test_an_answer_that_is_wrong_is_wrong_in_the_same_way(name, wrong, asynchronous):
    with Broken(WRONG[wrong]) as server:
        await compared(server, name, asynchronous)


@sync_and_async
@pytest.mark.parametrize("name", ["converse stream", "invoke stream"])
async def test_a_stream_that_the_service_breaks_off_is_the_same_and_failed(name, asynchronous):
    said = Answer("one two three", then=Fault(429, "Too many tokens"))
    with ModelServer(cut=40) as server:
        _, span = await compared(server, name, asynchronous, prepare=lambda: server.reply(said))
    assert (span.attributes["error.type"], span.status.description) == ("throttlingException", "Too many tokens")


@sync_and_async
@every_ask
async def test_a_call_that_is_retried_is_the_same_and_one_span(name, asynchronous, monkeypatch):
    monkeypatch.setattr("random.random", lambda: 0.0)
    limited = Fault(429, "Slow down"), Fault(503, "Later")
    with ModelServer() as server:
        (_, requests), span = await compared(
            server, name, asynchronous, prepare=lambda: server.reply(*limited), retries={"total_max_attempts": 3}
        )
    assert span.attributes["llmtrace.attempts"] == len(requests) == 3
    assert span.status.is_unset


@sync_and_async
@every_ask
async def test_a_host_that_is_not_there_is_the_same(name, asynchronous):
    with ModelServer() as gone:
        pass
    gone.requests.clear()
    _, span = await compared(gone, name, asynchronous)
    assert span.attributes["error.type"] == "botocore.exceptions.EndpointConnectionError"
    if ASKS[name].method.startswith("converse"):
        assert decoded(span)["gen_ai.input.messages"][0]["parts"][0]["content"] == MESSAGES[0]["content"][0]["text"]


@sync_and_async
async def test_a_call_that_is_never_sent_says_what_it_was_asked(asynchronous):
    with ModelServer() as server, capture() as captured:
        async with connected("bedrock-runtime", server.url, asynchronous=asynchronous) as client:
            client.meta.events.register_first("before-sign.bedrock-runtime", refuse)
            for name in ("converse", "invoke"):
                with pytest.raises(LookupError):
                    await settled(getattr(client, ASKS[name].method)(**ASKS[name].given))
        spans = captured.spans
    assert not server.requests
    for span in spans:
        assert decoded(span)["gen_ai.input.messages"][0]["parts"][0]["content"] == MESSAGES[0]["content"][0]["text"]
        assert span.attributes["error.type"] == "LookupError"


def refuse(**_):
    raise LookupError("no credentials")


@sync_and_async
async def test_a_client_is_traced_from_init_to_uninstrument(asynchronous):
    with ModelServer() as server, capture() as captured:
        async with connected("bedrock-runtime", server.url, asynchronous=asynchronous) as client:
            await settled(client.converse(**ASKS["converse"].given))
            assert len(captured.spans) == 1
            runtime.uninstrument()
            await settled(client.converse(**ASKS["converse"].given))
            assert len(captured.spans) == 1


TABLES = Response(200, {"content-type": "application/x-amz-json-1.0"}, b'{"TableNames": ["a"]}')
OBJECT = Response(200, {"content-type": "text/plain"}, b"secret object")
IDENTITY = Response(
    200,
    {"content-type": "text/xml"},
    b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    b"<Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
)
OTHERS = {
    "dynamodb": ("list_tables", {}, TABLES),
    "s3": ("get_object", {"Bucket": "bucket", "Key": "key"}, OBJECT),
    "sts": ("get_caller_identity", {}, IDENTITY),
}


@contextmanager
def other(service):
    """A server for another service, and what is asked of that."""
    method, given, response = OTHERS[service]
    with Broken(response) as server:
        yield server, method, given


@sync_and_async
@pytest.mark.parametrize("service", OTHERS)
async def test_another_service_is_left_alone_even_inside_of_what_is_traced(service, asynchronous):
    @llmtrace.tool
    async def look_up(question):
        answer = await settled(getattr(client, method)(**given))
        answer.pop("ResponseMetadata")
        return {
            key: (await settled(value.read())).decode() if hasattr(value, "read") else value
            for key, value in answer.items()
        }

    with other(service) as (server, method, given):
        async with connected(service, server.url, asynchronous=asynchronous) as client:
            without, before = await look_up("what?"), sent(server, 0)
            with capture() as captured:
                assert await look_up("what?") == without
                span = captured.one()
            assert sent(server, 1) == before
    said = decoded(span)
    assert said["gen_ai.operation.name"] == "execute_tool"
    assert said["gen_ai.tool.call.arguments"] == {"question": "what?"}
    assert "llmtrace.attempts" not in said


@sync_and_async
async def test_what_a_client_fetches_of_another_service_meanwhile_is_no_part_of_the_call(asynchronous):
    with ModelServer() as server, other("sts") as (sts_server, method, given), capture() as captured:
        async with (
            connected("sts", sts_server.url, asynchronous=asynchronous) as sts,
            connected("bedrock-runtime", server.url, asynchronous=asynchronous) as client,
        ):
            if asynchronous:

                async def refresh(**_):
                    await getattr(sts, method)(**given)
            else:

                def refresh(**_):
                    getattr(sts, method)(**given)

            client.meta.events.register_first("before-sign.bedrock-runtime", refresh)
            answer = await settled(client.converse(modelId=MODEL, messages=MESSAGES))
            said = decoded(captured.one())
    assert len(sts_server.requests) == 1
    assert said.get("llmtrace.attempts", 1) == 1
    assert said["gen_ai.input.messages"][0]["parts"][0]["content"] == MESSAGES[0]["content"][0]["text"]
    assert said["gen_ai.usage.output_tokens"] == answer["usage"]["outputTokens"]
