"""The ways in which an app can make a call and read its answer, noting all that it sees on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.integrations.conformance.clients import call, each, entered, settled

Note = Callable[[str, Any], None]
Drive = Callable[[Any, str, dict[str, Any], Note], Awaitable[None]]

FINALS = (
    "get_final_completion",
    "get_final_response",
    "get_final_message",
    "get_final_text",
    "until_done",
    "current_completion_snapshot",
    "current_message_snapshot",
)
"""What helper streams offer once they have run, those of all libraries."""

HEAD = ("status_code", "headers", "url", "method", "http_version", "request_id", "retries_taken", "is_closed")
"""What a raw response says before its body is read."""


async def plain(client: Any, verb: str, body: dict[str, Any], note: Note) -> None:
    """`create(...)`, with `stream=True` where the body says so."""
    result = await settled(call(client, verb, body))
    note("result", result)
    if body.get("stream"):
        await _exhaust(result, note)


async def raw(client: Any, verb: str, body: dict[str, Any], note: Note) -> None:
    """`with_raw_response.create(...).parse()`."""
    place, _, name = verb.rpartition(".")
    response = await settled(call(client, f"{place}.with_raw_response.{name}", body))
    _head(response, note)
    result = await settled(response.parse())
    note("parsed", result)
    if body.get("stream"):
        await _exhaust(result, note)
        return
    note("parsed again", await settled(response.parse()))
    for name in ("text", "content", "json", "read"):
        await _said(response, name, note)


async def streaming(client: Any, verb: str, body: dict[str, Any], note: Note) -> None:
    """`with_streaming_response.create(...)`, parsed inside."""
    async with entered(_streaming(client, verb, body)) as response:
        _head(response, note)
        result = await settled(response.parse())
        note("parsed", result)
        if body.get("stream"):
            await _exhaust(result, note)
    note("closed", response.is_closed)


def reading(name: str) -> Drive:
    """`with_streaming_response.create(...)`, its body read by the method of that name."""

    async def read(client: Any, verb: str, body: dict[str, Any], note: Note) -> None:
        async with entered(_streaming(client, verb, body)) as response:
            if name.startswith("iter_"):
                note(name, [item async for item in each(getattr(response, name)())])
            else:
                await _said(response, name, note)
        note("closed", response.is_closed)

    read.__name__ = name
    return read


async def helper(client: Any, verb: str, body: dict[str, Any], note: Note) -> None:
    """`stream(...)`, the helper with its own events, and what it knows at the end."""
    asked = {key: value for key, value in body.items() if key != "stream"}
    async with entered(_stream(client, verb, asked)) as stream:
        note("helper", stream)
        await _exhaust(stream, note)
        for name in FINALS:
            await _said(stream, name, note)


async def texts(client: Any, verb: str, body: dict[str, Any], note: Note) -> None:
    """`stream(...).text_stream`, which Anthropic's helper has."""
    asked = {key: value for key, value in body.items() if key != "stream"}
    async with entered(_stream(client, verb, asked)) as stream:
        note("texts", [text async for text in each(stream.text_stream)])
        note("final", await settled(stream.get_final_message()))


async def finals(client: Any, verb: str, body: dict[str, Any], note: Note) -> None:
    """`stream(...)`, asked for its outcome without a look at its events."""
    asked = {key: value for key, value in body.items() if key != "stream"}
    async with entered(_stream(client, verb, asked)) as stream:
        for name in FINALS:
            await _said(stream, name, note)


async def typed(client: Any, verb: str, body: dict[str, Any], note: Note) -> None:
    """`parse(...)`, with the answer as an object of the app's own type."""
    result = await settled(call(client, f"{verb.rpartition('.')[0]}.parse", body))
    note("result", result)


async def _exhaust(stream: Any, note: Note) -> None:
    note("items", [item async for item in each(stream)])
    note("exhausted", stream)
    note("more", [item async for item in each(stream)])


def _streaming(client: Any, verb: str, body: dict[str, Any]) -> Any:
    place, _, name = verb.rpartition(".")
    return call(client, f"{place}.with_streaming_response.{name}", body)


def _stream(client: Any, verb: str, body: dict[str, Any]) -> Any:
    return call(client, f"{verb.rpartition('.')[0]}.stream", body)


def _head(response: Any, note: Note) -> None:
    note("response", response)
    for name in HEAD:
        note(name, getattr(response, name, None))


async def _said(thing: Any, name: str, note: Note) -> None:
    """What the attribute or method of that name gives, or that there is none."""
    found = getattr(thing, name, None)
    note(name, await settled(found()) if callable(found) else found)
