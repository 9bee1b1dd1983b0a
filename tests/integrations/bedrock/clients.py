"""Makes real boto3 and aiobotocore clients of a server on this machine, and calls both with the same words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import pytest

from tests.integrations.conformance.clients import each, settled

ELSEWHERE = "not applicable: {} is tested in another environment"
botocore = pytest.importorskip("botocore", reason=ELSEWHERE.format("botocore"))

KEYS = {"aws_access_key_id": "fake", "aws_secret_access_key": "fake", "region_name": "us-east-1"}


@asynccontextmanager
async def connected(service: str, url: str, *, asynchronous: bool, **config: Any) -> AsyncIterator[Any]:
    """A client of the service that does not retry unless told to."""
    from botocore.config import Config

    settings = {"retries": {"total_max_attempts": 1}, **config}
    if asynchronous:
        session = _session("aiobotocore")
        from aiobotocore.config import AioConfig

        async with session.create_client(service, endpoint_url=url, config=AioConfig(**settings), **KEYS) as client:
            yield client
        return
    client = _session("botocore").create_client(service, endpoint_url=url, config=Config(**settings), **KEYS)
    try:
        yield client
    finally:
        client.close()


@cache
def _session(library: str) -> Any:
    """The library's session: it reads the descriptions of the services once."""
    return pytest.importorskip(f"{library}.session", reason=ELSEWHERE.format(library)).get_session()


def coming(answer: dict[str, Any]) -> Any:
    """What of an answer is still to be read; None where it is all there."""
    return next((value for value in answer.values() if hasattr(value, "close")), None)


async def read(answer: dict[str, Any], note: Callable[[str, Any], None]) -> None:
    """Reads an answer to its end, whichever kind it is of."""
    body = coming(answer)
    note("kinds", {name: type(value) for name, value in answer.items()})
    note("answer", {name: value for name, value in answer.items() if value is not body})
    if body is None:
        return
    try:
        if hasattr(body, "read"):
            note("body", await settled(body.read()))
            return
        async for event in each(body):
            note("event", event)
    finally:
        await settled(body.close())
