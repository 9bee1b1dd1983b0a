"""Amazon Bedrock through aiobotocore, which has asynchronous functions of its own in the places of botocore's."""

from __future__ import annotations

from typing import Any

from llmtrace.facts.operation import Answered, Begin, Integration, Sending
from llmtrace.integrations.botocore import INTEGRATION as BOTOCORE
from llmtrace.integrations.botocore import answering, sending, start


def _tap(response: Any) -> tuple[Any, str]:
    """Where a body is read from: the reader of aiohttp's response, or the stream of httpx's."""
    raw = response.raw
    return (raw.stream, "_stream") if hasattr(raw, "aiter_raw") else (raw, "content")


INTEGRATION = Integration(
    name="aiobotocore",
    requires="aiobotocore>=2.14",
    points={
        "aiobotocore.client:AioBaseClient._make_api_call": Begin(start),
        "aiobotocore.endpoint:AioEndpoint._get_response": Sending(sending),
        "aiobotocore.endpoint:convert_to_response_dict": Answered(answering(_tap)),
    },
    captures=BOTOCORE.captures,
    verified=BOTOCORE.verified,
)
