"""Every setting of llmtrace: a frozen model whose fields know their sources and whose values know their origin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ByteSize, Field, NonNegativeFloat, PrivateAttr

from llmtrace.settings import paths, text
from llmtrace.settings.destinations import DestinationSettings
from llmtrace.settings.kinds import Bytes, File, Hosts, Redactor, Words, destination, listed, lower, provider, redaction
from llmtrace.settings.sources import Source, Variable, env, variables

CAPTURE_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_YES_NO = "true or false"
_BYTES = "a size in bytes, or with a unit such as 64MiB"


class Settings(DestinationSettings):
    """All settings, resolved and checked. `resolve` makes one; `origin` tells where a value came from."""

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    service_name: Annotated[
        str | None,
        Source(
            "a name",
            variables(
                "OTEL_SERVICE_NAME", Variable("OTEL_RESOURCE_ATTRIBUTES", text.resource_attribute("service.name"))
            ),
            argument=True,
        ),
    ] = None
    """What the app is called in a backend: the resource's `service.name`."""

    environment: Annotated[
        str | None,
        Source(
            "a name such as production",
            variables(
                "LLMTRACE_ENVIRONMENT",
                Variable(
                    "OTEL_RESOURCE_ATTRIBUTES",
                    text.resource_attribute("deployment.environment.name", "deployment.environment"),
                ),
            ),
            argument=True,
        ),
    ] = None
    """Where the app runs (`production`, `staging`): the resource's `deployment.environment.name`."""

    exporters: Annotated[
        tuple[Annotated[Any, BeforeValidator(destination)], ...],
        BeforeValidator(listed),
        Source(
            "names, URLs, exporter objects or mappings with a `kind`, or none",
            variables(
                "LLMTRACE_EXPORTERS",
                "OTEL_TRACES_EXPORTER",
                Variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", lambda _: "otlp"),
                Variable("OTEL_EXPORTER_OTLP_ENDPOINT", lambda _: "otlp"),
            ),
            argument=True,
            secret=True,
        ),
    ] = ("local",)
    """Where spans go: names, URLs, exporter objects, mappings with options, or several of them. `none` means nowhere.
    An OTLP endpoint in the environment is taken for the name `otlp`."""

    capture: Annotated[
        Literal["full", "none"],
        BeforeValidator(lower),
        Source(
            "full or none (for the OTEL variable: NO_CONTENT, SPAN_ONLY, EVENT_ONLY or SPAN_AND_EVENT)",
            variables("LLMTRACE_CAPTURE", Variable(CAPTURE_VARIABLE, text.capture)),
            argument=True,
        ),
    ] = "full"
    """Whether prompts, completions, tool arguments and documents are recorded."""

    integrations: Annotated[
        Words | None,
        Source("names of integrations, `-name` to leave one out", variables("LLMTRACE_INTEGRATIONS"), argument=True),
    ] = None
    """Which libraries are traced. Absent means all; names mean only these; `-name` leaves one out."""

    tracer_provider: Annotated[
        Annotated[Any, BeforeValidator(provider)] | None, Source("a TracerProvider", argument=True)
    ] = None
    """The tracer provider to use instead of the global one."""

    redact: Annotated[
        Annotated[Redactor | dict[str, re.Pattern[str]], BeforeValidator(redaction)] | None,
        Source("a function from text to text, or a mapping of names to regular expressions", argument=True),
    ] = None
    """What is redacted besides the secrets that llmtrace knows: a function of a text, or named regular expressions."""

    disabled: Annotated[bool, Source(_YES_NO, variables("LLMTRACE_DISABLED", "OTEL_SDK_DISABLED"), argument=True)] = (
        False
    )
    """Switches everything off: no patch, no thread, no socket."""

    span_content: Annotated[bool, env("a capture mode", Variable(CAPTURE_VARIABLE, text.capture_on_spans))] = True
    """Whether captured content is put on spans; only the mode `EVENT_ONLY` says no."""

    events: Annotated[bool, env(_YES_NO, "LLMTRACE_EVENTS", Variable(CAPTURE_VARIABLE, text.capture_events))] = False
    """Whether each model call is also emitted as an OpenTelemetry event (a log record)."""

    names: Annotated[
        Literal["both", "latest", "legacy"], BeforeValidator(lower), env("both, latest or legacy", "LLMTRACE_NAMES")
    ] = "both"
    """Which names renamed attributes get: the conventions' latest, the older ones that many backends know, or both."""

    native_spans: Annotated[Words, env("names of integrations", "LLMTRACE_NATIVE_SPANS")] = ()
    """Libraries whose own spans are kept in place of ours."""

    propagate_hosts: Annotated[
        Hosts, env("names of hosts, `*.example.com` for all below one", "LLMTRACE_PROPAGATE_HOSTS")
    ] = ()
    """Hosts that are told which trace a request belongs to, so that their spans join it. Unless named, no host is, not
    even `localhost`: what listens there may pass it on. Processes that are spoken to through pipes always are."""

    store: Annotated[
        Path,
        Source(
            "a file's path",
            variables(Variable("LLMTRACE_STORE", lambda given: Path(given).expanduser())),
            fallback=paths.store_path,
            fallback_text="`llmtrace/traces.db` in the user's data folder",
        ),
    ]
    """The local store's file."""

    prices: Annotated[File, env("the path of an existing file", "LLMTRACE_PRICES")] = None
    """A price table of your own, which is asked before the built-in one."""

    max_value_bytes: Annotated[Bytes, env(_BYTES, "LLMTRACE_MAX_VALUE_BYTES")] = ByteSize(1 << 20)
    """The longest single value on a span; longer ones are cut, and the span says so."""

    max_span_bytes: Annotated[Bytes, env(_BYTES, "LLMTRACE_MAX_SPAN_BYTES")] = ByteSize(4 << 20)
    """How much content one span may hold in all."""

    queue_bytes: Annotated[Bytes, env(_BYTES, "LLMTRACE_QUEUE_BYTES")] = ByteSize(64 << 20)
    """How much may wait for the worker before content is left out of spans."""

    worker: Annotated[bool, env(_YES_NO, "LLMTRACE_WORKER")] = True
    """Whether spans are filled on a thread of their own; without it, on the caller's."""

    threads: Annotated[bool, env(_YES_NO, "LLMTRACE_THREADS")] = True
    """Whether threads and executors go on in the context they were started in."""

    backstop: Annotated[
        Literal["off", "count", "trace"], BeforeValidator(lower), env("off, count or trace", "LLMTRACE_BACKSTOP")
    ] = "count"
    """What becomes of model calls that go through an HTTP client with no integration seeing them: they are counted and
    named in the log once (`count`), made spans of from what crossed the wire (`trace`), or let pass (`off`)."""

    backstop_hosts: Annotated[Words, env("hosts, as name or name:port", "LLMTRACE_BACKSTOP_HOSTS")] = ()
    """Hosts of your own at which models answer, such as a gateway, for the backstop to know besides the public ones."""

    inferred_tools: Annotated[bool, env(_YES_NO, "LLMTRACE_INFERRED_TOOLS")] = True
    """Whether a tool that a model asked for, and whose result it was then sent, gets a span where nobody traced it."""

    exit_timeout: Annotated[
        NonNegativeFloat, Field(allow_inf_nan=False), env("a number of seconds", "LLMTRACE_EXIT_TIMEOUT")
    ] = 2.0
    """How many seconds the process may take at its end to send what is left."""

    tiktoken_cache: Annotated[
        Path | None,
        Source(
            "a folder",
            variables("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"),
            fallback=paths.tiktoken_cache,
            fallback_text="`data-gym-cache` in the system's temporary folder",
        ),
    ]
    """Where tiktoken's tables are looked for; nothing is ever downloaded."""

    semconv_opt_in: Annotated[Words, env("a list of names", "OTEL_SEMCONV_STABILITY_OPT_IN")] = ()
    """Accepted without effect: the GenAI conventions dropped the switch; `LLMTRACE_NAMES` selects names."""

    def origin(self, name: str) -> str:
        """Where the value came from: the variable's name, `argument` or `default`."""
        if name not in type(self).model_fields:
            raise KeyError(name)
        return self._origins.get(name, "default")

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """All settings, secret ones masked wherever they were given."""
        for name, value in super().__repr_args__():
            yield name, "***" if name and source_of(name).secret and value else value


def source_of(name: str) -> Source:
    """Where the setting of this name may come from."""
    return next(entry for entry in Settings.model_fields[name].metadata if isinstance(entry, Source))
