"""Fills a JSON schema from a question, the way a model makes up a tool's arguments or a structured answer."""

from __future__ import annotations

import re

from llmtrace.facts.records import Json
from llmtrace.facts.shape import integer, items, mapping, mappings, number

_FORMATS = {
    "date": "2025-06-01",
    "date-time": "2025-06-01T12:00:00Z",
    "time": "12:00:00",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_QUOTED = re.compile(r"[\"“]([^\"”]+)[\"”]")
_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][\w-]*\b")
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][a-z]+(?: [A-Z][a-z]+)*")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_DEEP = 4
_LONGEST_CHAIN = 20
_MOST_ITEMS = 100
_INDIRECT = {"$ref", "anyOf", "oneOf", "allOf"}


def instance(schema: dict[str, Json], question: str) -> Json:
    """A value that the schema allows, with what the question says where it fits: numbers, codes, names, quotations."""
    return _value(schema, question, schema, 0)


def _value(schema: dict[str, Json], question: str, root: dict[str, Json], depth: int) -> Json:
    schema = _resolved(schema, root, depth)
    if "const" in schema:
        return schema["const"]
    if choices := items(schema.get("enum")):
        return next((choice for choice in choices if str(choice).lower() in question.lower()), choices[0])
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind == "object" or "properties" in schema:
        parts = mapping(schema.get("properties"))
        wanted = [name for name in items(schema.get("required", list(parts))) if isinstance(name, str)]
        return {name: _value(mapping(parts.get(name)), question, root, depth + 1) for name in wanted}
    if kind == "array":
        # A schema that contains itself has to stop somewhere: an empty list is where it can.
        least = 0 if depth > _DEEP else 1
        count = max(least, min(integer(schema.get("minItems")) or 0, _MOST_ITEMS))
        return [_value(mapping(schema.get("items")), question, root, depth + 1) for _ in range(count)]
    return _scalar(kind, schema, question)


def _scalar(kind: Json, schema: dict[str, Json], question: str) -> Json:
    if kind in ("integer", "number"):
        return _amount(kind, number(schema.get("minimum")), number(schema.get("maximum")), question)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    if usual := _FORMATS.get(str(schema.get("format"))):
        return usual
    for pattern in (_QUOTED, _CODE, _NAME):
        if match := pattern.search(question):
            return match.group(match.re.groups)
    return question


def _amount(kind: Json, least: float | None, most: float | None, question: str) -> float:
    """The question's first number that is no part of a code, within the bounds."""
    found = _NUMBER.search(_CODE.sub("", question))
    amount = float(found.group()) if found else 1.0
    amount = amount if least is None else max(amount, least)
    amount = amount if most is None else min(amount, most)
    return int(amount) if kind == "integer" or amount.is_integer() else amount


def _resolved(schema: dict[str, Json], root: dict[str, Json], depth: int) -> dict[str, Json]:
    """The schema behind references and alternatives: the first one, or `null` where it is an option and we are deep."""
    for _ in range(_LONGEST_CHAIN):
        if not _INDIRECT & schema.keys():
            break
        if reference := schema.get("$ref"):
            schema = root
            for step in str(reference).removeprefix("#").split("/")[1:]:
                schema = mapping(schema.get(step))
            continue
        options = mappings(schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"))
        nulls = [option for option in options if option.get("type") == "null"]
        others = [option for option in options if option.get("type") != "null"]
        schema = next(iter(nulls + others if depth > _DEEP else others + nulls), {})
    return schema
