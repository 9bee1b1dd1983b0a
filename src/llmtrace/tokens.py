"""Counts tokens where a provider reported none, with tiktoken's tables as far as they lie on this machine.

An estimate is never as good as the provider's count. It is the text's tokens and what the chat format is known to add:
`_PER_MESSAGE` for each message and `_PER_ANSWER` for the opening of the answer. Tool calls, tool results and tool
definitions count as their JSON, which is not how a model is shown them. Input that holds images, audio or files is not
counted, because their size can't be told from here; neither is reasoning that a model keeps to itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

from llmtrace.facts.records import (
    Inference,
    Json,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResponsePart,
)

if TYPE_CHECKING:
    from tiktoken import Encoding  # loading it would cost every app what only a call without usage needs

_PER_MESSAGE = 3
_PER_ANSWER = 3
_LONGEST = 1_000_000
"""Characters that are counted at the most: longer text would keep the worker busy for seconds."""


def estimate(record: Inference, tables: Path | None) -> None:
    """Fills in the counts of a call that answered in text and reported none, and marks them as estimated.

    `tables` is the folder where tiktoken keeps its tables. Nothing is downloaded: without the table of the model's
    encoding, and for models that tiktoken does not know, the counts stay absent.
    """
    usage = record.usage
    reported = usage.input_tokens is not None or usage.output_tokens is not None
    answer = "".join(_text(part) or "" for message in record.output_messages for part in message.parts)
    if reported or not answer or tables is None or record.operation not in ("chat", "text_completion"):
        return
    prompt = _prompt(record)
    encoding = _encoding_of(record.response_model, tables) or _encoding_of(record.request_model, tables)
    if encoding is None or len(answer) + sum(map(len, prompt or ())) > _LONGEST:
        return
    usage.output_tokens = len(encoding.encode_ordinary(answer))
    if prompt is not None:
        usage.input_tokens = sum(len(encoding.encode_ordinary(text)) for text in prompt) + _overhead(record)
    usage.source = "estimated"


def _prompt(record: Inference) -> list[str] | None:
    """The texts that were sent; None where something among them is no text."""
    spoken = [Message("system", record.system_instructions)] if record.system_instructions else []
    texts = [_text(part) for message in spoken + record.input_messages for part in message.parts]
    if not texts or None in texts:
        return None
    chat = record.operation != "text_completion"
    roles = [message.role for message in spoken + record.input_messages] if chat else []
    offers = [_json([tool.name, tool.description, tool.parameters]) for tool in record.tool_definitions]
    return [text for text in texts if text is not None] + roles + offers


def _overhead(record: Inference) -> int:
    if record.operation == "text_completion":
        return 0
    messages = len(record.input_messages) + bool(record.system_instructions)
    return messages * _PER_MESSAGE + _PER_ANSWER


def _text(part: Part) -> str | None:
    match part:
        case TextPart() | ReasoningPart():
            return part.content
        case ToolCallPart():
            return part.name + _json(part.arguments)
        case ToolResponsePart():
            return _json(part.response)
        case _:
            return None


def _json(value: Json) -> str:
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    )


def _encoding_of(model: str | None, tables: Path) -> Encoding | None:
    from tiktoken.model import encoding_name_for_model  # noqa: PLC0415 - as at the top

    try:
        return _encoding(encoding_name_for_model(model or ""), tables)
    except (KeyError, OSError):  # a model of somebody else's, or no table
        return None


@lru_cache(maxsize=4)
def _encoding(name: str, tables: Path) -> Encoding:
    """The encoding from its table in the folder; FileNotFoundError where the table is absent or damaged.

    tiktoken's own `get_encoding` would download the table. So its constructors run here over a loader that only reads.
    """
    from tiktoken import Encoding  # noqa: PLC0415 - as at the top

    public = import_module("tiktoken_ext.openai_public")

    def load(url: str, expected_hash: str | None = None) -> dict[bytes, int]:
        # tiktoken names a cached file by its address: https://github.com/openai/tiktoken/blob/0.14.0/tiktoken/load.py
        table = (tables / hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()).read_bytes()
        if hashlib.sha256(table).hexdigest() != expected_hash:
            raise FileNotFoundError(url)
        pairs = (line.split() for line in table.splitlines() if line)
        return {base64.b64decode(token): int(rank) for token, rank in pairs}

    def load_pair(**_: str) -> dict[bytes, int]:
        raise FileNotFoundError("GPT-2's table comes in two files of another form, and no API serves GPT-2")

    world = {**vars(public), "load_tiktoken_bpe": load, "data_gym_to_mergeable_bpe_ranks": load_pair}
    for builder in public.ENCODING_CONSTRUCTORS.values():  # one may build upon another
        world[builder.__name__] = FunctionType(builder.__code__, world)
    return Encoding(**world[public.ENCODING_CONSTRUCTORS[name].__name__]())
