"""What happened in one call, as plain slotted records that know neither OpenTelemetry nor a provider.

An integration fills these from a library's request and response; `semconv` spells them as attributes. A field
that the provider did not send stays None (or empty): absent is not zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

Json: TypeAlias = Any
"""What a JSON document holds: None, bool, int, float, str, or lists and dicts of these."""


@dataclass(slots=True)
class TextPart:
    """Text that was sent to or came from the model."""

    content: str


@dataclass(slots=True)
class ToolCallPart:
    """The model asks for a tool that the client runs; `arguments` is decoded JSON, or the raw string if it is none."""

    name: str
    id: str | None = None
    arguments: Json = None


@dataclass(slots=True)
class ToolResponsePart:
    """A tool's result that is sent back to the model; `id` names the call it answers."""

    response: Json
    id: str | None = None


@dataclass(slots=True)
class ServerToolCallPart:
    """A tool that the provider ran itself; `payload` is an object with a `type`."""

    name: str
    payload: dict[str, Json]
    id: str | None = None


@dataclass(slots=True)
class ServerToolResponsePart:
    """The outcome of a tool that the provider ran; `payload` is an object with a `type`."""

    payload: dict[str, Json]
    id: str | None = None


@dataclass(slots=True)
class ReasoningPart:
    """Readable thinking, or a summary of it."""

    content: str


@dataclass(slots=True)
class BlobPart:
    """Inline bytes, as base64 text. `modality` is `image`, `audio`, `video`, `document` or the provider's own word."""

    modality: str
    content: str
    mime_type: str | None = None


@dataclass(slots=True)
class FilePart:
    """A file that was uploaded to the provider before."""

    modality: str
    file_id: str
    mime_type: str | None = None


@dataclass(slots=True)
class UriPart:
    """A resource the provider fetches; never a `data:` URL, which is a `BlobPart`."""

    modality: str
    uri: str
    mime_type: str | None = None


@dataclass(slots=True)
class CompactionPart:
    """History that the provider summarised to make room."""

    id: str | None = None
    content: str | None = None


@dataclass(slots=True)
class GenericPart:
    """A block the conventions have no part for; `kind` is the provider's own type name."""

    kind: str
    data: dict[str, Json] = field(default_factory=dict)


Part: TypeAlias = (
    TextPart
    | ToolCallPart
    | ToolResponsePart
    | ServerToolCallPart
    | ServerToolResponsePart
    | ReasoningPart
    | BlobPart
    | FilePart
    | UriPart
    | CompactionPart
    | GenericPart
)


@dataclass(slots=True)
class Message:
    """One turn: `role` is `system`, `user`, `assistant`, `tool` or the provider's own word."""

    role: str
    parts: list[Part]
    name: str | None = None


@dataclass(slots=True)
class ToolDefinition:
    """A tool offered to the model; `type` is `function` or the provider's name of a tool it runs itself."""

    name: str
    type: str = "function"
    description: str | None = None
    parameters: Json = None


@dataclass(slots=True)
class Document:
    """A document that a retrieval returned; `score` is the store's own number, whatever it means there."""

    id: str | None = None
    score: float | None = None
    text: str | None = None
    metadata: dict[str, Json] | None = None


@dataclass(slots=True)
class Store:
    """The store that a call went to, and what was asked of it, in the conventions' words for databases.

    `operation` is the client's own word (`query_points`), or the statement's (`SELECT`). `batch_size` is how many calls
    travelled as one, where the call is such a batch. `statement` is the query in the store's own language, and content.
    `status` is the store's own code of a failure.
    """

    system: str
    operation: str
    collection: str | None = None
    namespace: str | None = None
    batch_size: int | None = None
    statement: str | None = None
    status: str | None = None


@dataclass(slots=True)
class McpRequest:
    """A request of the Model Context Protocol, in its own words (`tools/call`); `id` is that of JSON-RPC, as text.

    Of `tool_name`, `prompt_name` and `resource_uri` at most one says what it is about. `version` is the protocol's.
    `transport` is `pipe` or `tcp`; the peer of a served request is the client. `status` is JSON-RPC's code of an error.
    """

    method: str
    id: str | None = None
    tool_name: str | None = None
    prompt_name: str | None = None
    resource_uri: str | None = None
    session_id: str | None = None
    version: str | None = None
    transport: str | None = None
    client_address: str | None = None
    client_port: int | None = None
    status: str | None = None


