"""What the app says about everything inside a block: it reaches every span below, and nothing beside it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, get_current, set_value

from llmtrace.api.wrapping import F, wrapped
from llmtrace.engine.context import enter, leave, left, scope_begun, with_scope
from llmtrace.engine.drive import Inside, Watch, shaped, within
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guard import Guard
from llmtrace.engine.guise import guise
from llmtrace.engine.home import Home
from llmtrace.facts.records import Prompt, Scope

_REDACTING = Guard("the redaction of what the app says of a block", tolerance=None)


class Saying:
    """Says something of all that happens inside: `with`, `async with`, or a decorator. Blocks nest; the inner wins."""

    def __init__(self, say: Callable[[Context], Context]) -> None:
        self._say = say

    def __enter__(self) -> None:
        enter(self, self._say(get_current()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(self)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F, /) -> F:
        """Says it of each run of a function, a method, or whatever else can be called."""
        around: F = wrapped(function, "conversation", self._around)
        return around

    def _around(self, _: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        @guise(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        @guise(function)
        async def awaiting(*args: Any, **kwargs: Any) -> Any:
            return await self._awaited(function(*args, **kwargs))

        def watching(*_: Any) -> Watch:
            before = get_current()
            inside = self._say(before)
            return Watch(Inside(inside, Home()), ended=lambda *_: left(inside, before))

        return shaped(function, plain, awaiting, watching)

    async def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        before = get_current()
        inside = self._say(before)
        try:
            return await within(Inside(inside), awaitable)
        finally:
            left(inside, before)


def _scoped(change: Callable[..., Scope], **said: Any) -> Saying:
    """A block with a changed scope. Partials and no closures, so that what it decorates can be pickled."""
    return Saying(functools.partial(_changed, functools.partial(change, **said)))


def _changed(change: Callable[[Scope], Scope], context: Context) -> Context:
    """The context with its scope changed, without secrets: it is redacted here once, and not on every span below."""
    scope = scope_begun(context)
    engine = SWITCH.engine
    with _REDACTING:
        inner = change(scope)
        return with_scope(inner if engine is None else engine.policy.scope(inner), context)
    return context


def _with_metadata(scope: Scope, metadata: Mapping[str, Any], **said: Any) -> Scope:
    return replace(scope, metadata={**scope.metadata, **metadata}, **said)


def _with_tags(scope: Scope, names: tuple[str, ...]) -> Scope:
    return replace(scope, tags=tuple(dict.fromkeys((*scope.tags, *map(str, names)))))


def _with_capture(scope: Scope, mode: str) -> Scope:
    return replace(scope, capture="none" if "none" in (scope.capture, mode) else mode)


def conversation(id: str, /, *, user: str | None = None, **metadata: Any) -> Saying:  # noqa: A002 - the field's own word
    """Marks everything inside as part of one conversation.

    `id` is the app's own name for the conversation; `user` is who it is with. Any other keyword is custom metadata, a
    typed attribute under `llmtrace.metadata.` on every span below.
    """
    told = {} if user is None else {"user_id": str(user)}
    return _scoped(_with_metadata, metadata=metadata, conversation_id=str(id), **told)


def metadata(**values: Any) -> Saying:
    """Puts typed attributes under `llmtrace.metadata.` on every span inside. What OpenTelemetry can't carry is JSON."""
    return _scoped(_with_metadata, metadata=values)


def tags(*names: str) -> Saying:
    """Puts tags on every span inside, besides those of the blocks around it."""
    return _scoped(_with_tags, names=names)


def prompt(
    name: str,
    *,
    version: str | int | None = None,
    template: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Saying:
    """Ties the model calls inside to a prompt template: its name, its version and the SHA-256 of its text.

    `variables` are what it was filled in with; they are content.
    """
    said = Prompt(
        name,
        None if version is None else str(version),
        None if template is None else hashlib.sha256(template.encode("utf-8", "surrogatepass")).hexdigest(),
        {str(key): str(value) for key, value in (variables or {}).items() if value is not None},
    )
    return _scoped(replace, prompt=said)


def capture(mode: str) -> Saying:
    """Switches content off (`"none"`) for everything inside, or says `"full"`; who says `none` is heard before anybody.

    So `"full"` inside a block with `"none"`, or where the setting says `none`, brings nothing back.
    """
    if mode not in ("full", "none"):
        raise ValueError(f"capture({mode!r}): the mode must be 'full' or 'none'")
    return _scoped(_with_capture, mode=mode)


def suppress() -> Saying:
    """Traces nothing inside: neither llmtrace nor any instrumentation that keeps to OpenTelemetry's convention."""
    return Saying(_suppressed)


def _suppressed(context: Context) -> Context:
    return with_scope(scope_begun(context), set_value(_SUPPRESS_INSTRUMENTATION_KEY, True, context), around=context)
