"""Bedrock through aiobotocore, traced: two conversations at once and a stream, on AWS or a local model server."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from typing import Any

from aiobotocore.session import get_session

import llmtrace
from llmtrace.testing import ModelServer

TRACED = {"chat": 3, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""

MODEL = os.environ.get("BEDROCK_MODEL_ID", "us.anthropic.claude-haiku-4-5-20251001-v1:0")


async def ask(client: Any, user: str, text: str) -> str:
    """One question, in a conversation of its user's."""
    with llmtrace.conversation(f"with-{user}", user=user):
        answer = await client.converse(modelId=MODEL, messages=[{"role": "user", "content": [{"text": text}]}])
    told: str = answer["output"]["message"]["content"][0]["text"]
    return told


async def talk(client: Any) -> None:
    """Two calls at once, and a stream."""
    with llmtrace.workflow("example"):
        print(*await asyncio.gather(ask(client, "ada", "Name a bear."), ask(client, "bob", "Name a river.")), sep="\n")
        asked = [{"role": "user", "content": [{"text": "Name a tree."}]}]
        answer = await client.converse_stream(modelId=MODEL, messages=asked)
        async for event in answer["stream"]:
            print(event.get("contentBlockDelta", {}).get("delta", {}).get("text", ""), end="")
        print()


async def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="bedrock-example", integrations="aiobotocore")
    with ExitStack() as stack:
        given = {}
        if "BEDROCK_MODEL_ID" not in os.environ:
            given = {
                "endpoint_url": stack.enter_context(ModelServer()).bedrock_url,
                "region_name": "us-east-1",
                "aws_access_key_id": "none-needed",
                "aws_secret_access_key": "none-needed",
            }
        async with get_session().create_client("bedrock-runtime", **given) as client:
            await talk(client)
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    asyncio.run(main())
