"""What the suites ask of Bedrock: one call of each shape, and what the model server answers to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
WORDS = "Say it in other words"
MESSAGES = [{"role": "user", "content": [{"text": WORDS}]}]
CLAUDE = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": WORDS}],
    }
)


@dataclass(frozen=True)
class Ask:
    """One method of the client, what it is given, and where its answer has what is still to be read."""

    method: str
    given: dict[str, Any]
    coming: str | None = None


ASKS = {
    "converse": Ask("converse", {"modelId": MODEL, "messages": MESSAGES}),
    "converse stream": Ask("converse_stream", {"modelId": MODEL, "messages": MESSAGES}, "stream"),
    "invoke": Ask("invoke_model", {"modelId": MODEL, "body": CLAUDE}, "body"),
    "invoke stream": Ask("invoke_model_with_response_stream", {"modelId": MODEL, "body": CLAUDE}, "body"),
}
