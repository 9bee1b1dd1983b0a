"""Bedrock through boto3, traced: Converse, its stream, a tool call and an invoked model, on AWS or a local server."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from typing import Any

import boto3

import llmtrace
from llmtrace.testing import ModelServer

TRACED = {"chat": 4, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""

MODEL = os.environ.get("BEDROCK_MODEL_ID", "us.anthropic.claude-haiku-4-5-20251001-v1:0")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"toolSpec": {"name": "weather", "description": "Says how the weather is.", "inputSchema": {"json": SCHEMA}}}


def said(text: str) -> dict[str, Any]:
    """A question to the model."""
    return {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": text}]}]}


def talk(client: Any) -> None:
    """One call of each kind, in one conversation."""
    with llmtrace.conversation("bedrock-example", user="ada"), llmtrace.workflow("example"):
        print(client.converse(**said("Name a bear."))["output"]["message"]["content"][0]["text"])
        for event in client.converse_stream(**said("Name a bear."))["stream"]:
            print(event.get("contentBlockDelta", {}).get("delta", {}).get("text", ""), end="")
        print()
        answer = client.converse(**said("What is the weather in Oslo?"), toolConfig={"tools": [TOOL]})
        print(answer["output"]["message"]["content"])
        asked = {"messages": [{"role": "user", "content": "Name a river."}], "max_tokens": 99}
        body = json.dumps({"anthropic_version": "bedrock-2023-05-31", **asked})
        print(json.loads(client.invoke_model(modelId=MODEL, body=body)["body"].read())["content"][0]["text"])


def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="bedrock-example", integrations="botocore")
    with ExitStack() as stack:
        given = {}
        if "BEDROCK_MODEL_ID" not in os.environ:
            given = {
                "endpoint_url": stack.enter_context(ModelServer()).bedrock_url,
                "region_name": "us-east-1",
                "aws_access_key_id": "none-needed",
                "aws_secret_access_key": "none-needed",
            }
        client = boto3.client("bedrock-runtime", **given)
        stack.callback(client.close)
        talk(client)
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
