"""Every public method of a client that goes over the network is traced, or excluded by name with a reason."""

from __future__ import annotations

import importlib.metadata
import io
from collections.abc import Iterable
from itertools import chain
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse

from docs.generate import locked
from llmtrace.testing.captured import capture
from tests.integrations.conformance.clients import connect
from tests.integrations.conformance.network import Answer, Network, http_of
from tests.integrations.surfaces import Surface, matches

REFUSAL = Answer(400, {"content-type": "application/json"}, b'{"error": {"message": "nobody is here"}}')
ACCOUNT = "administers an account: no model is asked"
STORED = "keeps or reads what is stored with the provider: no model is asked"
JOB = "a job that runs with the provider for long, and says nothing of what it used"
AGENT = (
    "an agent that runs with the provider: no request of the app is its model call, and no answer says what one used"
)
SOCKET = "a session over a websocket, or setting one up: no request in it is answered by itself"
WRAPS = "makes its calls through methods that are traced"
LOCAL = "sends nothing"


def reasons(*groups: tuple[str, str]) -> dict[str, str]:
    """The exclusions of each group, whose names are separated by spaces, with the group's reason."""
    return {name: reason for reason, names in groups for name in names.split()}


def stainless(package: str, kind: str, excluded: dict[str, str], given: dict[str, Any]) -> Surface:
    """The resources of a client made by the Stainless generator; its own `get` and `post` say nothing by themselves."""

    def resource(value: Any) -> bool:
        return type(value).__module__.startswith(f"{package}.resources") and hasattr(value, "_client")

    def client() -> Any:
        network = Network(http_of(package), REFUSAL)
        made = connect(kind, network, asynchronous=False, base_url="http://127.0.0.1:9/v1")
        held = {name: getattr(made, name) for name in dir(type(made)) if not name.startswith(("_", "with_"))}
        return SimpleNamespace(**{name: value for name, value in held.items() if resource(value)})

    return Surface(package, client, resource, excluded, given)


def aws(service: str, *groups: tuple[str, str]) -> Surface:
    """The operations of an AWS service, as boto3 knows it; each is refused as the service would."""

    def made() -> Any:
        client = boto3.client(service, "us-east-1", aws_access_key_id="fake", aws_secret_access_key="fake")
        client.meta.events.register("before-send", lambda **_: AWSResponse("http://127.0.0.1:9", 400, {}, io.BytesIO()))
        return client

    def client() -> Any:
        calling = made()
        return SimpleNamespace(
            **{name: getattr(calling, name) for name in calling.meta.method_to_api_mapping if name in offered}
        )

    methods = made().meta.method_to_api_mapping
    offered = dir(made())  # what needs HTTP/2 is in the model, and not among the client's methods
    model = made().meta.service_model
    given = {method: filled(model.operation_model(name).input_shape) for method, name in methods.items()}
    excluded = {xform_name(name): reason for name, reason in reasons(*groups).items()}
    return Surface("boto3", client, lambda _: False, excluded, given)


def filled(shape: Any) -> Any:
    """The least that an operation takes: what it requires, and of that what is of the right type and length."""
    if shape is None or shape.type_name == "structure":
        members = shape.members if shape else {}
        return {name: filled(members[name]) for name in (shape.required_members if shape else ())}
    least = max(1, shape.metadata.get("min", 1))
    match shape.type_name:
        case "list":
            return [filled(shape.member)] * least
        case "map":
            return {}
        case "string":
            return (shape.enum or ["x" * least])[0]
        case _:
            return {"integer": 1, "long": 1, "float": 1.0, "boolean": True, "timestamp": 0}.get(shape.type_name, b"x")


