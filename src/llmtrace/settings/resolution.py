"""Resolves the settings: argument over environment over default, each with its origin; a wrong one refuses at once."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from llmtrace.settings.errors import SettingsError, show
from llmtrace.settings.model import CAPTURE_VARIABLE, Settings, source_of
from llmtrace.settings.sources import Environ, Source, Variable

logger = logging.getLogger("llmtrace")


def resolve(arguments: Mapping[str, Any], environ: Environ | None = None) -> Settings:
    """The settings that the arguments of `init()` and the environment (this process's, unless given) make together.

    An argument that is None counts as not given, and so does a variable that is empty.
    """
    environ = os.environ if environ is None else environ
    _check_names(arguments, environ)
    heard = _heard(arguments, environ)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name in Settings.model_fields:
        source = source_of(name)
        found = _given(name, source, arguments, heard)
        if found is not None:
            values[name], origins[name] = found
        elif source.fallback is not None:
            values[name] = source.fallback(environ)
    return _built(values, origins)


def differences(settings: Settings, other: Settings) -> list[str]:
    """One line for each setting whose value differs, without showing secret ones; none where the two are the same."""
    return [
        _difference(name, settings, other)
        for name in Settings.model_fields
        if getattr(settings, name) != getattr(other, name)
    ]


def variable_names() -> list[str]:
    """Every environment variable that a setting is read from, sorted."""
    return sorted({variable.name for name in Settings.model_fields for variable in source_of(name).variables})


def _check_names(arguments: Mapping[str, Any], environ: Environ) -> None:
    """Refuses an argument that `init()` does not take and warns of a variable that nobody reads."""
    for name in arguments:
        if name not in Settings.model_fields:
            raise SettingsError(f"init() has no argument {name!r}.{_nearest(name, _arguments())}")
        if not source_of(name).argument:
            remedy = " or ".join(variable.name for variable in source_of(name).variables)
            raise SettingsError(f"{name!r} is no argument of init(): set the environment variable {remedy}.")
    known = variable_names()
    for name in sorted(environ):
        if name.startswith("LLMTRACE_") and name not in known:
            logger.warning("llmtrace: nothing reads the environment variable %s.%s", name, _nearest(name, known))


def _arguments() -> list[str]:
    return [name for name in Settings.model_fields if source_of(name).argument]


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _heard(arguments: Mapping[str, Any], environ: Environ) -> Environ:
    """The environment without the conventions' capture mode where something stronger says whether to capture.

    The mode says three things at once (whether, as events, on spans); half of an overruled mode would be nobody's wish.
    """
    overruled = arguments.get("capture") is not None or environ.get("LLMTRACE_CAPTURE", "").strip()
    return {name: text for name, text in environ.items() if name != CAPTURE_VARIABLE} if overruled else environ


def _given(name: str, source: Source, arguments: Mapping[str, Any], environ: Environ) -> tuple[Any, str] | None:
    """The setting's value as it was given, and where; None where nothing gives it."""
    if arguments.get(name) is not None:
        return arguments[name], "argument"
    for variable in source.variables:
        text = environ.get(variable.name, "").strip()
        value = _read(variable, text, source) if text else None
        if value is not None:
            return value, variable.name
    return None


def _read(variable: Variable, text: str, source: Source) -> Any:
    try:
        return variable.read(text)
    except ValueError as error:
        raise _wrong(variable.name, text, source, str(error)) from None


def _built(values: dict[str, Any], origins: dict[str, str]) -> Settings:
    try:
        settings = Settings(**values)
    except ValidationError as error:
        # `from None`: pydantic's own message would show what it was given, and that may be a secret.
        detail = error.errors(include_url=False)[0]
        name = str(detail["loc"][0])
        # Pydantic's own messages repeat `expects`; ours say what else is wrong.
        why = str(detail.get("ctx", {}).get("error", ""))
        raise _wrong(origins[name], values[name], source_of(name), why, name) from None
    settings._origins.update(origins)
    return settings


def _wrong(origin: str, value: Any, source: Source, detail: str, name: str = "") -> SettingsError:
    where = f"{name}=" if origin == "argument" else f"{origin}="
    shown = "(not shown)" if source.secret else show(value)
    why = f" ({detail})" if detail else ""
    return SettingsError(f"{where}{shown} is wrong{why}: it should be {source.expects}.")


def _difference(name: str, settings: Settings, other: Settings) -> str:
    if source_of(name).secret:
        return f"{name}: from {settings.origin(name)} and from {other.origin(name)} (values not shown)"
    mine, theirs = (f"{show(getattr(each, name))} from {each.origin(name)}" for each in (settings, other))
    return f"{name}: {mine}, and {theirs}"
