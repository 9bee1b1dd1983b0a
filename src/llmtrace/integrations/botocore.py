"""Amazon Bedrock through boto3 and botocore: models, guardrails, agents and knowledge bases.

Every method of every AWS client ends in one function; what is not Bedrock's passes it by after one look at a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from llmtrace.facts.operation import NOT_OURS, Answered, Begin, Integration, Operation, Received, Sending, Start
from llmtrace.facts.shape import text
from llmtrace.integrations import bedrock_agents, bedrock_converse, bedrock_guardrails, bedrock_invoke, bedrock_vectors
from llmtrace.integrations.bedrock import HEADERS

Args: TypeAlias = tuple[Any, ...]
Kwargs: TypeAlias = Mapping[str, Any]

MODELS, AGENTS = "bedrock-runtime", "bedrock-agent-runtime"


class Traced(NamedTuple):
    """An operation of a service: what it is, by the model that is asked, and the parameters that its name ends in."""

    service: str
    operation: Callable[[str], Operation]
    target: str = "modelId"
    conversation: str = ""


def _always(operation: Operation) -> Callable[[str], Operation]:
    return lambda _: operation


def _invoking(*, streamed: bool) -> Callable[[str], Operation]:
    """What it is to invoke a model depends on the model alone: which one, its id or its profile's ARN tells."""

    def operation(model: str) -> Operation:
        if "embed" in model:
            return bedrock_vectors.EMBEDDING
        if "rerank" in model:
            return bedrock_vectors.INVOKED_RERANK
        completes = any(family in model for family in bedrock_invoke.COMPLETING)
        return (bedrock_invoke.COMPLETION if completes else bedrock_invoke.CHAT)[streamed]

    return operation


TRACED = {
    "Converse": Traced(MODELS, _always(bedrock_converse.CONVERSE)),
    "ConverseStream": Traced(MODELS, _always(bedrock_converse.CONVERSE_STREAM)),
    "InvokeModel": Traced(MODELS, _invoking(streamed=False)),
    "InvokeModelWithResponseStream": Traced(MODELS, _invoking(streamed=True)),
    "CountTokens": Traced(MODELS, _always(bedrock_guardrails.COUNT_TOKENS)),
    "ApplyGuardrail": Traced(MODELS, _always(bedrock_guardrails.APPLY_GUARDRAIL), "guardrailIdentifier"),
    "InvokeAgent": Traced(AGENTS, _always(bedrock_agents.AGENT), "", "sessionId"),
    "InvokeInlineAgent": Traced(AGENTS, _always(bedrock_agents.AGENT), "agentName", "sessionId"),
    "Retrieve": Traced(AGENTS, _always(bedrock_agents.RETRIEVE), "knowledgeBaseId"),
    "RetrieveAndGenerate": Traced(AGENTS, _always(bedrock_agents.GENERATE), "", "sessionId"),
    "RetrieveAndGenerateStream": Traced(AGENTS, _always(bedrock_agents.GENERATE), "", "sessionId"),
    "Rerank": Traced(AGENTS, _always(bedrock_vectors.RERANK)),
}
"""By the operation's name. What else the two services do, none of it is a call of a model or a search for one."""


def start(args: Args, kwargs: Kwargs) -> Start | None:
    """`_make_api_call(self, operation_name, api_params)`."""
    traced = TRACED.get(args[1] if len(args) > 1 else kwargs["operation_name"])
    if traced is None or _service(args[0].meta.service_model) != traced.service:
        return None
    params = args[2] if len(args) > 2 else kwargs["api_params"]  # noqa: PLR2004 - after the instance and the name
    target, model = text(params.get(traced.target)), text(params.get("modelId", params.get("foundationModel")))
    address, port = _place(args[0].meta.endpoint_url)
    return Start(
        operation=traced.operation(model or ""),
        provider="aws.bedrock",
        model=model,
        address=address,
        port=port,
        conversation_id=text(params.get(traced.conversation)),
        target=target,
        request=params,
        wire=True,
    )


def sending(args: Args, kwargs: Kwargs) -> Any:
    """`_get_response(self, request, operation_model, context)`; a client may fetch its credentials meanwhile."""
    request, model = (*args[1:3], *(kwargs[name] for name in ("request", "operation_model")[len(args[1:3]) :]))
    if not _ours(model):
        return NOT_OURS
    body = request.body
    return bytes(body) if isinstance(body, bytes | bytearray) else body if isinstance(body, str) else None


def answering(tap: Callable[[Any], tuple[Any, str]]) -> Callable[[Args, Kwargs], Received | None]:
    """`convert_to_response_dict(http_response, operation_model)`; `tap` says where a body is read from."""

    def read(args: Args, kwargs: Kwargs) -> Received | None:
        response, model = (*args, *(kwargs[name] for name in ("http_response", "operation_model")[len(args) :]))
        if not _ours(model):
            return None
        headers = response.headers
        body = response._content  # `content` would read it
        return Received(
            status=response.status_code,
            content_type=headers.get("content-type", ""),
            content_encoding=headers.get("content-encoding", ""),
            request_id=headers.get("x-amzn-requestid"),
            headers={name: headers[name] for name in HEADERS if name in headers},
            body=body,
            tap=tap(response) if body is None else None,
        )

    return read


def _service(model: Any) -> str:
    name: str = model.service_name
    return name


def _ours(operation_model: Any) -> bool:
    return operation_model.name in TRACED and _service(operation_model.service_model) in (MODELS, AGENTS)


@lru_cache(maxsize=64)
def _place(url: str) -> tuple[str | None, int | None]:
    parsed = urlsplit(url)
    return parsed.hostname, parsed.port or (443 if parsed.scheme == "https" else 80)


INTEGRATION = Integration(
    name="botocore",
    requires="botocore>=1.35.7",
    points={
        "botocore.client:BaseClient._make_api_call": Begin(start),
        "botocore.endpoint:Endpoint._get_response": Sending(sending),
        # It is called twice for an answer; the second time, the body has its ear or has been read.
        "botocore.endpoint:convert_to_response_dict": Answered(answering(lambda response: (response, "raw"))),
    },
    captures=(
        "Bedrock: converse, invoked models of every family, embeddings, reranking, token counts, all streams",
        "guardrails applied",
        "agents and inline agents with their traces, knowledge bases asked and answered from",
    ),
    verified=("recorded answers of real providers", "local model server"),
)
