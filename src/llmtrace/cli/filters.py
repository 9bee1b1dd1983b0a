"""The options that choose traces, written once for every command that has them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from llmtrace.cli import quantities
from llmtrace.semconv import names
from llmtrace.store import Filter


def _options(  # noqa: PLR0913 - a filter has as many conditions
    conversation: Annotated[str | None, typer.Option(help="Only traces of this conversation.")] = None,
    user: Annotated[str | None, typer.Option(help="Only traces of this user.")] = None,
    model: Annotated[str | None, typer.Option(help="Only traces that used this model; * and ? stand for any.")] = None,
    text: Annotated[str | None, typer.Option(help="Only traces that hold this text.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only traces with this tag; may be given again.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only traces with this metadata; may be given again.")
    ] = None,
    min_cost: Annotated[
        float | None, typer.Option(parser=quantities.money, metavar="AMOUNT", help="Only traces that cost as much.")
    ] = None,
    min_duration: Annotated[
        float | None,
        typer.Option(parser=quantities.duration, metavar="TIME", help="Only traces that took as long, such as 2s."),
    ] = None,
    *,
    error: Annotated[bool, typer.Option("--error", help="Only traces in which something failed.")] = False,
) -> Filter:
    pairs = [quantities.pair(each) for each in metadata or ()]
    return Filter(
        conversation=conversation,
        user=user,
        model=model,
        text=text,
        errors=error,
        tags=tuple(tag or ()),
        attributes=tuple((names.METADATA.of(key).key, value) for key, value in pairs),
        min_cost=min_cost,
        min_duration=min_duration,
    )


_SIGNATURE = inspect.signature(_options, eval_str=True)


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The command with these options in place of its parameter `wanted`, which gets the filter that they amount to."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    shown = [each for each in own if each.name != "wanted" and each.kind is not keyword]
    named = [each for each in own if each.name != "wanted" and each.kind is keyword]
    options = [each.replace(kind=keyword) for each in _SIGNATURE.parameters.values()]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        conditions = {each.name: given.pop(each.name) for each in options}
        command(wanted=_options(**conditions), **given)

    signature = inspect.Signature([*shown, *named, *options])
    run.__signature__ = signature  # type: ignore[attr-defined]  # typer, as `inspect`, looks there first
    run.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    return run
