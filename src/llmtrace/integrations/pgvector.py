"""PostgreSQL with pgvector: which statements ask for nearest neighbours or write vectors, and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from llmtrace.facts.operation import Received, Start
from llmtrace.facts.records import Document, Json, Store
from llmtrace.facts.shape import items
from llmtrace.integrations.stores import ITEMS_MOST, TEXTS, Found, Site, begun, document, kinds, refused

DISTANCES = {
    "<->": "l2",
    "<=>": "cosine",
    "<#>": "inner_product",
    "<+>": "l1",
    "<~>": "hamming",
    "<%>": "jaccard",
}
"""The operators that compare vectors, and what they call distance."""

_STATEMENT_MOST = 20_000
"""Characters of a statement up to which what was read of it is remembered: a longer one has its values in it."""

_PARAMETERS_MOST = 64
"""Parameters among which a vector is looked for."""

_OPERATOR = re.compile(r"<(?:->|=>|#>|\+>|~>|%%?>)")
_SCORE = re.compile(rf"{_OPERATOR.pattern}[^,]{{0,200}}?\sAS\s+\"?(\w+)", re.IGNORECASE)
_VERB = re.compile(r"\s*(?:/\*.*?\*/\s*)?(\w+)", re.DOTALL)
_LITERAL = re.compile(r"\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_NUMBERS = re.compile(r"\[\s*-?\d[\d.,eE+\-\s]*\]")
_FROM_WITHIN = re.compile(r"\b(?:extract|trim|substring|overlay)\s*\([^()]*\)", re.IGNORECASE)
_TABLE = re.compile(
    r'\b(?:FROM|INTO|UPDATE)\s+(?:ONLY\s+)?((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*)(?![\w."]|\s*\()', re.IGNORECASE
)
_INSERTED = re.compile(r'\bINTO\s+((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*)', re.IGNORECASE)
_LIMIT = re.compile(r"\bLIMIT\s+(?:(\d+)|%\((\w+)\)s|(%[sbt])|\$(\d+))", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"%[sbt]")
_TYPED = re.compile(r"(?:::|\bAS\s+)(?:\w+\.)?(?:vector|halfvec|sparsevec)\b", re.IGNORECASE)
_SPELLED = re.compile(r"\[\s*-?\d[\d.,eE+\-\s]*")
_SPARSE = re.compile(r"\{[\d:.,eE+\-\s]*\}/(\d+)$")
_HINTED = re.compile(r"embed|vec", re.IGNORECASE)

_WRITES = ("INSERT", "UPDATE", "MERGE")
_IDS = ("id", "uuid", "key")
_SCORES = ("distance", "score", "similarity")


class Statement(NamedTuple):
    """What a statement says, as far as it can be told without its parameters."""

    verb: str
    table: str | None
    distance: str | None
    limit: int | str | None
    """The number; or the name of the parameter that has it, or its place, as `#` and the place."""
    score: str | None
    sure: bool
    """That it is about vectors; else only a parameter that is one can tell."""
    text: str
    """The statement with a `?` for every text and list of numbers in it: a vector may be among them."""


def read_statement(text: str) -> Statement | None:
    """What the statement says; None for one that can neither ask for neighbours nor write vectors."""
    if "<" not in text and text.lstrip()[:6].upper() not in _WRITES:
        return None
    return _parsed(text) if len(text) > _STATEMENT_MOST else _remembered(text)


@lru_cache(maxsize=256)
def _remembered(text: str) -> Statement | None:
    return _parsed(text)


def _parsed(text: str) -> Statement | None:
    found = _VERB.match(text)
    verb = found[1].upper() if found else ""
    bare = _NUMBERS.sub("[?]", _LITERAL.sub("'?'", text))
    operator = _OPERATOR.search(bare)
    if operator is None and verb not in _WRITES:
        return None
    typed = _TYPED.search(bare) is not None or any(_SPELLED.match(one[0], 1) for one in _LITERAL.finditer(text))
    # `<->` is the distance of points, boxes and words, too.
    plain = operator is not None and (operator[0] != "<->" or _HINTED.search(bare) is not None)
    tables = _FROM_WITHIN.sub("", bare)
    table = _INSERTED.search(tables) if verb == "INSERT" else _TABLE.search(tables)
    score = _SCORE.search(bare)
    return Statement(
        verb,
        table[1].replace('"', "") if table else None,
        DISTANCES[operator[0].replace("%%", "%")] if operator else None,
        _limit(bare),
        score[1] if score else None,
        sure=typed or (plain and verb not in _WRITES),
        text=bare,
    )


def _limit(bare: str) -> int | str | None:
    found = _LIMIT.search(bare)
    if found is None:
        return None
    number, name, _, place = found.groups()
    if number:
        return int(number)
    if name:
        return str(name)
    return f"#{int(place) - 1 if place else len(_PLACEHOLDER.findall(bare, 0, found.start()))}"


def begin(
    text: str | None, parameters: Any, namespace: str | None, site: Site, batch: int | None = None
) -> Start | None:
    """The start of a call of a statement, or of several with `batch` lists of parameters; None where it is none."""
    said = None if text is None else read_statement(text)
    if said is None:
        return None
    given = list(_values(parameters))
    sizes = [size for value in islice(given, _PARAMETERS_MOST) if (size := vector_size(value, said)) is not None]
    if not (said.sure or sizes):
        return None
    request: dict[str, Any] = {"dimension_count": sizes[0] if sizes else None}
    retrieves = said.verb not in _WRITES
    if retrieves:
        request |= {"top_k": _parameter(said.limit, parameters), "distance": said.distance, "score": said.score}
    elif batch is None:
        request |= {"vector_count": _count(given, said), "text_length": _length(given, said)}
    else:
        request |= {"item_count": batch}
    store = Store("postgresql", said.verb, said.table, namespace, batch, said.text)
    return begun(store, site, request, retrieves=retrieves, kinds=_KINDS)


def _values(parameters: Any) -> Iterator[Any]:
    if isinstance(parameters, Mapping):
        parameters = parameters.values()
    elif not isinstance(parameters, list | tuple):
        return iter(())
    return islice(parameters, ITEMS_MOST)


def _parameter(limit: int | str | None, parameters: Any) -> Any:
    if not isinstance(limit, str):
        return limit
    if isinstance(parameters, Mapping):
        return parameters.get(limit)
    place = int(limit[1:]) if limit.startswith("#") else -1
    return parameters[place] if isinstance(parameters, list | tuple) and 0 <= place < len(parameters) else None


def vector_size(value: Any, said: Statement) -> int | None:
    """The size of a parameter that is a vector, in any of the forms that apps pass one in; None for any other."""
    if isinstance(value, str):
        return _spelled_size(value)
    if isinstance(value, list):
        numbers = said.distance is not None or said.sure
        return len(value) if numbers and value and isinstance(value[0], int | float) else None
    if type(value).__module__.startswith("pgvector."):
        return int(value.dimensions()) if hasattr(value, "dimensions") else None
    shape = getattr(value, "shape", None)
    return int(shape[0]) if isinstance(shape, tuple) and len(shape) == 1 else None


def _spelled_size(value: str) -> int | None:
    if value.startswith("[") and _SPELLED.match(value, 0, 80) and value.endswith("]"):
        return value.count(",") + 1
    sparse = _SPARSE.match(value) if value.startswith("{") else None
    return int(sparse[1]) if sparse else None


def _count(given: Sequence[Any], said: Statement) -> int | None:
    return sum(1 for value in given if vector_size(value, said) is not None) or None


def _length(given: Sequence[Any], said: Statement) -> int | None:
    texts = (value for value in given if isinstance(value, str) and vector_size(value, said) is None)
    return sum(map(len, texts)) or None


def batch_of(rows: Any) -> tuple[Any, int | None]:
    """The first of several lists of parameters, and how many there are; of what cannot be gone through twice, none."""
    return (rows[0] if rows else None, len(rows)) if isinstance(rows, list | tuple) else (None, None)


def rows(columns: Sequence[str], cells: list[list[Any]], count: int | None, status: str) -> dict[str, Any]:
    """What is kept of an answer; `status` is the server's word for what it did, with a count (`INSERT 0 3`)."""
    verb, _, counts = status.partition(" ")
    written = counts.rpartition(" ")[2] if verb in _WRITES else ""
    return {
        "columns": list(columns),
        "rows": cells,
        "count": count,
        "written": int(written) if written.isdecimal() else None,
    }


