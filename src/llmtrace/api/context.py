"""What the app says about everything inside a block: it reaches every span below, and nothing beside it."""

from __future__ import annotations

from contextvars import Token
from dataclasses import replace
from types import TracebackType
from typing import Any

from opentelemetry.context import Context, attach, detach

from llmtrace.engine.context import current_scope, with_scope
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guard import Guard
from llmtrace.facts.records import Scope

_REDACTING = Guard("the redaction of what the app says of a block", tolerance=None)


def _redacted(scope: Scope) -> Scope:
    """The scope without secrets, redacted here once and not on every span below. It is lost where that fails."""
    engine = SWITCH.engine
    if engine is None:
        return scope
    with _REDACTING:
        return engine.policy.scope(scope)
    return current_scope()


class conversation:  # noqa: N801 - read as a statement: `with conversation("42"):`
    """Marks everything inside as part of one conversation.

    `id` is the app's own name for the conversation; `user` is who it is with. Any other keyword is custom metadata, a
    typed attribute under `llmtrace.metadata.` on every span below. For `with` and `async with`; blocks nest, and the
    inner one wins.
    """

    def __init__(self, id: str, /, *, user: str | None = None, **metadata: Any) -> None:  # noqa: A002 - the field's word
        self._id = str(id)
        self._user = user
        self._metadata = metadata
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> None:
        scope = current_scope()
        inner = replace(
            scope,
            conversation_id=self._id,
            user_id=scope.user_id if self._user is None else str(self._user),
            metadata={**scope.metadata, **self._metadata},
        )
        self._tokens.append(attach(with_scope(_redacted(inner))))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        detach(self._tokens.pop())

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)
