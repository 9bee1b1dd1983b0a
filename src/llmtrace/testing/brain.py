"""What the local model server says when no script says otherwise: an echo with a brain, and the same in every run."""

from __future__ import annotations

import json
import re

from llmtrace.facts.records import Json
from llmtrace.facts.shape import decoded
from llmtrace.testing.answers import Answer, OfferedTool, ToolUse, Turn
from llmtrace.testing.schema import instance

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_NOTE = re.compile(r"^\s*(?:[-*•]|\[?\d+[\].)])\s+(.+)$", re.MULTILINE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_QUERY_WANTED = re.compile(r"\b(?:search query|rewrite|keywords)\b", re.IGNORECASE)
_FILLER = frozenset(
    _WORD.findall(
        """about after again also and any are can could did does for from get has have hello how into its just much many
        not now of our please show tell that the their them then there these they thing this was were what when where
        which who why will with would you your"""
    )
)
_TOOL_FILLER = frozenset({"call", "check", "fetch", "find", "list", "lookup", "look", "make", "run", "search"})
_SINGULAR = ("ss", "us", "is")
_SHORTEST = 3


def reply(turn: Turn) -> Answer:
    """A tool call where a tool fits and has not run yet, else what its results or the notes say, else an echo."""
    thinking = _thinking(turn) if turn.thinks else ""
    calls = () if turn.results else _calls(turn)
    return Answer("" if calls else _text(turn), calls, thinking)


def _text(turn: Turn) -> str:
    if turn.schema is not None:
        return json.dumps(instance(turn.schema, turn.question), ensure_ascii=False)
    if _QUERY_WANTED.search(turn.instructions):
        return " ".join(dict.fromkeys(words(" ".join((*turn.earlier[-1:], turn.question))))) or turn.question
    said = [_told(result) for result in turn.results] or _notes(turn)
    return " ".join(said) or f"You said: “{turn.question}”. I have nothing to add to that, but I heard you."


def words(text: str) -> list[str]:
    """The words of the text that carry meaning, in lower case and without a plural's s."""
    found = [word.lower() for word in _WORD.findall(text)]
    return [_stem(word) for word in found if len(word) >= _SHORTEST and word not in _FILLER]


def _stem(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith(_SINGULAR) and len(word) > _SHORTEST else word


def _calls(turn: Turn) -> tuple[ToolUse, ...]:
    """One call for each tool that the question mentions by a word of its name, or the one that was demanded."""
    if turn.tool_choice == "none" or not turn.tools:
        return ()
    asked = set(words(turn.question))
    fitting = [tool for tool in turn.tools if _name_words(tool) & asked]
    if turn.tool_choice == "required":
        fitting = fitting or [turn.tools[0]]
    elif turn.tool_choice != "auto":
        fitting = [tool for tool in turn.tools if tool.name == turn.tool_choice]
    if not turn.parallel:
        fitting = fitting[:1]
    return tuple(ToolUse(tool.name, instance(tool.parameters, turn.question)) for tool in fitting)


def _name_words(tool: OfferedTool) -> set[str]:
    return set(words(_CAMEL.sub(" ", tool.name).replace("_", " "))) - _TOOL_FILLER


def _notes(turn: Turn) -> list[str]:
    """The one note among the instructions' list items that shares most words with the question."""
    asked = set(words(turn.question))
    notes = [(len(asked & set(words(note))), note) for note in _NOTE.findall(turn.instructions)]
    shared, note = max(notes, key=lambda pair: pair[0], default=(0, ""))
    return [note] if shared else []


def _told(result: str) -> str:
    """A tool's result as a sentence."""
    value: Json = decoded(result)
    if not isinstance(value, dict):
        return f"The answer is {value}."
    facts = [f"{name.replace('_', ' ')}: {part}" for name, part in value.items()]
    return f"Looked up: {', '.join(facts)}."


def _thinking(turn: Turn) -> str:
    subject = ", ".join(words(turn.question)) or "nothing in particular"
    return f"The user asks about {subject}. {'The results are in.' if turn.results else 'Let me see what I know.'}"
