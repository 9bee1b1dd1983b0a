"""The HTTP clients that the backstop lies under: at one point of each, every request of an app comes by once.

The points are those that a request goes through as one with its retries, its redirects and its authentication.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from llmtrace.facts.operation import Begin, Integration, Received, Start
from llmtrace.integrations.backstop import Backstop, Hosts
from llmtrace.integrations.stainless import received

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]
Starter = Callable[[Args, Kwargs], Start | None]


def _httpx(backstop: Backstop) -> Starter:
    known = backstop.known

    def start(args: Args, kwargs: Kwargs) -> Start | None:
        request = args[1] if len(args) > 1 else kwargs["request"]
        if request.method != "POST":
            return None
        url = request.url
        if known(url.host, url.port) is None:
            return None
        body = getattr(request, "_content", None)  # one that is made while it is sent has none
        path = url.raw_path.decode("ascii").partition("?")[0]  # `path` would take a slash in a model's name for one
        return backstop.start(url.host, url.port or _port(url.scheme), path, body)

    return start


def _requests(backstop: Backstop) -> Starter:
    def start(args: Args, kwargs: Kwargs) -> Start | None:
        request = args[1] if len(args) > 1 else kwargs["request"]
        return None if request.method != "POST" else _at(backstop, request.url, request.body)

    return start


def _urllib3(backstop: Backstop) -> Starter:
    def start(args: Args, kwargs: Kwargs) -> Start | None:
        method, url, body = _given(args, kwargs, "method", "url", "body")
        if method != "POST":
            return None
        if url.startswith("/"):  # of a pool, which knows its one host
            url = f"{args[0].scheme}://{args[0].host}:{args[0].port}{url}"
        return _at(backstop, url, body)

    return start


def _aiohttp(backstop: Backstop) -> Starter:
    def start(args: Args, kwargs: Kwargs) -> Start | None:
        method, url = _given(args, kwargs, "method", "str_or_url")
        if method.upper() != "POST":
            return None
        base = getattr(args[0], "_base_url", None)
        url = str(url) if base is None else urljoin(str(base), str(url))
        body = kwargs.get("json")
        return _at(backstop, url, kwargs.get("data") if body is None else body)

    return start


def _given(args: Args, kwargs: Kwargs, *names: str) -> list[Any]:
    """The arguments after the instance, by place or by name."""
    return [args[place] if len(args) > place else kwargs.get(name) for place, name in enumerate(names, 1)]


def _at(backstop: Backstop, url: str, body: Any) -> Start | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _port(parts.scheme)
    except ValueError:  # what is wrong with it is the library's to say
        return None
    return backstop.start(host, port, parts.path, body) if backstop.known(host, port) is not None else None


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _told(headers: Any) -> dict[str, str]:
    from llmtrace.integrations import bedrock  # noqa: PLC0415 - most apps only count, and no answer is looked at

    return {name: headers[name] for name in bedrock.HEADERS if name in headers}


def _head(status: int, headers: Any) -> Received:
    return Received(status, headers=_told(headers), head=headers)


def _answered(response: Any) -> Received:
    found = received(response)
    found.headers = _told(response.headers)
    return found


def _requested(response: Any) -> Received:
    found = _head(response.status_code, response.headers)
    body = response._content  # to ask for `content` would read it; False stands for one that is not read
    if body is False:
        found.tap, found.content_encoding = (response, "raw"), ""  # it is decoded on its way out of there
    else:
        found.body = body or b""
    return found


def _opened(response: Any) -> Received:
    found = _head(response.status, response.headers)
    found.body = response._body or b""
    return found


def _fetched(response: Any) -> Received:
    found = _head(response.status, response.headers)
    found.tap, found.content_encoding = (response, "content"), ""  # as above
    return found


class Transport(NamedTuple):
    """One HTTP client: which versions, its points, what a request begins there, and what its result says."""

    requires: str
    targets: tuple[str, ...]
    begins: Callable[[Backstop], Starter]
    result: Callable[[Any], Received]


def _of_httpx(name: str, version: str) -> Transport:
    targets = (f"{name}._client:Client.send", f"{name}._client:AsyncClient.send")
    return Transport(f"{name}>={version}", targets, _httpx, _answered)


TRANSPORTS = {
    "httpx": _of_httpx("httpx", "0.24"),
    "httpx2": _of_httpx("httpx2", "2"),
    "requests": Transport("requests>=2.28", ("requests.sessions:Session.send",), _requests, _requested),
    "urllib3": Transport(
        "urllib3>=1.26",
        ("urllib3.connectionpool:HTTPConnectionPool.urlopen", "urllib3.poolmanager:PoolManager.urlopen"),
        _urllib3,
        _opened,
    ),
    "aiohttp": Transport("aiohttp>=3.9", ("aiohttp.client:ClientSession._request",), _aiohttp, _fetched),
}
"""By name."""


def integration(name: str, hosts: Hosts, *, reads: bool) -> Integration:
    """The points of the HTTP client of that name; `hosts` are known to it besides those that everybody knows."""
    transport = TRANSPORTS[name]
    begin = Begin(transport.begins(Backstop(hosts, reads=reads)), result=transport.result, backstop=True)
    return Integration(name, transport.requires, dict.fromkeys(transport.targets, begin))
