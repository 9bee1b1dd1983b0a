"""Every public method of Google's client that goes over the network is traced, or excluded by name with a reason."""

import inspect
from operator import attrgetter

import pytest

from llmtrace.testing.captured import capture, decoded
from tests.integrations.conformance.clients import settled
from tests.integrations.conformance.network import Answer
from tests.integrations.google_genai import coverage
from tests.integrations.google_genai.answers import JSON, network
from tests.integrations.google_genai.clients import connect, genai, quiet
from tests.integrations.surfaces import matches

pytestmark = quiet
sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])

REFUSAL = Answer(400, JSON, b'{"error": {"code": 400, "message": "nobody is here", "status": "INVALID_ARGUMENT"}}')
INSIDE = {"parent_ref", "sdk_configuration", "do_request", "do_request_async", "aio"}


def side(asynchronous, path=""):
    client = connect(network(REFUSAL), vertex=path in coverage.VERTEX)
    return client, client.aio if asynchronous else client


def methods(holder, above=""):
    """The dotted path of every public method below the client."""
    for name in dir(type(holder)):
        if name.startswith(("_", "with_")) or name in INSIDE:
            continue
        value = getattr(holder, name)
        if inspect.isroutine(value):
            yield above + name
        elif type(value).__module__.startswith("google.genai."):
            yield from methods(value, f"{above}{name}.")


@pytest.mark.filterwarnings("ignore")  # what is experimental says so when it is touched
@sync_and_async
def test_every_method_is_named(asynchronous):
    excluded = {**coverage.EXCLUDED, **(coverage.EXCLUDED_ASYNC if asynchronous else {}), "aclose": "sends nothing"}
    client, called = side(asynchronous)
    unnamed = [
        path
        for path in methods(called)
        if path not in coverage.TRACED and not any(matches(path, name) for name in excluded)
    ]
    assert unnamed == []
    assert client


@pytest.mark.filterwarnings("ignore")
@sync_and_async
@pytest.mark.parametrize("path", coverage.TRACED)
async def test_what_is_said_to_be_traced_gives_one_span_of_its_operation(path, asynchronous):
    client, called = side(asynchronous, path)
    try:
        method = attrgetter(path)(called)
    except AttributeError:
        pytest.skip(f"not applicable: google-genai {genai.__version__} has no {path}")

    async def first():
        answer = await settled(method(**coverage.GIVEN[path]))
        next(answer) if inspect.isgenerator(answer) else await anext(answer)

    with capture() as captured:
        with pytest.raises(Exception, match="nobody is here"):
            await first()
        said = decoded(captured.one())
    assert said["gen_ai.operation.name"] == coverage.TRACED[path]
    assert said["error.type"] == "400"
    assert said["gen_ai.provider.name"] == ("gcp.vertex_ai" if path in coverage.VERTEX else "gcp.gemini")
    assert client
