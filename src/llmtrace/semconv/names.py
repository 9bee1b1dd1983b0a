"""The table of every attribute llmtrace can emit: its key, its type, where it comes from and what it was called before.

A convention that moves is one row here. `core` as origin means the attribute was in the core conventions up to 1.41;
`#n` names the change of the GenAI conventions that brought it; `llmtrace` is our own namespace, which holds only what
the conventions have no name for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from llmtrace.semconv.values import Type, text

Names: TypeAlias = Literal["both", "latest", "legacy"]
"""Which names are written where a convention was renamed: the current one, the older one, or (on spans) both."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row. `formerly` is the older key, `older_values` the older spellings; `content` is what capture switches."""

    key: str
    type: Type
    origin: str
    meaning: str
    formerly: str | None = None
    older_values: Mapping[str, str] = field(default_factory=dict)
    content: bool = False

    def of(self, name: str) -> Attribute:
        """The attribute of that name, of a row whose key ends in a placeholder (`llmtrace.metadata.<key>`)."""
        return replace(self, key=self.key.partition("<")[0] + text(name))


Pairs: TypeAlias = Iterator[tuple[Attribute, Any]]
"""Attributes with their values as the facts hold them; None where the fact is absent."""

STEP = "step"
EVALUATE = "evaluate"
STORE = "store"
MCP = "mcp"
UNNAMED = (STEP, EVALUATE, STORE, MCP)
"""The operations of a plain step, of feedback and of a request to a store or of MCP that runs no tool. The GenAI
conventions have none for them, so no span says it: names do."""

_rows: list[Attribute] = []


def _row(
    key: str,
    kind: Type,
    origin: str,
    meaning: str,
    *,
    formerly: str | None = None,
    older_values: Mapping[str, str] | None = None,
    content: bool = False,
) -> Attribute:
    row = Attribute(key, kind, origin, meaning, formerly, older_values or {}, content)
    _rows.append(row)
    return row


def _own(key: str, kind: Type, meaning: str, *, content: bool = False) -> Attribute:
    return _row(key, kind, "llmtrace", meaning, content=content)


OPERATION_NAME = _row("gen_ai.operation.name", "string", "core", "What is done; absent on a plain step of the app")
PROVIDER_NAME = _row(
    "gen_ai.provider.name",
    "string",
    "core",
    "Whose model it is",
    formerly="gen_ai.system",
    older_values={
        "azure.ai.inference": "az.ai.inference",
        "azure.ai.openai": "az.ai.openai",
        "gcp.vertex_ai": "vertex_ai",
        "gcp.gemini": "gemini",
        "x_ai": "xai",
    },
)
ERROR_TYPE = _row("error.type", "string", "core", "Why the call failed; only together with the status ERROR")
SERVER_ADDRESS = _row("server.address", "string", "core", "The host the client sent to")
SERVER_PORT = _row("server.port", "int", "core", "Its port")
CONVERSATION_ID = _row(
    "gen_ai.conversation.id", "string", "core", "The conversation, as the app or the library knows it"
)
CONVERSATION_COMPACTED = _row(
    "gen_ai.conversation.compacted", "boolean", "#162", "History was summarised; only ever true"
)
USER_ID = _row("user.id", "string", "core", "The app's user, as the app named it")
OUTPUT_TYPE = _row("gen_ai.output.type", "string", "core", "The kind of output asked for")

REQUEST_MODEL = _row("gen_ai.request.model", "string", "core", "The model asked for")
REQUEST_STREAM = _row(
    "gen_ai.request.stream", "boolean", "core", "The answer was asked for as a stream; only ever true"
)
CHOICE_COUNT = _row("gen_ai.request.choice.count", "int", "core", "How many choices were asked for, where not 1")
SEED = _row("gen_ai.request.seed", "int", "core", "The seed")
MAX_TOKENS = _row("gen_ai.request.max_tokens", "int", "core", "The most output tokens allowed")
TEMPERATURE = _row("gen_ai.request.temperature", "double", "core", "The temperature")
TOP_P = _row("gen_ai.request.top_p", "double", "core", "The share of probability sampled from")
TOP_K = _row("gen_ai.request.top_k", "int", "#217", "How many tokens are sampled from")
FREQUENCY_PENALTY = _row("gen_ai.request.frequency_penalty", "double", "core", "The frequency penalty")
PRESENCE_PENALTY = _row("gen_ai.request.presence_penalty", "double", "core", "The presence penalty")
STOP_SEQUENCES = _row("gen_ai.request.stop_sequences", "string[]", "core", "Texts that end the output")
ENCODING_FORMATS = _row("gen_ai.request.encoding_formats", "string[]", "core", "How vectors are encoded in the answer")
REASONING_LEVEL = _row(
    "gen_ai.request.reasoning.level", "string", "#258", "The reasoning effort asked for, as it was sent"
)
PREVIOUS_RESPONSE = _row("gen_ai.request.previous_response.id", "string", "#372", "The answer that this call continues")
STREAM_CURSOR = _row("gen_ai.request.stream_cursor", "string", "#353", "Where a stream fetched again resumes")