@dataclass(slots=True)
class Usage:
    """Token counts in the conventions' accounting, whatever the provider's own.

    `input_tokens` is the total and includes cached ones; `output_tokens` is the total and includes reasoning. The
    other counts are subsets of these two. `*_by_modality` has the keys `text`, `image` and `audio`, where reported.
    `cache_write_1h` is the part of `cache_write` kept for an hour (it is priced differently). `units` counts what is
    billed but is no token, such as `web_search` requests. `source` is `provider`, or `estimated` if llmtrace counted.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    input_by_modality: dict[str, int] = field(default_factory=dict)
    output_by_modality: dict[str, int] = field(default_factory=dict)
    cache_read_by_modality: dict[str, int] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    source: str = "provider"


@dataclass(slots=True)
class Cost:
    """What a call cost, in `currency`; `source` names the price table and its version."""

    total: float
    input: float | None = None
    output: float | None = None
    currency: str = "USD"
    source: str = ""


@dataclass(slots=True)
class Failure:
    """Why a call failed: `type` is the provider's code or the exception's qualified name, low in cardinality."""

    type: str
    message: str = ""


@dataclass(slots=True)
class Course:
    """How a call went, as the engine saw it. Times are nanoseconds since the epoch, durations are seconds.

    `outcome` is `completed`, `failed`, `timed_out`, `cancelled` (by the app's task), `interrupted` (by a signal or an
    exit) or `abandoned` (a stream left before its end).
    `first_chunk` runs from the call's start; `chunk_gaps` are the times between chunks, from the second chunk on.
    `attempts` counts the requests that the library sent for this one call, retries included.
    """

    started: int
    ended: int
    outcome: str = "completed"
    failure: Failure | None = None
    streamed: bool = False
    first_chunk: float | None = None
    chunk_gaps: list[float] = field(default_factory=list)
    attempts: int = 1
    content_dropped: str | None = None
    """Why content was left out, where the app did not ask for that (`queue full`, `too large`)."""


@dataclass(slots=True)
class Prompt:
    """A prompt template: its name and version as the app's prompt management has them, and the hash of its text.

    `variables` are what the template was filled in with, as text; they are content.
    """

    name: str
    version: str | None = None
    template_hash: str | None = None
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the app said about everything that happens inside a block: it reaches every span below.

    `path` names the enclosing steps, outermost first; `index` is the inmost one's place among its siblings, from 0, and
    `iteration` its place among those of the same name, as in a loop. `prompt` is the template that the next model calls
    are made from.
    """

    conversation_id: str | None = None
    user_id: str | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    capture: str | None = None
    path: tuple[str, ...] = ()
    index: int | None = None
    iteration: int | None = None
    prompt: Prompt | None = None


@dataclass(slots=True, kw_only=True)
class Record:
    """What every kind of call has in common.

    `provider` is the conventions' name (`openai`, `aws.bedrock`); `server_address` and `server_port` are where the
    client sent the request. `failure` is an error that the answer itself holds; exceptions are the engine's.
    `complete` is None unless the call streamed: then it says whether the protocol's end marker arrived.
    `outcome` is how the call went, where the answer or the lack of one says so, and not what was raised.
    `request_id` is the provider's id of the HTTP request, for its support desk. `metadata` is what the app said of this
    one call.
    """

    bears_usage: ClassVar[bool] = False
    """Whether this kind of call is billed: of nested ones that see one physical call, only the inmost keeps usage."""

    operation: str
    provider: str | None = None
    request_model: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    conversation_id: str | None = None
    failure: Failure | None = None
    complete: bool | None = None
    outcome: str | None = None
    request_id: str | None = None
    metadata: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Inference(Record):
    """One call of a model: chat, text completion, or generated images, speech and transcripts.

    `operation` is `chat`, `text_completion`, `generate_content`, or `fetch_response` for an answer fetched later.
    `finish_reasons` has one entry per choice, in choice order, in the vocabulary `stop`, `length`, `content_filter`,
    `tool_calls`, `compaction`, `error`, else the provider's own word. `output_messages` has one message per choice.
    """

    bears_usage: ClassVar[bool] = True

    stream: bool = False
    api_type: str | None = None
    output_type: str | None = None
    choice_count: int | None = None
    seed: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop_sequences: list[str] = field(default_factory=list)
    reasoning_level: str | None = None
    previous_response_id: str | None = None
    stream_cursor: str | None = None
    request_service_tier: str | None = None
    guardrail_id: str | None = None

    prompt: Prompt | None = None
    system_instructions: list[Part] = field(default_factory=list)
    input_messages: list[Message] = field(default_factory=list)
    tool_definitions: list[ToolDefinition] = field(default_factory=list)

    response_id: str | None = None
    response_model: str | None = None
    response_status: str | None = None
    response_service_tier: str | None = None
    system_fingerprint: str | None = None
    finish_reasons: list[str] = field(default_factory=list)
    output_messages: list[Message] = field(default_factory=list)
    conversation_compacted: bool = False

    usage: Usage = field(default_factory=Usage)
    cost: Cost | None = None


