"""What an app says of the step it is in: the model, its messages and usage, documents, metadata, chunks of a stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from llmtrace.content.snapshot import snapshot
from llmtrace.engine.call import current_call
from llmtrace.facts.records import Document, Message, ToolDefinition

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from llmtrace.engine.call import Call

MessageLike = str | Mapping[str, Any] | Message
DocumentLike = str | Mapping[str, Any] | Document | tuple[Any, float]
ToolLike = str | Mapping[str, Any] | ToolDefinition


class Parameters(TypedDict, total=False):
    """What a model can be asked for besides the messages, by the conventions' names."""

    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    seed: int
    frequency_penalty: float
    presence_penalty: float
    stop_sequences: Sequence[str]
    reasoning_level: str
    choice_count: int
    output_type: str
    stream: bool


class Current:
    """The step that this code runs in. Where nothing is traced, every method does nothing.

    What is said here wins over what was read from the function's arguments and result. Each method but `metadata` and
    `chunk` may be called again and replaces what it said before.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Call | None) -> None:
        self._call = call

    @property
    def handle(self) -> str | None:
        """A short text that names this call, for `llmtrace.feedback` later; None where nothing is traced."""
        if self._call is None:
            return None
        context = self._call.span.get_span_context()
        return f"{context.trace_id:032x}-{context.span_id:016x}"

    def input(self, value: Any) -> None:
        """What the step was given."""
        self._say("input", value)

    def output(self, value: Any) -> None:
        """What the step gave."""
        self._say("output", value)

    def model(self, name: str, *, provider: str | None = None) -> None:
        """The model that is asked, and who provides it (`openai`, `aws.bedrock`, a name of your own)."""
        self._say("request_model", name)
        if provider is not None:
            self._say("provider", provider)

    def server(self, address: str, port: int | None = None) -> None:
        """Where the model, the index or the tool is asked: a host's name, and its port."""
        self._say("server_address", address)
        if port is not None:
            self._say("server_port", port)

    def parameters(self, **given: Unpack[Parameters]) -> None:
        """What the model was asked for besides the messages: `max_tokens`, `temperature` and so on."""
        for name, value in given.items():
            self._say(name, value)

    def messages(
        self,
        input: MessageLike | Sequence[MessageLike] | None = None,  # noqa: A002 - the conventions' word
        output: MessageLike | Sequence[MessageLike] | None = None,
        *,
        system: str | None = None,
    ) -> None:
        """What was sent to the model, what came back (one message per choice), and instructions given apart from it."""
        for name, value in (("input_messages", input), ("output_messages", output), ("system_instructions", system)):
            if value is not None:
                self._say(name, value)

    def usage(
        self,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read: int | None = None,
        cache_write: int | None = None,
        reasoning: int | None = None,
    ) -> None:
        """Token counts as the provider reports them; the input includes cached tokens, the output reasoning."""
        given = {
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cache_read": cache_read,
            "cache_write": cache_write,
            "reasoning": reasoning,
        }
        self._say("usage", {name: count for name, count in given.items() if count is not None})

    def documents(self, documents: Sequence[DocumentLike], *, top_k: int | None = None) -> None:
        """What a retrieval or rerank returned, in its order."""
        self._say("documents", list(documents))
        if top_k is not None:
            self._say("top_k", top_k)

    def tools(self, tools: Sequence[ToolLike]) -> None:
        """The tools that were offered to the model."""
        self._say("tool_definitions", list(tools))

    def response(self, *, id: str | None = None, model: str | None = None) -> None:  # noqa: A002 - the conventions' word
        """The provider's id of its answer, and the model that answered."""
        for name, value in (("response_id", id), ("response_model", model)):
            if value is not None:
                self._say(name, value)

    def finish(self, *reasons: str) -> None:
        """Why the model stopped, one reason per choice: `stop`, `length`, `content_filter`, `tool_calls`, your own."""
        self._say("finish_reasons", list(reasons))

    def tool_call(self, call_id: str) -> None:
        """The model's own id of the request for this tool call."""
        self._say("call_id", call_id)

    def metadata(self, **values: Any) -> None:
        """Attributes of this step alone; `llmtrace.metadata(...)` reaches what is below, too."""
        if self._call is not None:
            with self._call.guard:
                self._call.note().setdefault("metadata", {}).update(snapshot(values))

    def chunk(self, text: str) -> None:
        """A piece of a streamed answer came: the first one is the time to first chunk, all of them are the answer."""
        if self._call is not None:
            with self._call.guard:
                self._call.hear(text)

    def _say(self, name: str, value: Any) -> None:
        if self._call is not None:
            with self._call.guard:
                self._call.note()[name] = snapshot(value)


def current() -> Current:
    """The step this code runs in: the function that was decorated, or the block."""
    call = current_call()
    return Current(call if call is not None and call.pending else None)