def shown(value: Any) -> Any:
    """A row's value where it is a text, a number or an id; anything else, a vector above all, is left out."""
    return None if isinstance(value, str) and _spelled_size(value) is not None else value


def failed(error: BaseException) -> Received | None:
    """The server's code for what went wrong."""
    return refused(getattr(error, "sqlstate", None))


def _documents(asked: dict[str, Json], got: dict[str, Json]) -> list[Document]:
    columns = [str(name) for name in items(got.get("columns"))]
    score = asked.get("score")
    at = {
        "id": _column(columns, _IDS),
        "score": _column(columns, (score, "?column?") if isinstance(score, str) else (*_SCORES, "?column?")),
        "text": _column(columns, TEXTS),
    }
    return [document(_found(columns, row, at)) for row in items(got.get("rows")) if isinstance(row, list)]


def _column(columns: list[str], wanted: Sequence[str]) -> int | None:
    """Where the column is that has one of these names, or else one that ends in it, as mapped tables' columns do."""
    exact = next((columns.index(name) for name in wanted if name in columns), None)
    if exact is not None:
        return exact
    ends = tuple(f"_{name}" for name in wanted)
    return next((at for at, name in enumerate(columns) if name.endswith(ends)), None)


def _found(columns: list[str], row: list[Any], at: Mapping[str, int | None]) -> Found:
    known = {name: row[place] if place is not None and place < len(row) else None for name, place in at.items()}
    rest = {
        name: value
        for place, (name, value) in enumerate(zip(columns, row, strict=False))
        if place not in at.values() and value is not None
    }
    return Found(known["id"], known["score"], known["text"], rest)


_KINDS = kinds(_documents)
