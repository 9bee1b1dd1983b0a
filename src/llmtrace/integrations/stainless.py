"""The patch points of client libraries made by the Stainless generator: all of them share one base client.

Every public method, helper, raw response and platform subclass ends in `request` of that base client, which asks for
the resource's path and hands the answer to `_process_response`. Four points there see every call; the bytes that were
sent and received are the material, so no method list has to follow the library's releases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmtrace.facts.operation import Answered, Begin, Operation, Point, Received, Sent, Start

Route = Callable[[Any, str, str], Operation | None]
"""(client, method in lower case, path below the base URL) → the operation, or None for what is not traced."""


def points(
    package: str,
    route: Route,
    provider: Callable[[Any], str],
    conversation: Callable[[Any], str | None] = lambda _: None,
) -> dict[str, Point]:
    """The points of `package` (its import name).

    Of a client instance, `provider` names the provider it talks to, and `conversation` the one it was made for, if any.
    """
    begin = Begin(start=_starter(route, provider, conversation), failed=failed)
    base = f"{package}._base_client"
    table: dict[str, Point] = {f"{base}:BaseClient._build_request": Sent(_sent)}
    for client in ("SyncAPIClient", "AsyncAPIClient"):
        table[f"{base}:{client}.request"] = begin
        table[f"{base}:{client}._process_response"] = Answered(_answered)
    return table


def _starter(
    route: Route, provider: Callable[[Any], str], conversation: Callable[[Any], str | None]
) -> Callable[[tuple[Any, ...], Mapping[str, Any]], Start | None]:
    def start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start | None:
        client = args[0]
        options = args[2] if len(args) > 2 else kwargs["options"]  # noqa: PLR2004 - request(self, cast_to, options)
        operation = route(client, options.method.lower(), options.url)
        if operation is None:
            return None
        body = options.json_data
        model = body.get("model") if isinstance(body, dict) else None
        url = client.base_url
        return Start(
            operation=operation,
            provider=provider(client),
            model=model if isinstance(model, str) else None,
            address=url.host or None,
            port=url.port or (443 if url.scheme == "https" else 80),
            conversation_id=conversation(client),
            target=model if isinstance(model, str) else None,
            request=body,
            wire=True,
        )

    return start


def _sent(request: Any) -> bytes | None:
    """The body as it was encoded; of a request without one the path and query; None for an upload, which isn't read."""
    body: bytes | None = getattr(request, "_content", None)
    return request.url.raw_path if body == b"" else body


def _answered(_: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Received:
    return received(kwargs["response"])


def received(response: Any) -> Received:
    """What a response of httpx's says, or the place to listen for its body."""
    # A body that was read lies in `_content`; one that was not is still to come through the transport's own stream.
    body = getattr(response, "_content", None)
    found = Received(response.status_code, body=body, head=response.headers)
    if body is None:
        found.tap = (response.stream, "_stream")
    return found


def failed(error: BaseException) -> Received | None:
    """The answer that a status error carries."""
    response = getattr(error, "response", None)
    if response is None:
        return None
    return Received(response.status_code, body=getattr(response, "_content", b""), head=response.headers)
