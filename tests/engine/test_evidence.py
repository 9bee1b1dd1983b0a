"""What a call keeps of what the app and the library handed it: never their own live objects."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

import llmtrace
from llmtrace.facts.operation import Begin, Evidence, Sent
from tests.engine.conftest import CHAT, INTEGRATION, SPACE, Traced, read
from tests.engine.library import AsyncClient, Client, Response, Source

BODY: dict[str, Any] = {}


class Seen(list[Any]):
    """The requests that facts were read from."""

    def read(self, evidence: Evidence) -> Any:
        self.append(evidence.request)
        return read(evidence)


@pytest.fixture
def seen(tracing: Traced) -> Iterator[Seen]:
    """A library whose requests are not read when they are sent, as uploads are not."""
    seen = Seen()
    inner = INTEGRATION.points[f"{SPACE}:Client.request"]
    assert isinstance(inner, Begin)
    operation = replace(CHAT, read=seen.read)

    def start(args: tuple[Any, ...], kwargs: Any) -> Any:
        begun = inner.start(args, kwargs)
        return begun and replace(begun, operation=operation, request=BODY)

    points = {target: replace(point, start=start) if isinstance(point, Begin) else point
              for target, point in INTEGRATION.points.items()}  # fmt: skip
    points[f"{SPACE}:Client.build"] = Sent(lambda _: None)
    patcher = tracing.apply(replace(INTEGRATION, points=points))
    BODY.clear()
    BODY.update(language="de", hints=["one"])
    yield seen
    patcher.take_off()


def test_a_request_whose_bytes_are_not_read_is_copied_when_it_is_sent(seen: Seen, tracing: Traced) -> None:
    body = Client(Response(Source([b"Hello ", b"END"])), attempts=2).request("Hi")
    BODY["language"] = "fr"
    BODY["hints"].append("two")
    list(body)
    assert tracing.span.status.is_unset
    assert seen == [{"language": "de", "hints": ["one"]}]


def test_a_request_that_never_went_out_is_copied_when_the_call_ends(seen: Seen, tracing: Traced) -> None:
    error = ConnectionError("no way out")
    with pytest.raises(ConnectionError):
        Client(error, attempts=0).request("Hi")
    BODY["hints"].append("two")
    assert tracing.span.attributes["error.type"] == "ConnectionError"
    assert seen == [{"language": "de", "hints": ["one"]}]


async def test_a_coroutine_function_called_wrongly_ends_its_span_with_the_apps_error(traced: Traced) -> None:
    @llmtrace.step
    async def look(word: str) -> str:
        return word

    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        await look()  # type: ignore[call-arg]
    assert traced.span.status.status_code is StatusCode.ERROR
    assert traced.span.attributes["error.type"] == "TypeError"
    assert await AsyncClient(b"Hello").request("Hi") == "Hello"


@pytest.mark.allows_log("the description of a call was kept")
def test_an_error_whose_text_cannot_be_had_is_named_all_the_same(traced: Traced, lenient: None) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(MuteError):
        Client(MuteError()).request("Hi")
    assert traced.span.status.status_code is StatusCode.ERROR
    assert traced.span.attributes["error.type"].endswith("MuteError")
    assert traced.span.attributes["gen_ai.request.model"] == "m-1"


def test_an_ear_can_be_copied_as_the_source_that_it_stands_for(traced: Traced) -> None:
    body = Client(Response(Source([b"Hello", b"END"]))).request("Hi")
    assert list(copy.copy(body.source)) == [b"Hello", b"END"]
    assert list(body) == [b"Hello", b"END"]
