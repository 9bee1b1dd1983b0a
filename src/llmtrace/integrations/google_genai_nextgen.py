"""The second client inside Google's library, that Interactions go through: of one generator first, then of another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmtrace.facts.operation import Answered, Begin, Operation, Point, Received, Sending, Start
from llmtrace.integrations import google_genai_interactions as interactions
from llmtrace.integrations import stainless
from llmtrace.integrations.google_genai_parts import short

ROUTES = {
    ("post", "interactions", ""): interactions.CREATE,
    ("get", "interactions", "{id}"): interactions.FETCH,
    ("delete", "interactions", "{id}"): interactions.DELETE,
    ("post", "interactions", "{id}/cancel"): interactions.CANCEL,
    ("post", "decisions", ""): interactions.DECIDE,
}
"""Method, collection and what follows it in the path → operation. What only manages something is left alone."""

_PATH = re.compile(r"(?:^|/)(?P<kind>interactions|decisions)(?:/(?P<id>[^/]+)(?P<rest>/\w+)?)?/?$")
_WHO = re.compile(rb'"(model|agent)"\s*:\s*"([^"\\]{1,256})"')
"""In a body of JSON, a quote inside a text has a backslash before it: this finds keys alone, the first of them."""


def _operation(method: str, path: str) -> Operation | None:
    found = _PATH.search(path)
    if found is None:
        return None
    return ROUTES.get((method.lower(), found["kind"], "{id}" + (found["rest"] or "") if found["id"] else ""))


def _provider(path: str) -> str:
    """Vertex AI has the app's project in its paths."""
    return "gcp.vertex_ai" if "/projects/" in path else "gcp.gemini"


# -- the one of newer versions, made by Speakeasy


def _start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start | None:
    request = args[2] if len(args) > 2 else kwargs["request"]  # noqa: PLR2004 - (self, hook_ctx, request)
    url = request.url
    operation = _operation(request.method, url.path)
    if operation is None:
        return None
    sent = _sent(request)
    who = _WHO.search(sent)
    name = short(who[2].decode(errors="replace")) if who else None
    agent = who is not None and who[1] == b"agent"
    return Start(
        operation=interactions.AGENT if agent else operation,
        provider=_provider(url.path),
        model=None if agent else name,
        address=url.host or None,
        port=url.port or (443 if url.scheme == "https" else 80),
        target=name,
        request=sent,
        wire=True,
    )


def _sent(request: Any) -> bytes:
    """The body as it was encoded; of a request without one the path and query."""
    body: bytes = getattr(request, "_content", b"")
    return body or request.url.raw_path


def _sending(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
    return _sent(args[2] if len(args) > 2 else kwargs["request"])  # noqa: PLR2004 - as above


def _answered(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Received | None:
    response = args[2] if len(args) > 2 else kwargs["response"]  # noqa: PLR2004 - (self, hook_ctx, response)
    return None if response is None else stainless.received(response)


_BASE = "google.genai._gaos.basesdk"
_HOOKS = "google.genai._gaos._hooks"


def _hooks(owner: str) -> dict[str, Point]:
    return {
        f"{owner}.before_request": Sending(_sending),
        f"{owner}.after_success": Answered(_answered),
        f"{owner}.after_error": Answered(_answered),
    }


# -- the one of older versions, made by Stainless


def _route(_client: Any, method: str, url: str) -> Operation | None:
    return _operation(method, url.partition("?")[0])


def _whose(client: Any) -> str:
    return "gcp.vertex_ai" if getattr(client, "_is_vertex", False) else "gcp.gemini"


POINTS: dict[str, Point] = {
    f"{_BASE}:BaseSDK.do_request": Begin(_start, failed=stainless.failed),
    f"{_BASE}:AsyncBaseSDK.do_request_async": Begin(_start, failed=stainless.failed),
    **_hooks(f"{_HOOKS}.sdkhooks:SDKHooks"),
    **_hooks(f"{_HOOKS}.asyncsdkhooks:AsyncSDKHooks"),
    **stainless.points("google.genai._interactions", _route, _whose),
}
