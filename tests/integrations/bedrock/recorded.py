"""How each recorded exchange is sent again: by which service's client, through which method, with which arguments."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from tests.recordings import Exchange, exchanges

RUNTIME, AGENTS = "bedrock-runtime", "bedrock-agent-runtime"

PATHS = {
    r"/model/(?P<modelId>[^/]+)/converse": (RUNTIME, "converse"),
    r"/model/(?P<modelId>[^/]+)/converse-stream": (RUNTIME, "converse_stream"),
    r"/model/(?P<modelId>[^/]+)/invoke": (RUNTIME, "invoke_model"),
    r"/model/(?P<modelId>[^/]+)/invoke-with-response-stream": (RUNTIME, "invoke_model_with_response_stream"),
    r"/guardrail/(?P<guardrailIdentifier>\w+)/version/(?P<guardrailVersion>\w+)/apply": (RUNTIME, "apply_guardrail"),
    r"/agents/(?P<agentId>\w+)/agentAliases/(?P<agentAliasId>\w+)/sessions/(?P<sessionId>[^/]+)/text": (
        AGENTS,
        "invoke_agent",
    ),
    r"/agents/(?P<sessionId>[^/]+)": (AGENTS, "invoke_inline_agent"),
    r"/knowledgebases/(?P<knowledgeBaseId>\w+)/retrieve": (AGENTS, "retrieve"),
    r"/retrieveAndGenerate": (AGENTS, "retrieve_and_generate"),
    r"/retrieveAndGenerateStream": (AGENTS, "retrieve_and_generate_stream"),
}
"""The path of a request → the service and the method that sends such a one; what is in the path is an argument."""

HEADERS = {
    "x-amzn-bedrock-guardrailidentifier": "guardrailIdentifier",
    "x-amzn-bedrock-guardrailversion": "guardrailVersion",
    "x-amzn-bedrock-trace": "trace",
}

MODELS = (
    "bedrock.converse",
    "bedrock.converse_stream",
    "bedrock.invoke_model",
    "bedrock.invoke_model_with_response_stream",
)
OTHERS = (
    "bedrock.apply_guardrail",
    "bedrock_agents.invoke_agent",
    "bedrock_agents.invoke_inline_agent",
    "bedrock_agents.retrieve",
    "bedrock_agents.retrieve_and_generate",
    "bedrock_agents.retrieve_and_generate_stream",
)
APIS = (*MODELS, *OTHERS)


class Ask(NamedTuple):
    """One call: of which service, by which method, with which arguments."""

    service: str
    method: str
    given: dict[str, Any]


def ask(exchange: Exchange) -> Ask:
    """The call that sends the recorded request."""
    path = urlsplit(exchange.request["url"]).path
    found, (service, method) = next(
        (match, target) for pattern, target in PATHS.items() if (match := re.fullmatch(pattern, path))
    )
    given = {name: unquote(value) for name, value in found.groupdict().items()}
    if method.startswith("invoke_model"):
        headers = exchange.request["headers"]
        given |= {name: headers[header] for header, name in HEADERS.items() if header in headers}
        return Ask(service, method, {**given, "body": exchange.request_bytes or b"{}"})
    body = _blobs(json.loads(exchange.request_bytes or "{}"))
    if method.startswith("converse"):
        body.setdefault("messages", [])  # the source kept no request
    return Ask(service, method, {**given, **body})


def _blobs(value: Any) -> Any:
    """A JSON body as arguments: what is base64 text on the wire is bytes for the client."""
    if isinstance(value, list):
        return [_blobs(one) for one in value]
    if isinstance(value, dict):
        return {
            name: b64decode(one) if name == "bytes" and isinstance(one, str) else _blobs(one)
            for name, one in value.items()
        }
    return value


def found(*apis: str) -> list[Exchange]:
    """Every recorded exchange of these APIs."""
    return exchanges(*apis)
