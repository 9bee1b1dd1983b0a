"""Finds the recorded provider traffic that tests compare against; the project ships no copy of it."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(os.environ.get("LLMTRACE_RECORDINGS", Path(__file__).parents[2] / "shared" / "recordings"))


class Exchange(NamedTuple):
    """One recorded HTTP exchange; `name` says which, `expected` is what the provider itself reported."""

    name: str
    api: str
    request: dict[str, Any]
    response: dict[str, Any]
    expected: dict[str, Any]

    @property
    def request_bytes(self) -> bytes:
        """The request's body as bytes (JSON compact), whatever form it was recorded in."""
        body, encoding = self.request["body"], self.request["body_encoding"]
        if encoding == "json":
            return json.dumps(body).encode()
        if encoding == "base64":
            return base64.b64decode(body)
        return (body or "").encode()

    @property
    def response_bytes(self) -> bytes:
        """The response's body, decompressed, byte for byte."""
        if "body_base64" in self.response:
            return base64.b64decode(self.response["body_base64"])
        return self.response.get("body_text", "").encode()


def exchanges(*apis: str) -> list[Exchange]:
    """Every recorded exchange of the given APIs (`openai.responses`); none where the recordings are absent."""
    if not (ROOT / "index.json").exists():
        return []
    found = []
    for row in json.loads((ROOT / "index.json").read_text())["recordings"]:
        if not set(apis) & set(row["apis"]):
            continue
        recording = json.loads((ROOT / row["file"]).read_text())
        found += [
            Exchange(f"{row['id']}[{n}]", part["api"], part["request"], part["response"], part["expected"])
            for n, part in enumerate(recording["interactions"])
            if part["api"] in apis
        ]
    return found


def parametrize(*apis: str) -> pytest.MarkDecorator:
    """Runs a test once for each recorded exchange of the APIs, or skips it, saying why."""
    found = exchanges(*apis)
    absent = pytest.param(None, marks=pytest.mark.skip(reason=f"no recordings at {ROOT} (set LLMTRACE_RECORDINGS)"))
    return pytest.mark.parametrize("exchange", found or [absent], ids=[e.name for e in found] or ["absent"])