RESPONSE_ID = _row("gen_ai.response.id", "string", "core", "The provider's id of the answer")
RESPONSE_MODEL = _row("gen_ai.response.model", "string", "core", "The model that answered")
RESPONSE_STATUS = _row(
    "gen_ai.response.status", "string", "#353", "The state of the answer or batch, as the provider says"
)
FINISH_REASONS = _row("gen_ai.response.finish_reasons", "string[]", "core", "Why each choice ended, in choice order")
FIRST_CHUNK = _row("gen_ai.response.time_to_first_chunk", "double", "core", "Seconds from the call to the first chunk")

INPUT_TOKENS = _row("gen_ai.usage.input_tokens", "int", "core", "All input tokens, cached ones included")
OUTPUT_TOKENS = _row("gen_ai.usage.output_tokens", "int", "core", "All output tokens, reasoning included")
CACHE_READ = _row("gen_ai.usage.cache_read.input_tokens", "int", "core", "Input tokens read from the provider's cache")
CACHE_WRITE = _row(
    "gen_ai.usage.cache_write.input_tokens",
    "int",
    "#440",
    "Input tokens written to the provider's cache",
    formerly="gen_ai.usage.cache_creation.input_tokens",
)
REASONING_TOKENS = _row("gen_ai.usage.reasoning.output_tokens", "int", "core", "Output tokens spent on reasoning")

MODALITIES = ("text", "image", "audio")
"""The modalities that the conventions have usage attributes for."""
INPUT_BY_MODALITY = {
    kind: _row(f"gen_ai.usage.{kind}.input_tokens", "int", "#440", f"Input tokens that were {kind}")
    for kind in MODALITIES
}
OUTPUT_BY_MODALITY = {
    kind: _row(f"gen_ai.usage.{kind}.output_tokens", "int", "#440", f"Output tokens that were {kind}")
    for kind in MODALITIES
}
CACHE_READ_BY_MODALITY = {
    kind: _row(f"gen_ai.usage.{kind}.cache_read.input_tokens", "int", "#440", f"Cached input tokens that were {kind}")
    for kind in MODALITIES
}

SYSTEM_INSTRUCTIONS = _row(
    "gen_ai.system_instructions", "json", "core", "Instructions sent apart from the messages", content=True
)
INPUT_MESSAGES = _row("gen_ai.input.messages", "json", "core", "The messages sent", content=True)
OUTPUT_MESSAGES = _row("gen_ai.output.messages", "json", "core", "The answer, one message per choice", content=True)
TOOL_DEFINITIONS = _row("gen_ai.tool.definitions", "json", "core", "The tools offered to the model", content=True)

