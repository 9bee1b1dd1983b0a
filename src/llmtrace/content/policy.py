"""The one gate that content passes on its way into a span: stripped, or redacted, freed of bytes and cut to size."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

from llmtrace.content import blobs, fields
from llmtrace.content.limits import cut, fit
from llmtrace.content.patterns import hides
from llmtrace.content.redaction import Redactor
from llmtrace.content.render import render
from llmtrace.facts.records import BlobPart, Failure, Json, Record, Scope

MAX_VALUE_BYTES: Final = 1 << 20
MAX_SPAN_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be recorded. `capture` is `full` or `none`; `sink` keeps the bytes that are taken out of messages."""

    capture: str = "full"
    redactor: Redactor = field(default_factory=Redactor)
    max_value_bytes: int = MAX_VALUE_BYTES
    max_span_bytes: int = MAX_SPAN_BYTES
    sink: blobs.Sink | None = None

    def apply(self, record: Record, failure: Failure | None = None, capture: str | None = None) -> None:
        """Makes the record and the call's failure such that they may leave the process.

        `capture` is what the app said for this block: it can take content away, never bring it back. Where this raises
        (only an app's own redactor or the sink do), neither holds any content.
        """
        held = [record] if failure is None else [record, failure]
        with ExitStack() as undone:
            undone.callback(_strip, held)
            if "none" in (self.capture, capture):
                _strip(held)
            gate = _Gate(self)
            for holder in held:
                gate.pass_through(holder)
            if gate.passed > self.max_span_bytes:
                fit((place for holder in held for place in fields.texts(holder)), self.max_span_bytes)
            undone.pop_all()

    def scope(self, scope: Scope) -> Scope:
        """What the app said of a block, without secrets: it is no content, so it stays whatever `capture` is."""
        gate = _Gate(self)
        return replace(
            scope,
            conversation_id=gate.optional(scope.conversation_id),
            user_id=gate.optional(scope.user_id),
            metadata=gate.value(dict(scope.metadata)),
            tags=tuple(map(gate.text, scope.tags)),
            path=tuple(map(gate.text, scope.path)),
        )

    def loose(self, values: Mapping[str, Any]) -> dict[str, Json]:
        """What is on a span besides its record, without secrets."""
        rendered: dict[str, Json] = _Gate(self).value(dict(values))
        return rendered

    def facts(self, values: Mapping[str, Any]) -> dict[str, Json]:
        """Facts without the secrets that llmtrace knows; the app's own redactor, which may fail, is not asked."""
        gate = _Gate(self)
        return {key: gate.fact(list(value) if isinstance(value, tuple) else value) for key, value in values.items()}


class _Gate:
    """What every text of one record goes through; `passed` is the most bytes that the content can take by now."""

    __slots__ = ("_policy", "passed")

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.passed = 0

    def pass_through(self, holder: Any) -> None:
        fields.replace(holder, BlobPart, lambda part: blobs.part(part, self._policy.sink))
        for place in fields.walk(holder):
            setattr(place.holder, place.name, self.value(place.value) if place.content else self.fact(place.value))

    def value(self, value: Any) -> Json:
        return self.text(value) if type(value) is str else render(value, self.text, hides)

    def optional(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)

    def text(self, text: str) -> str:
        if not text.isascii():
            text = _well_formed(text)
        text = self._policy.redactor.text(blobs.text(text, self._policy.sink))
        text = cut(text, self._policy.max_value_bytes)
        self.passed += len(text) if text.isascii() else 4 * len(text)
        return text

    def fact(self, value: Any) -> Any:
        """A fact with the secrets taken out of it that llmtrace knows; the app's own redactor is for content."""
        if type(value) is list:
            return [self.fact(item) for item in value]
        if type(value) is dict:
            return render(value, self.fact, hides)
        if type(value) is not str:
            return value
        return cut(self._policy.redactor.known(_well_formed(value)), self._policy.max_value_bytes)


def _strip(held: list[Any]) -> None:
    for holder in held:
        fields.strip(holder)


def _well_formed(text: str) -> str:
    """The text without lone surrogates, which have no place in UTF-8 and so in no exporter."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
