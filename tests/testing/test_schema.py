"""Arguments and structured answers that fit their schema."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from llmtrace.testing.schema import instance


class Node(BaseModel):
    name: str
    children: list["Node"]
    twin: "Node | None"


@pytest.mark.parametrize(
    ("schema", "question", "value"),
    [
        ({"type": "string"}, 'Look up "bike shed" please', "bike shed"),
        ({"type": "string"}, "Where is order A-17 now?", "A-17"),
        ({"type": "string"}, "How far is New York?", "New York"),
        ({"type": "string"}, "how far?", "how far?"),
        ({"type": "integer"}, "B-9 for 3 days", 3),
        ({"type": "number"}, "half of 2.5", 2.5),
        ({"type": "integer", "minimum": 5}, "3 days", 5),
        ({"enum": ["city", "cargo"]}, "A Cargo bike", "cargo"),
        ({"enum": ["city", "cargo"]}, "A bike", "city"),
        ({"const": 7}, "", 7),
        ({"type": ["null", "boolean"]}, "", True),
        ({"type": "string", "format": "date"}, "today", "2025-06-01"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, "4", [4, 4]),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"const": 1}}}, "", 1),
        ({}, "anything", "anything"),
    ],
)
def test_a_value_says_what_the_question_says(schema, question, value):
    assert instance(schema, question) == value


@given(st.text())
def test_a_schema_that_contains_itself_is_filled_too(question):
    assert TypeAdapter(Node).validate_python(instance(Node.model_json_schema(), question))


def test_a_schema_that_is_only_a_reference_to_itself_ends():
    assert instance({"$ref": "#"}, "x") == "x"