TOOL_NAME = _row("gen_ai.tool.name", "string", "core", "The tool that ran")
TOOL_TYPE = _row("gen_ai.tool.type", "string", "core", "`function`, `extension` or `datastore`")
TOOL_CALL_ID = _row("gen_ai.tool.call.id", "string", "core", "The model's id of its request for the tool")
TOOL_DESCRIPTION = _row("gen_ai.tool.description", "string", "core", "What the tool says it does", content=True)
TOOL_ARGUMENTS = _row("gen_ai.tool.call.arguments", "json", "core", "The arguments, always an object", content=True)
TOOL_RESULT = _row("gen_ai.tool.call.result", "json", "core", "The result, always an object", content=True)
AGENT_NAME = _row("gen_ai.agent.name", "string", "core", "The agent that runs, or that runs the tool")
AGENT_ID = _row("gen_ai.agent.id", "string", "core", "The id of an agent that a service hosts")
AGENT_VERSION = _row("gen_ai.agent.version", "string", "core", "The version of an agent that a service hosts")
AGENT_DESCRIPTION = _row("gen_ai.agent.description", "string", "core", "What the agent says it does", content=True)
WORKFLOW_NAME = _row("gen_ai.workflow.name", "string", "core", "The app's name of the workflow")
DATA_SOURCE_ID = _row("gen_ai.data_source.id", "string", "core", "The data source asked")
KNOWLEDGE_BASE_ID = _row("aws.bedrock.knowledge_base.id", "string", "core", "The knowledge base asked, on Bedrock")
GUARDRAIL_ID = _row("aws.bedrock.guardrail.id", "string", "core", "The guardrail applied, on Bedrock")
RETRIEVAL_TOP_K = _row("gen_ai.retrieval.top_k", "int", "#217", "How many documents were asked for")
RETRIEVAL_QUERY = _row("gen_ai.retrieval.query.text", "string", "core", "The query", content=True)
DOCUMENTS = _row(
    "gen_ai.retrieval.documents", "json", "core", "The documents returned, in the store's order", content=True
)
DIMENSION_COUNT = _row("gen_ai.embeddings.dimension.count", "int", "core", "The size of a vector")

DB_SYSTEM = _row("db.system.name", "string", "core", "The store that was asked")
DB_NAMESPACE = _row("db.namespace", "string", "core", "The database, or tenant and database, joined by `|`")
DB_COLLECTION = _row("db.collection.name", "string", "core", "The collection or table, as the app wrote it")
DB_OPERATION = _row("db.operation.name", "string", "core", "What was asked of the store, in its client's own word")
DB_BATCH_SIZE = _row("db.operation.batch.size", "int", "core", "How many calls travelled as one, where not one")
DB_QUERY_TEXT = _row("db.query.text", "string", "core", "The statement, without its parameters", content=True)
DB_RETURNED_ROWS = _row("db.response.returned_rows", "int", "core", "How many points, documents or rows came back")
DB_STATUS = _row("db.response.status_code", "string", "core", "The store's own code of the failure")

MCP_METHOD = _row("mcp.method.name", "string", "core", "What is asked, in the protocol's word: `tools/call`")
MCP_SESSION = _row("mcp.session.id", "string", "core", "The session, as the server calls it")
MCP_VERSION = _row("mcp.protocol.version", "string", "core", "The protocol's version that the two sides agreed on")
MCP_RESOURCE = _row("mcp.resource.uri", "string", "core", "The resource that the request is about")
RPC_ID = _row("jsonrpc.request.id", "string", "core", "The request's id, as text")
RPC_STATUS = _row("rpc.response.status_code", "string", "core", "The code of the error that was answered, as text")
NETWORK_TRANSPORT = _row("network.transport", "string", "core", "`pipe` to a process of its own, `tcp` over a network")
NETWORK_PROTOCOL = _row("network.protocol.name", "string", "core", "`http`, where that is what the messages travel by")
CLIENT_ADDRESS = _row("client.address", "string", "core", "The host that a served request came from")
CLIENT_PORT = _row("client.port", "int", "core", "Its port")

OPENAI_API_TYPE = _row("openai.api.type", "string", "core", "`chat_completions` or `responses`")
OPENAI_REQUEST_TIER = _row("openai.request.service_tier", "string", "core", "The tier asked for, where not `auto`")
OPENAI_RESPONSE_TIER = _row("openai.response.service_tier", "string", "core", "The tier that served the call")
OPENAI_FINGERPRINT = _row(
    "openai.response.system_fingerprint", "string", "core", "The backend configuration that answered"
)

PROMPT_NAME = _row("gen_ai.prompt.name", "string", "core", "The prompt template's name")
PROMPT_VERSION = _row("gen_ai.prompt.version", "string", "#179", "The prompt template's version")
PROMPT_VARIABLE = _row(
    "gen_ai.prompt.variable.<key>", "string", "#179", "What the template was filled in with", content=True
)
EVALUATION_NAME = _row("gen_ai.evaluation.name", "string", "core", "What was judged")
EVALUATION_VALUE = _row("gen_ai.evaluation.score.value", "double", "core", "The score, where it is a number")
EVALUATION_LABEL = _row("gen_ai.evaluation.score.label", "string", "core", "The score, where it is a word")
EVALUATION_EXPLANATION = _row("gen_ai.evaluation.explanation", "string", "core", "Why, in free text", content=True)