RESOURCE = "keeps sessions, tags and documents with the provider: no model is asked"
FLOW = "a flow that runs with the provider: which models it asks, no answer says"
UNKNOWN = "no answer of a provider is at hand that would show what it says of a model and of usage"
BEDROCK = [
    aws(
        "bedrock-runtime",
        (JOB, "GetAsyncInvoke ListAsyncInvokes StartAsyncInvoke"),
        (UNKNOWN, "InvokeGuardrailChecks"),
    ),
    aws(
        "bedrock-agent-runtime",
        (
            RESOURCE,
            "CheckIngestedDocumentAcl CreateInvocation CreateSession DeleteAgentMemory DeleteSession EndSession",
        ),
        (RESOURCE, "GetAgentMemory GetDocumentContent GetIngestedDocumentAcl GetInvocationStep GetSession"),
        (
            RESOURCE,
            "ListInvocationSteps ListInvocations ListSessions ListTagsForResource PutInvocationStep TagResource",
        ),
        (RESOURCE, "UntagResource UpdateSession"),
        (FLOW, "GetExecutionFlowSnapshot GetFlowExecution InvokeFlow ListFlowExecutionEvents ListFlowExecutions"),
        (FLOW, "StartFlowExecution StopFlowExecution"),
        (UNKNOWN, "AgenticRetrieveStream GenerateQuery OptimizePrompt"),
    ),
]
OPENAI = reasons(
    (ACCOUNT, "admin. models. safety. webhooks."),
    (STORED, "audio.voice_consents. audio.voices. batches.list containers. conversations. files. skills. uploads."),
    (STORED, "chat.completions.delete chat.completions.list chat.completions.messages."),
    (STORED, "chat.completions.retrieve chat.completions.update"),
    (STORED, "beta.chat.completions.delete beta.chat.completions.list beta.chat.completions.messages."),
    (STORED, "beta.chat.completions.retrieve beta.chat.completions.update"),
    (STORED, "responses.delete responses.input_items. beta.responses.delete beta.responses.input_items."),
    (STORED, "vector_stores.create vector_stores.delete vector_stores.file_batches. vector_stores.files."),
    (STORED, "vector_stores.list vector_stores.retrieve vector_stores.update"),
    (JOB, "evals. fine_tuning. videos."),
    (AGENT, "beta.agents. beta.assistants. beta.chatkit. beta.threads."),
    (SOCKET, "beta.realtime. live. realtime. responses.connect beta.responses.connect"),
    (
        "searches files that are kept with the provider; what is found is seen when a model gets it",
        "vector_stores.search",
    ),
    ("asks whether a picture is generated; no model is named", "content_provenance_checks.create"),
)
ANTHROPIC = reasons(
    (ACCOUNT, "models. organization. user_profiles. beta.models. beta.organization. beta.tunnels."),
    (ACCOUNT, "beta.user_profiles. beta.vaults. beta.webhooks."),
    (STORED, "files. skills. beta.files. beta.memory_stores. beta.skills."),
    (STORED, "messages.batches.delete messages.batches.list"),
    (STORED, "beta.messages.batches.delete beta.messages.batches.list"),
    (AGENT, "beta.agents. beta.deployments. beta.deployment_runs. beta.environments. beta.sessions."),
    (JOB, "beta.dreams."),
    (WRAPS, "beta.messages.thread beta.messages.tool_runner"),
)
SURFACES = [
    stainless(
        "openai", "OpenAI", OPENAI, {"responses.stream": {"input": "x", "model": "x"}, "images.edit": {"image": b"x"}}
    ),
    stainless("anthropic", "Anthropic", ANTHROPIC, {}),
    *BEDROCK,
]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a method that will be dropped is still one
every_surface = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.library)


def traced(surface: Surface, paths: Iterable[str]) -> set[str]:
    """Those of the methods that give a span."""
    found = set()
    with capture() as captured:
        for path in paths:
            captured.clear()
            surface.call(path)
            found |= {path} if captured.spans else set()
    return found


@every_surface
def test_every_method_is_traced_or_excluded_by_name(surface: Surface):
    pytest.importorskip(surface.library, reason=f"not applicable: {surface.library} is tested in another environment")
    paths = [path for path in surface.paths() if not any(matches(path, name) for name in surface.excluded)]
    assert paths
    assert sorted({*paths} - traced(surface, paths)) == []


@every_surface
def test_no_exclusion_is_stale(surface: Surface):
    pytest.importorskip(surface.library, reason=f"not applicable: {surface.library} is tested in another environment")
    if importlib.metadata.version(surface.library) != locked(surface.library, "newest"):
        pytest.skip("not applicable: what is excluded is compared with the newest version")
    named = {name: [path for path in surface.paths() if matches(path, name)] for name in surface.excluded}
    assert not [name for name, paths in named.items() if not paths]
    assert sorted(traced(surface, chain(*named.values()))) == []
