"""What names, URLs, mappings and objects mean as destinations, and what is refused."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace.exporters import Limits, Preset, Remote, build, presets
from llmtrace.exporters.remote import remote
from llmtrace.settings import SettingsError, resolve

CLASSIC = "f" * 32
CLASSIC_INGEST = "hcaic_" + "0" * 58


def destinations(spec, **environ):
    return build(resolve({"exporters": spec}, environ))


def address(spec, **environ):
    (destination,) = destinations(spec, **environ)
    return destination.exporter.remote


def refusal(spec, **environ):
    with pytest.raises(SettingsError) as caught:
        destinations(spec, **environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "wire", "expected"),
    [
        ("http://host:4318", "http", "http://host:4318/v1/traces"),
        ("http://host:4318/", "http", "http://host:4318/v1/traces"),
        ("https://host/api/otel/v1/traces", "http", "https://host/api/otel/v1/traces"),
        ("https://host/v2/trace/otlp?region=eu#part", "http", "https://host/v2/trace/otlp?region=eu"),
        ("http://[::1]:4318", "http", "http://[::1]:4318/v1/traces"),
        ("grpc://host:4317", "grpc", "grpc://host:4317"),
        ("grpc://host", "grpc", "grpc://host:4317"),
        ("grpcs://api.example:443/", "grpc", "grpcs://api.example:443"),
        ("grpc://[::1]", "grpc", "grpc://[::1]:4317"),
    ],
)
def test_a_url_says_the_wire_and_gets_the_traces_path_unless_it_has_one(url, wire, expected):
    place = address(url)
    assert (place.wire, place.url) == (wire, expected)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "http://",
        "http://host:port",
        "http://host:0",
        "http://ho st",
        "grpc://host/path",
        "grpc://me@host",
    ],
)
def test_a_url_that_is_none_is_refused_by_name(url):
    message = refusal(url)
    assert "exporters=" in message
    assert url in message or "***" in message


@given(
    st.text(max_size=60) | st.builds("{}://{}".format, st.sampled_from(["http", "grpc", "https"]), st.text(max_size=40))
)
def test_any_text_is_an_address_that_can_be_dialled_or_refused(text):
    try:
        place = remote(text, origin="exporters")
    except SettingsError as error:
        assert "exporters=" in str(error)  # noqa: PT017 - both outcomes are right, each in its own way
    else:
        assert httpx.URL(place.url).host


def test_credentials_in_a_url_are_shown_nowhere():
    (destination,) = destinations("https://me:sesame@host/path?token=sesame")
    assert destination.name == destination.exporter.remote.shown == "https://host/path"
    assert "sesame" not in refusal("ftp://me:sesame@host")


@pytest.mark.parametrize(
    ("environ", "wire", "url"),
    [
        ({}, "http", "http://localhost:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http", "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c/base/"}, "http", "http://c/base/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/own"}, "http", "http://c/own"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "grpc", "grpc://localhost:4317"),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:443"},
            "grpc",
            "grpcs://c:443",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"},
            "grpc",
            "grpc://c:4317",
        ),
    ],
)
def test_otlp_follows_the_standard_variables(environ, wire, url):
    place = address("otlp", **environ)
    assert (place.wire, place.url) == (wire, url)


def test_a_wrong_endpoint_variable_is_named():
    message = refusal("otlp", OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT='collector:4318" in message


@pytest.mark.parametrize(
    ("spec", "environ", "url"),
    [
        ("jaeger", {}, "http://localhost:4318/v1/traces"),
        ("jaeger", {"JAEGER_ENDPOINT": "grpc://jaeger:4317"}, "grpc://jaeger:4317"),
        (
            {"kind": "jaeger", "endpoint": "http://other:4318"},
            {"JAEGER_ENDPOINT": "http://j"},
            "http://other:4318/v1/traces",
        ),
    ],
)
def test_jaeger_is_on_this_machine_unless_told_otherwise(spec, environ, url):
    assert address(spec, **environ).url == url


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "https://api.honeycomb.io/v1/traces"),
        ({"HONEYCOMB_REGION": "EU"}, "https://api.eu1.honeycomb.io/v1/traces"),
        ({"HONEYCOMB_API_ENDPOINT": "https://api.eu1.honeycomb.io:443"}, "https://api.eu1.honeycomb.io:443/v1/traces"),
        ({"HONEYCOMB_API_ENDPOINT": "grpcs://api.honeycomb.io:443"}, "grpcs://api.honeycomb.io:443"),
    ],
)
def test_honeycomb_is_in_the_region_or_where_its_endpoint_says(environ, url):
    place = address("honeycomb", HONEYCOMB_API_KEY="fake-key", **environ)
    assert (place.url, dict(place.headers)) == (url, {"x-honeycomb-team": "fake-key"})


def test_honeycomb_without_a_key_is_an_error_that_names_the_variable():
    assert "HONEYCOMB_API_KEY" in refusal("honeycomb")


@pytest.mark.parametrize("key", [CLASSIC, CLASSIC_INGEST])
def test_a_classic_honeycomb_key_sends_its_dataset_and_needs_one(key):
    sent = dict(address("honeycomb", HONEYCOMB_API_KEY=key, HONEYCOMB_DATASET="old").headers)
    assert sent == {"x-honeycomb-team": key, "x-honeycomb-dataset": "old"}
    message = refusal("honeycomb", HONEYCOMB_API_KEY=key)
    assert "HONEYCOMB_DATASET" in message
    assert key not in message


@pytest.mark.parametrize("key", ["fake-key", "F" * 32, "hcaik_" + "0" * 58, "f" * 33])
def test_other_honeycomb_keys_never_send_a_dataset(key):
    assert "x-honeycomb-dataset" not in address("honeycomb", HONEYCOMB_API_KEY=key, HONEYCOMB_DATASET="old").headers


def test_two_teams_of_one_backend_are_two_destinations_with_their_own_keys():
    first, second = destinations(
        ["honeycomb", {"kind": "honeycomb", "name": "team-b", "api_key": "fake-b", "region": "eu"}],
        HONEYCOMB_API_KEY="fake-a",
    )
    assert (first.name, second.name) == ("honeycomb", "team-b")
    assert first.exporter.remote.headers["x-honeycomb-team"] == "fake-a"
    assert second.exporter.remote.headers["x-honeycomb-team"] == "fake-b"
    assert second.exporter.remote.url.startswith("https://api.eu1.")
    assert first.limits == Limits(max_request_bytes=20 << 20, max_value_bytes=65_535)


def test_destinations_of_the_same_name_are_numbered():
    assert [each.name for each in destinations(["jaeger", "jaeger", "jaeger"])] == ["jaeger", "jaeger-2", "jaeger-3"]


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("jeager", ["'jeager'", "Did you mean jaeger?", "honeycomb", "or give a URL"]),
        ({"name": "x"}, ["`kind`"]),
        ({"kind": "jaeger", "endpont": "http://j"}, ["'endpont'", "endpoint"]),
        ({"kind": "honeycomb", "api_key": "fake", "region": "mars"}, ["region='mars'", "us and eu"]),
        ({"kind": "http://host", "api_key": "fake"}, ["'api_key'", "headers"]),
    ],
)
def test_a_wrong_entry_is_refused_with_the_remedy(spec, parts):
    message = refusal(spec)
    for part in parts:
        assert part in message


def test_an_exporter_object_is_used_as_it_is():
    memory = InMemorySpanExporter()
    (destination,) = destinations(memory)
    assert destination.exporter is memory
    assert destination.name == "InMemorySpanExporter"


def test_the_local_store_goes_where_the_setting_says(tmp_path, spans):
    (destination,) = destinations("local", LLMTRACE_STORE=str(tmp_path / "traces.db"))
    destination.exporter.export(spans({}))
    destination.exporter.shutdown()
    assert (tmp_path / "traces.db").exists()


def test_grpc_without_its_extra_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "llmtrace.exporters.wire_grpc", raising=False)
    monkeypatch.setitem(sys.modules, "grpc", None)
    assert "pip install 'llmtrace[grpc]'" in refusal("grpc://host:4317")


MINE = Preset(
    "mine", lambda settings, options: Remote(f"https://mine.example/{options['team']}"), options=frozenset({"team"})
)


def test_another_package_adds_a_preset_through_an_entry_point(monkeypatch):
    found = [
        EntryPoint("mine", f"{__name__}:MINE", "llmtrace.exporters"),
        EntryPoint("broken", f"{__name__}:CLASSIC", "llmtrace.exporters"),
    ]
    monkeypatch.setattr(presets, "entry_points", lambda group: found if group == "llmtrace.exporters" else [])
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    assert address({"kind": "mine", "team": "b"}).url == "https://mine.example/b"
    assert "no llmtrace.exporters.Preset" in refusal("broken")
    assert "mine" in refusal("min")


def test_no_key_is_in_the_text_of_a_destination():
    (destination,) = destinations("honeycomb", HONEYCOMB_API_KEY="sesame")
    assert "sesame" not in repr(destination) + json.dumps(str(destination.exporter.remote))