PROMPT_HASH = _own("llmtrace.prompt.template_hash", "string", "SHA-256 of the prompt template's text, in hex")
METADATA = _own("llmtrace.metadata.<key>", "any", "The app's own metadata, typed; nested values as JSON text")
METADATA_REST = _own("llmtrace.metadata", "json", "Metadata beyond the first 32 keys, as one JSON object")
TAGS = _own("llmtrace.tags", "string[]", "The app's tags")
STEP_NAME = _own("llmtrace.step.name", "string", "The app's name of this step or retrieval")
STEP_PATH = _own("llmtrace.step.path", "string", "The enclosing steps, outermost first, joined by `/`")
STEP_INDEX = _own("llmtrace.step.index", "int", "The place of the inmost step among its siblings, from 0")
STEP_ITERATION = _own("llmtrace.step.iteration", "int", "Its place among siblings of the same name, from 0")
STEP_KIND = _own("llmtrace.step.kind", "string", "`chain` or `guardrail`; absent on a plain step")
INPUT = _own("llmtrace.input", "any", "What a step, agent or embedding was given", content=True)
OUTPUT = _own("llmtrace.output", "any", "What a step, agent or provider request gave back", content=True)
DOCUMENT_COUNT = _own("llmtrace.document_count", "int", "Documents returned, or given to a reranker")
VECTOR_COUNT = _own("llmtrace.vector_count", "int", "Vectors returned by a model, or sent to a store")
RETRIEVAL_FILTER = _own("llmtrace.retrieval.filter", "json", "What the documents had to meet", content=True)
RETRIEVAL_DISTANCE = _own("llmtrace.retrieval.distance", "string", "How vectors were compared, where the query says it")
ITEM_COUNT = _own("llmtrace.store.item_count", "int", "Points, documents or rows sent to a store")
TEXT_LENGTH = _own("llmtrace.store.text_length", "int", "Characters of the texts among them")
COUNTS = _own("llmtrace.count.<name>", "int", "A number the provider answered: tokens counted, requests in a batch")
COST_TOTAL = _own("llmtrace.cost.total", "double", "What the call cost; absent where no price is known")
COST_INPUT = _own("llmtrace.cost.input", "double", "The input's share of the cost")
COST_OUTPUT = _own("llmtrace.cost.output", "double", "The output's share of the cost")
COST_CURRENCY = _own("llmtrace.cost.currency", "string", "The currency of the cost")
COST_SOURCE = _own("llmtrace.cost.source", "string", "The price table and its version")
USAGE_SOURCE = _own("llmtrace.usage.source", "string", "`estimated` where llmtrace counted the tokens itself")
CACHE_WRITE_1H = _own(
    "llmtrace.usage.cache_write_1h.input_tokens", "int", "The part of the cache writes kept for an hour"
)
UNITS = _own("llmtrace.usage.units.<unit>", "int", "What is billed but is no token, such as `web_search`")
INFERRED = _own("llmtrace.inferred", "boolean", "Known from the model calls before and after alone; only ever true")
OUTCOME = _own("llmtrace.outcome", "string", "`cancelled`, `abandoned`, `interrupted` or `timed_out`; absent otherwise")
ATTEMPTS = _own("llmtrace.attempts", "int", "Requests that the library sent for this call, where more than one")
STREAM_COMPLETE = _own("llmtrace.stream.complete", "boolean", "The stream's end marker never came; only ever false")
CONTENT_DROPPED = _own("llmtrace.content.dropped", "string", "Why content was left out, where nobody asked for that")
REQUEST_ID = _own("llmtrace.response.request_id", "string", "The provider's id of the HTTP request")
API_TYPE = _own("llmtrace.api.type", "string", "Which of the provider's APIs, where the provider is not OpenAI")
REQUEST_TIER = _own("llmtrace.request.service_tier", "string", "As `openai.request.service_tier`, of others")
RESPONSE_TIER = _own("llmtrace.response.service_tier", "string", "As `openai.response.service_tier`, of others")
FINGERPRINT = _own(
    "llmtrace.response.system_fingerprint", "string", "As `openai.response.system_fingerprint`, elsewhere"
)

ATTRIBUTES: tuple[Attribute, ...] = tuple(_rows)
"""Every row, in the order of the reference page."""
