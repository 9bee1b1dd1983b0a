"""The settings of the places that spans are sent to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, SecretStr

from llmtrace.settings import text
from llmtrace.settings.kinds import File, lower
from llmtrace.settings.sources import Variable, env


class DestinationSettings(BaseModel):
    """What the environment says about OTLP, Honeycomb and Jaeger."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    otlp_endpoint: Annotated[str | None, env("a URL", "OTEL_EXPORTER_OTLP_ENDPOINT", secret=True)] = None
    """The base URL of `otlp`; over HTTP, `/v1/traces` is added."""

    otlp_traces_endpoint: Annotated[str | None, env("a URL", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", secret=True)] = None
    """The whole URL of `otlp` for traces; it wins over the base URL."""

    otlp_headers: Annotated[
        dict[str, SecretStr],
        env(
            "name=value pairs separated by commas, values URL-encoded",
            Variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS", text.headers),
            Variable("OTEL_EXPORTER_OTLP_HEADERS", text.headers),
            secret=True,
        ),
    ] = Field(default_factory=dict)
    """Headers of `otlp`; no other destination ever sends them."""

    otlp_protocol: Annotated[
        Literal["http/protobuf", "grpc"],
        BeforeValidator(lower),
        env("http/protobuf or grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    ] = "http/protobuf"
    """The wire of `otlp`."""

    otlp_timeout: Annotated[
        PositiveFloat,
        Field(allow_inf_nan=False),
        env("a number of seconds", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"),
    ] = 10.0
    """How long one export may take to any destination, retries included. Seconds, as OpenTelemetry for Python."""

    otlp_compression: Annotated[
        Literal["gzip", "none"],
        BeforeValidator(lower),
        env("gzip or none", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"),
    ] = "gzip"
    """How request bodies are compressed, to every destination."""

    otlp_certificate: Annotated[
        File,
        env("the path of a file", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
    ] = None
    """Certificates to trust in place of the system's, for every destination."""

    otlp_client_certificate: Annotated[
        File,
        env(
            "the path of a file",
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        ),
    ] = None
    """The certificate this client shows of itself, for every destination."""

    otlp_client_key: Annotated[
        File, env("the path of a file", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY")
    ] = None
    """The private key of that certificate."""

    honeycomb_api_key: Annotated[
        SecretStr | None, env("a Honeycomb API key", "LLMTRACE_HONEYCOMB_API_KEY", "HONEYCOMB_API_KEY", secret=True)
    ] = None
    """Honeycomb's key; `honeycomb` needs it."""

    honeycomb_dataset: Annotated[
        str | None, env("a dataset's name", "LLMTRACE_HONEYCOMB_DATASET", "HONEYCOMB_DATASET")
    ] = None
    """Honeycomb's dataset, which only Classic keys use; with others the service's name is the dataset."""

    honeycomb_region: Annotated[
        Literal["us", "eu"],
        BeforeValidator(lower),
        env("us or eu", "LLMTRACE_HONEYCOMB_REGION", "HONEYCOMB_REGION"),
    ] = "us"
    """Where the Honeycomb team lives."""

    honeycomb_api_endpoint: Annotated[
        str | None, env("a URL", "LLMTRACE_HONEYCOMB_API_ENDPOINT", "HONEYCOMB_API_ENDPOINT", secret=True)
    ] = None
    """Honeycomb's URL, in place of the region's: a proxy such as Refinery, or `grpcs://api.honeycomb.io:443`."""

    jaeger_endpoint: Annotated[str | None, env("a URL", "LLMTRACE_JAEGER_ENDPOINT", "JAEGER_ENDPOINT", secret=True)] = (
        None
    )
    """Jaeger's URL: `http://host:4318`, or `grpc://host:4317`. Absent, `http://localhost:4318`."""