@dataclass(slots=True, kw_only=True)
class Embedding(Record):
    """Texts turned into vectors. `dimension_count` is the size asked for, or else that of the first vector returned."""

    bears_usage: ClassVar[bool] = True

    operation: str = "embeddings"
    encoding_formats: list[str] = field(default_factory=list)
    dimension_count: int | None = None
    input_texts: list[str] = field(default_factory=list)
    vector_count: int | None = None
    response_model: str | None = None
    usage: Usage = field(default_factory=Usage)
    cost: Cost | None = None


@dataclass(slots=True, kw_only=True)
class Rerank(Record):
    """Documents put in order by relevance to a query; `documents` are the ones returned, best first."""

    bears_usage: ClassVar[bool] = True

    operation: str = "rerank"
    query: str | None = None
    top_k: int | None = None
    document_count: int | None = None
    documents: list[Document] = field(default_factory=list)
    response_model: str | None = None
    usage: Usage = field(default_factory=Usage)
    cost: Cost | None = None


@dataclass(slots=True, kw_only=True)
class ProviderRequest(Record):
    """A request to a model provider that infers nothing itself: tokens counted, content moderated, a batch managed.

    `input_messages` and `output` are content; `counts` are the provider's numbers, such as `input_tokens` counted or
    `requests` in a batch.
    """

    input_messages: list[Message] = field(default_factory=list)
    output: Json = None
    response_id: str | None = None
    response_model: str | None = None
    response_status: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    guardrail_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Retrieval(Record):
    """Documents fetched for a query. `documents` keep the store's order; their texts are content.

    `document_count` is how many came back, also where not all of them are in `documents`. A vector that was asked with
    is told by its `dimension_count`, and how vectors are compared by `distance`, where the request says it.
    """

    operation: str = "retrieval"
    name: str | None = None
    data_source_id: str | None = None
    query: Json = None
    top_k: int | None = None
    documents: list[Document] = field(default_factory=list)
    document_count: int | None = None
    filter: Json = None
    dimension_count: int | None = None
    distance: str | None = None
    store: Store | None = None


@dataclass(slots=True, kw_only=True)
class StoreCall(Record):
    """A request to a store that is no retrieval of its own: a write, a count, or the query below a retrieval.

    `item_count` is how many points, documents or rows were sent, `text_length` the characters of their texts, and
    `returned_count` how many came back.
    """

    operation: str = "store"
    store: Store | None = None
    filter: Json = None
    item_count: int | None = None
    text_length: int | None = None
    vector_count: int | None = None
    dimension_count: int | None = None
    returned_count: int | None = None


@dataclass(slots=True, kw_only=True)
class ToolCall(Record):
    """One execution of a tool by the app. `call_id` is the model's own id of the request for it, never invented.

    It is `inferred` where nobody saw it run: its times are then the end of the call that asked for it and the beginning
    of the one that brought its result.
    """

    operation: str = "execute_tool"
    name: str
    type: str = "function"
    description: str | None = None
    call_id: str | None = None
    agent_name: str | None = None
    arguments: Json = None
    result: Json = None
    inferred: bool = False


@dataclass(slots=True, kw_only=True)
class McpCall(Record):
    """One request of the Model Context Protocol: made, or (with `served`) answered.

    `operation` is `execute_tool` where this is the span that a tool's execution is counted by, else `mcp`.
    """

    operation: str = "mcp"
    mcp: McpRequest
    served: bool = False
    arguments: Json = None
    result: Json = None


@dataclass(slots=True, kw_only=True)
class AgentRun(Record):
    """One run of an agent; `input` and `output` are content.

    Only of an agent that a service hosts there are an `id` and a `version`, and a `usage`: all tokens of the run, whose
    model calls nobody else sees. `documents` are what its answer was made from.
    """

    operation: str = "invoke_agent"
    name: str | None = None
    description: str | None = None
    id: str | None = None
    version: str | None = None
    data_source_id: str | None = None
    input: Json = None
    output: Json = None
    documents: list[Document] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)


@dataclass(slots=True, kw_only=True)
class Evaluation(Record):
    """A judgement of another call: a number, or a word (`label`). `explanation` is content."""

    name: str
    value: float | None = None
    label: str | None = None
    explanation: str | None = None


@dataclass(slots=True, kw_only=True)
class Step(Record):
    """One step of the app's own chain. `operation` is `invoke_workflow` for a whole chain, `step` for a part of it.

    `kind` is `workflow`, `chain`, `step` or `guardrail`.
    """

    operation: str = "step"
    kind: str = "step"
    name: str
    input: Json = None
    output: Json = None
