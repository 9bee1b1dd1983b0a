"""What the small apps of agent frameworks share: notes to search, a script, and what is looked for in spans."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest

from llmtrace.testing import Answer, ModelServer, ToolUse
from llmtrace.testing.captured import Captured, decoded
from llmtrace.testing.local_http import Request, Response

MODEL = "gpt-5-mini"
CANARY = "perched-canary"
SECRET = "sk-" + "Fake0Fake1Fake2Fake3Fake4Fake5Fake6"
SYSTEM = f"Answer by the notes. {CANARY}-system"
QUESTION = f"Where do bears sleep? {CANARY}-question {SECRET}"
NOTE = f"Bears sleep in dens. {CANARY}-note"
ERROR = f"No wind gauge there. {CANARY}-error"
ANSWER = f"In dens. {CANARY}-answer"


class Scripted(ModelServer):
    """A model that asks for a search, then for the tool that fails, then answers; it counts the tokens that it took."""

    def __init__(self) -> None:
        super().__init__()
        self.used = (0, 0)
        self.reply(
            Answer(tool_calls=(ToolUse("search", {"query": f"bears {CANARY}-query"}),)),
            Answer(tool_calls=(ToolUse("wind", {"place": f"den {CANARY}-place"}),)),
            ANSWER,
        )

    def answer(self, request: Request) -> Response:
        """As the model server does, and counts."""
        response = super().answer(request)
        taken, given = (count.findall(response.body) for count in _COUNTS)
        self.used = (self.used[0] + int(taken[-1]), self.used[1] + int(given[-1]))
        return response


_COUNTS = (
    re.compile(rb'"(?:prompt_tokens|inputTokens)": ?(\d+)'),
    re.compile(rb'"(?:completion_tokens|outputTokens)": ?(\d+)'),
)


class Notes:
    """A few notes in an embedded Qdrant."""

    def __init__(self) -> None:
        qdrant = pytest.importorskip("qdrant_client", reason="not applicable: qdrant_client is tested elsewhere")
        models = pytest.importorskip("qdrant_client.models")  # older versions do not load it by themselves
        self.client: Any = qdrant.QdrantClient(":memory:")
        self.client.create_collection("notes", vectors_config=models.VectorParams(size=2, distance="Cosine"))
        points = [models.PointStruct(id=1, vector=[1.0, 0.0], payload={"text": NOTE})]
        self.client.upsert("notes", points=points)

    def search(self, query: str) -> str:
        """The note that is nearest, whatever is asked."""
        found = self.client.query_points("notes", query=[1.0, float(len(query) % 2)], limit=1)
        return str(found.points[0].payload["text"])


def tree(captured: Captured) -> list[str]:
    """The spans of all traces as lines, whose indentation says what is in what."""
    return captured.tree().splitlines()


def used(spans: Iterable[Any]) -> tuple[int, int]:
    """The sums over all spans of what those that bear usage say."""
    found = [decoded(span) for span in spans]
    return (
        sum(said.get("gen_ai.usage.input_tokens", 0) for said in found),
        sum(said.get("gen_ai.usage.output_tokens", 0) for said in found),
    )


def all_text(captured: Captured) -> str:
    """Everything that the spans hold."""
    return "\n".join(span.to_json() for span in captured.spans)
