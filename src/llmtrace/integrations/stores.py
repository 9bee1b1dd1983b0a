"""What the integrations of document stores have in common: the two kinds of call, and how their facts are read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from llmtrace.facts.operation import Evidence, Operation, Received, Start
from llmtrace.facts.records import Document, Json, Retrieval, Store, StoreCall
from llmtrace.facts.shape import integer, items, mapping, number

Kinds: TypeAlias = dict[tuple[bool, bool], Operation]
"""The operations of a store, by whether documents are fetched and whether it is inside the app's process."""

DOCUMENTS_MOST = 200
"""Documents of one answer that are recorded. A search gives a few; a listing may give all that there are."""

ITEMS_MOST = 10_000
"""Items of one write whose texts are measured: that is done on the app's thread, before the app can change them."""

TEXTS = ("page_content", "document", "text", "content", "chunk", "chunk_text", "body", "_node_content")
"""Where apps and frameworks keep a document's text in a store that has no place of its own for it, likeliest first."""


class Site(NamedTuple):
    """Where a store is: inside the app's process, or at an address."""

    embedded: bool = False
    address: str | None = None
    port: int | None = None


class Refused(NamedTuple):
    """What came back of a call that failed: the store's own code for it."""

    status: str


class Found(NamedTuple):
    """A document as it lies in an answer. `fields` is what the store keeps of it; its text may be one of these."""

    id: Any = None
    score: Any = None
    text: Any = None
    fields: Any = None


def begun(store: Store, site: Site, request: dict[str, Any], *, retrieves: bool, kinds: Kinds | None = None) -> Start:
    """The start of a call; `request` has what was asked under the names of the record's fields."""
    return Start(
        operation=(kinds or _KINDS)[retrieves, site.embedded],
        target=store.collection,
        address=site.address,
        port=site.port,
        store=store,
        request=request,
    )


def answer(found: Iterable[Found], count: int | None) -> dict[str, Any]:
    """What is kept of an answer: as many of its documents as are recorded, and how many there were."""
    return {"documents": [tuple(each) for each in islice(found, DOCUMENTS_MOST)], "count": count}


def unread(_: Any) -> None:
    """What is kept of a result that says nothing."""


def refused(status: Any) -> Received | None:
    """What came back out of an exception that carries the store's own code."""
    return None if status is None else Received(body=Refused(str(status)))


def named(package: str, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments of a method of the package by their names, the instance left out."""
    if len(args) == 1:
        return kwargs
    return {**dict(zip(_parameters(args[0].__class__, package, method), args[1:], strict=False)), **kwargs}


@lru_cache(maxsize=512)
def _parameters(kind: Any, package: str, method: str) -> list[str]:
    """How the package itself names a method's parameters, whatever an app's subclass makes of it."""
    owner = next((base for base in kind.__mro__ if base.__module__.split(".")[0] == package), kind)
    return list(inspect.signature(getattr(owner, method)).parameters)[1:]


def dimension(vector: Any) -> int | None:
    """The size of a vector, of the first of several, or of the first of those under names; None for what is none."""
    for _ in range(4):
        if isinstance(vector, dict):
            vector = next(iter(vector.values()), None)
        shape = getattr(vector, "shape", None)
        if isinstance(shape, tuple):
            return integer(shape[-1]) if shape else None
        if not isinstance(vector, list | tuple) or not vector:
            return None
        if isinstance(vector[0], int | float) or getattr(vector[0], "shape", None) == ():
            return len(vector)
        vector = vector[0]
    return None


def length(texts: Any) -> int | None:
    """Characters of the texts; None where there are none, or too many to measure."""
    if isinstance(texts, str):
        return len(texts)
    if not isinstance(texts, list | tuple) or len(texts) > ITEMS_MOST:
        return None
    return sum(len(text) for text in texts if isinstance(text, str)) or None


def fields_length(entries: Any) -> int | None:
    """Characters of the texts that stand in mappings."""
    if not isinstance(entries, list | tuple) or len(entries) > ITEMS_MOST:
        return None
    mappings = (entry for entry in entries if isinstance(entry, dict))
    return sum(len(value) for entry in mappings for value in entry.values() if isinstance(value, str)) or None


def sized(value: Any) -> int | None:
    """How many items there are, where that can be told without taking one."""
    return len(value) if isinstance(value, list | tuple) or hasattr(value, "shape") else None


def _read_call(evidence: Evidence) -> StoreCall:
    asked, got = mapping(evidence.request), _got(evidence)
    return StoreCall(
        store=_store(evidence),
        filter=asked.get("filter"),
        item_count=integer(asked.get("item_count", got.get("written"))),
        text_length=integer(asked.get("text_length")),
        vector_count=integer(asked.get("vector_count")),
        dimension_count=integer(asked.get("dimension_count")),
        returned_count=integer(got.get("count")),
    )


def _store(evidence: Evidence) -> Store | None:
    store = evidence.start.store
    body = evidence.response.body if evidence.response else None
    if store is not None and isinstance(body, Refused):
        store.status = body.status
    return store


def _got(evidence: Evidence) -> dict[str, Json]:
    return mapping(evidence.response.body if evidence.response else None)


def _documents(_: dict[str, Json], got: dict[str, Json]) -> list[Document]:
    return [document for entry in items(got.get("documents")) if (document := _document(entry))]


def _document(entry: Json) -> Document | None:
    """A document of an answer; it is a list by now, which a snapshot makes of a tuple."""
    return document(Found(*entry)) if isinstance(entry, list) and len(entry) == len(Found._fields) else None


def document(found: Found) -> Document:
    """The document, with the text found among its fields where the store has no place of its own for it."""
    rest, text = mapping(found.fields), found.text
    if text is None:
        key = next((name for name in TEXTS if isinstance(rest.get(name), str)), "")
        text = rest.get(key)
        rest = {name: value for name, value in rest.items() if name != key}
    if list(rest) == ["metadata"] and isinstance(rest["metadata"], dict):  # frameworks keep all but the text there
        rest = rest["metadata"]
    known = str(found.id) if isinstance(found.id, str | int | UUID) else None
    return Document(known, number(found.score), text if isinstance(text, str) else None, rest or None)


def kinds(documents: Callable[[dict[str, Json], dict[str, Json]], list[Document]]) -> Kinds:
    """The operations of a store; `documents` reads them out of what was asked and what is kept of the answer."""

    def retrieval(evidence: Evidence) -> Retrieval:
        asked, got = mapping(evidence.request), _got(evidence)
        return Retrieval(
            store=_store(evidence),
            query=asked.get("query"),
            top_k=integer(asked.get("top_k")),
            filter=asked.get("filter"),
            dimension_count=integer(asked.get("dimension_count")),
            distance=asked.get("distance"),
            data_source_id=evidence.start.target,
            documents=documents(asked, got),
            document_count=integer(got.get("count")),
        )

    made: Kinds = {}
    for embedded in (False, True):
        call = Operation("store", _read_call, kind="internal" if embedded else "client")
        made[False, embedded] = call
        made[True, embedded] = Operation("retrieval", retrieval, inside=call)
    return made


_KINDS = kinds(_documents)
