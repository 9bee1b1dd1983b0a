"""What `resolve` makes of arguments and environment: precedence, provenance, refusals."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from docs.generate import explained
from llmtrace.settings import Settings, SettingsError, differences, resolve, store_path
from llmtrace.settings.model import CAPTURE_VARIABLE
from llmtrace.settings.resolution import variable_names


class Exporter:
    def export(self, spans):
        return None

    def shutdown(self):
        return None


def refusal(arguments=None, environ=None):
    with pytest.raises(SettingsError) as caught:
        resolve(arguments or {}, environ or {})
    assert isinstance(caught.value, ValueError)
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None
    return str(caught.value)


def test_nothing_given_is_full_capture_into_the_local_store():
    settings = resolve({}, {"HOME": "/home/somebody"})
    assert (settings.capture, settings.exporters, settings.disabled) == ("full", ("local",), False)
    assert settings.origin("capture") == "default"
    assert settings.exit_timeout == 2


def test_an_argument_wins_over_our_variable_and_ours_over_the_standard_one():
    environ = {"LLMTRACE_CAPTURE": "none", CAPTURE_VARIABLE: "SPAN_AND_EVENT"}
    argument, ours = resolve({"capture": "full"}, environ), resolve({}, environ)
    standard = resolve({}, {CAPTURE_VARIABLE: "NO_CONTENT"})
    assert (argument.capture, argument.origin("capture")) == ("full", "argument")
    assert (ours.capture, ours.origin("capture")) == ("none", "LLMTRACE_CAPTURE")
    assert (standard.capture, standard.origin("capture")) == ("none", CAPTURE_VARIABLE)


def test_an_argument_of_none_and_an_empty_variable_count_as_not_given():
    settings = resolve({"capture": None}, {"LLMTRACE_CAPTURE": " ", "OTEL_SERVICE_NAME": ""})
    assert settings.origin("capture") == settings.origin("service_name") == "default"


def test_origin_of_an_unknown_setting_is_an_error():
    with pytest.raises(KeyError, match="captur"):
        resolve({}, {}).origin("captur")


@pytest.mark.parametrize(
    ("mode", "capture", "events", "on_spans"),
    [
        ("NO_CONTENT", "none", False, True),
        ("span_only", "full", False, True),
        ("Event_Only", "full", True, False),
        ("SPAN_AND_EVENT", "full", True, True),
    ],
)
def test_the_conventions_capture_mode_says_whether_as_events_and_on_spans(mode, capture, events, on_spans):
    settings = resolve({}, {CAPTURE_VARIABLE: mode})
    assert (settings.capture, settings.events, settings.span_content) == (capture, events, on_spans)


def test_an_overruled_capture_mode_says_nothing_about_events_or_spans_either():
    settings = resolve({"capture": "full"}, {CAPTURE_VARIABLE: "EVENT_ONLY"})
    assert (settings.events, settings.span_content) == (False, True)


def test_content_for_events_only_does_not_fall_back_to_spans_when_events_are_forbidden():
    settings = resolve({}, {CAPTURE_VARIABLE: "EVENT_ONLY", "LLMTRACE_EVENTS": "false"})
    assert (settings.events, settings.span_content) == (False, False)


@pytest.mark.parametrize("value", ["true", "FALSE", "spans"])
def test_a_capture_mode_that_is_none_refuses_and_names_the_modes(value):
    message = refusal(environ={CAPTURE_VARIABLE: value})
    assert CAPTURE_VARIABLE in message
    assert value in message
    assert "SPAN_ONLY" in message
    assert "NO_CONTENT" in message


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({"LLMTRACE_CAPTURE": "ful"}, ["LLMTRACE_CAPTURE='ful'", "full or none"]),
        ({"LLMTRACE_NAMES": "new"}, ["LLMTRACE_NAMES='new'", "both, latest or legacy"]),
        ({"LLMTRACE_WORKER": "maybe"}, ["LLMTRACE_WORKER='maybe'", "true or false"]),
        ({"OTEL_SDK_DISABLED": "perhaps"}, ["OTEL_SDK_DISABLED='perhaps'", "true or false"]),
        ({"LLMTRACE_QUEUE_BYTES": "0"}, ["LLMTRACE_QUEUE_BYTES='0'", "size in bytes"]),
        ({"LLMTRACE_MAX_VALUE_BYTES": "many"}, ["LLMTRACE_MAX_VALUE_BYTES='many'", "size in bytes"]),
        ({"LLMTRACE_EXIT_TIMEOUT": "nan"}, ["LLMTRACE_EXIT_TIMEOUT='nan'", "seconds"]),
        ({"LLMTRACE_EXIT_TIMEOUT": "-1"}, ["LLMTRACE_EXIT_TIMEOUT='-1'", "seconds"]),
        ({"LLMTRACE_PRICES": "/does/not/exist"}, ["LLMTRACE_PRICES='/does/not/exist'", "existing file"]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, ["OTEL_EXPORTER_OTLP_PROTOCOL='http/json'", "grpc"]),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "0"}, ["OTEL_EXPORTER_OTLP_TIMEOUT='0'", "seconds"]),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name"}, ["OTEL_RESOURCE_ATTRIBUTES", "entry 1", "name=value"]),
    ],
)
def test_a_wrong_variable_refuses_with_its_name_its_value_and_the_remedy(environ, parts):
    message = refusal(environ=environ)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"capture": "partial"}, ["capture='partial'", "full or none"]),
        ({"service_name": 3}, ["service_name=3", "a name"]),
        ({"tracer_provider": object()}, ["tracer_provider", "TracerProvider"]),
        ({"redact": {"badge": "("}}, ["redact", "'badge'", "regular expression"]),
        ({"redact": {"badge": 7}}, ["redact", "'badge'"]),
        ({"redact": 7}, ["redact=7", "function"]),
        ({"exporters": [7]}, ["exporters", "names, URLs, exporter objects"]),
        ({"exporters": ["jaeger", " "]}, ["exporters", "names, URLs"]),
        ({"captures": "full"}, ["captures", "Did you mean capture?"]),
        ({"worker": False}, ["'worker'", "LLMTRACE_WORKER"]),
    ],
)
def test_a_wrong_argument_refuses_with_its_name_and_the_remedy(arguments, parts):
    message = refusal(arguments)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_EXPORTER_OTLP_HEADERS": "sesame-open"},
        {"OTEL_EXPORTER_OTLP_HEADERS": "x-team=sesame-open%0d%0aevil: 1"},
        {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x team=sesame-open"},
    ],
)
def test_a_refusal_never_shows_a_secret(environ):
    message = refusal(environ=environ)
    assert next(iter(environ)) in message
    assert "sesame" not in message


def test_no_secret_is_in_the_settings_text_or_in_their_differences():
    environ = {
        "HONEYCOMB_API_KEY": "sesame-key",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-team=sesame-header",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://me:sesame-password@collector.example",
    }
    arguments = {
        "exporters": [{"kind": "honeycomb", "api_key": "sesame-option"}, "https://me:sesame-url@other.example"]
    }
    settings = resolve(arguments, environ)
    assert "sesame" not in repr(settings) + str(settings) + f"{settings}"
    assert "sesame" not in "\n".join(differences(settings, resolve({}, {})))
    assert settings.otlp_headers["x-team"].get_secret_value() == "sesame-header"


@pytest.mark.allows_log("nothing reads")
def test_an_unknown_variable_of_ours_is_said_with_the_nearest_name(caplog):
    with caplog.at_level(logging.WARNING, logger="llmtrace"):
        resolve({}, {"LLMTRACE_CAPTUR": "none", "LLMTRACE_CAPTURE": "none", "OTHER": "1"})
    assert [record.getMessage() for record in caplog.records] == [
        "llmtrace: nothing reads the environment variable LLMTRACE_CAPTUR. Did you mean LLMTRACE_CAPTURE?"
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("jaeger", ("jaeger",)),
        ("jaeger, local", ("jaeger", "local")),
        (["jaeger", "http://host:4318"], ("jaeger", "http://host:4318")),
        ({"kind": "honeycomb"}, ({"kind": "honeycomb"},)),
        ([], ()),
        ("none", ()),
    ],
)
def test_exporters_may_be_one_or_several_or_none(given, expected):
    assert resolve({"exporters": given}, {}).exporters == expected


def test_an_exporter_object_stays_the_same_object():
    exporter = Exporter()
    assert resolve({"exporters": exporter}, {}).exporters[0] is exporter


@pytest.mark.parametrize(
    ("environ", "expected", "origin"),
    [
        (
            {"LLMTRACE_EXPORTERS": "jaeger,console", "OTEL_TRACES_EXPORTER": "otlp"},
            ("jaeger", "console"),
            "LLMTRACE_EXPORTERS",
        ),
        ({"OTEL_TRACES_EXPORTER": "none"}, (), "OTEL_TRACES_EXPORTER"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, ("otlp",), "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"HONEYCOMB_API_KEY": "present-for-another-reason"}, ("local",), "default"),
        ({"JAEGER_ENDPOINT": "http://jaeger:4318"}, ("local",), "default"),
    ],
)
def test_the_environment_chooses_exporters_but_a_vendors_variable_alone_never_does(environ, expected, origin):
    settings = resolve({}, environ)
    assert (settings.exporters, settings.origin("exporters")) == (expected, origin)


def test_integrations_keep_names_and_exclusions():
    assert resolve({}, {"LLMTRACE_INTEGRATIONS": "openai, -anthropic"}).integrations == ("openai", "-anthropic")
    assert resolve({"integrations": ["openai"]}, {}).integrations == ("openai",)
    assert resolve({}, {}).integrations is None


def test_the_service_and_its_environment_come_from_resource_attributes_last():
    attributes = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=from%20resource,deployment.environment.name=staging"}
    settings = resolve({}, attributes)
    assert (settings.service_name, settings.environment) == ("from resource", "staging")
    assert settings.origin("environment") == "OTEL_RESOURCE_ATTRIBUTES"
    assert resolve({}, {"OTEL_SERVICE_NAME": "named", **attributes}).service_name == "named"


def test_a_redactor_is_a_function_or_named_patterns():
    assert resolve({"redact": str.upper}, {}).redact == str.upper
    redact = resolve({"redact": {"badge": r"B-\d+"}}, {}).redact
    assert isinstance(redact, dict)
    assert redact["badge"].search("see B-12")


def test_sizes_may_have_units():
    assert resolve({}, {"LLMTRACE_QUEUE_BYTES": "2MiB"}).queue_bytes == 2 * 1024 * 1024


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        resolve({}, {}).capture = "none"


def test_the_same_settings_have_no_differences_wherever_they_came_from():
    assert differences(resolve({"capture": "none"}, {}), resolve({}, {"LLMTRACE_CAPTURE": "none"})) == []


def test_differences_name_the_setting_both_values_and_both_origins():
    (line,) = differences(resolve({"capture": "none"}, {}), resolve({}, {"LLMTRACE_CAPTURE": "full"}))
    assert line == "capture: 'none' from argument, and 'full' from LLMTRACE_CAPTURE"


def test_init_has_at_most_eight_arguments():
    taken = [name for name in Settings.model_fields if _is_argument(name)]
    assert sorted(taken) == [
        "capture", "disabled", "environment", "exporters", "integrations", "redact", "service_name", "tracer_provider",
    ]  # fmt: skip


def _is_argument(name):
    try:
        resolve({name: object()}, {})
    except SettingsError as error:
        return "no argument" not in str(error)
    return True


def test_every_setting_is_documented_and_every_variable_belongs_to_one_vocabulary():
    assert [name for name in Settings.model_fields if not explained()[name]] == []
    assert {name.split("_")[0] for name in variable_names()} == {
        "DATA", "HONEYCOMB", "JAEGER", "LLMTRACE", "OTEL", "TIKTOKEN",
    }  # fmt: skip


def test_the_semantic_convention_switch_is_accepted():
    assert resolve({}, {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental,database"}).names == "both"


@pytest.mark.skipif(sys.platform != "linux", reason="each platform has its own folder")
@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/me"}, "/home/me/.local/share/llmtrace/traces.db"),
        ({"HOME": "/home/me", "XDG_DATA_HOME": "/data"}, "/data/llmtrace/traces.db"),
        ({"HOME": "/home/me", "XDG_DATA_HOME": "relative"}, "/home/me/.local/share/llmtrace/traces.db"),
        ({"HOME": "/home/me", "LLMTRACE_STORE": "/tmp/other.db"}, "/tmp/other.db"),
    ],
)
def test_the_store_is_in_the_users_data_folder_unless_told_otherwise(environ, expected):
    assert store_path(environ) == resolve({}, environ).store == Path(expected)


def test_tiktokens_tables_are_looked_for_where_tiktoken_keeps_them():
    assert resolve({}, {"DATA_GYM_CACHE_DIR": "/a", "TIKTOKEN_CACHE_DIR": "/b"}).tiktoken_cache == Path("/b")
    assert resolve({}, {"TIKTOKEN_CACHE_DIR": ""}).tiktoken_cache is None
    assert resolve({}, {}).tiktoken_cache.name == "data-gym-cache"


def test_without_an_environment_given_the_processs_own_is_read(monkeypatch):
    monkeypatch.setenv("LLMTRACE_CAPTURE", "none")
    assert resolve({}).origin("capture") == "LLMTRACE_CAPTURE"


def test_hosts_that_may_know_the_trace_are_names_and_nothing_else():
    given = " MCP.Example.com, *.internal.example.com,localhost,[::1],127.0.0.1"
    hosts = resolve({}, {"LLMTRACE_PROPAGATE_HOSTS": given}).propagate_hosts
    assert hosts == ("mcp.example.com", "*.internal.example.com", "localhost", "::1", "127.0.0.1")
    assert resolve({}, {}).propagate_hosts == ()


@pytest.mark.parametrize(
    "host", ["https://mcp.example.com", "mcp.example.com:443", "mcp.example.com/mcp", "*", "*.*.com", "a*"]
)
def test_what_is_no_name_of_a_host_is_refused(host):
    with pytest.raises(SettingsError, match="LLMTRACE_PROPAGATE_HOSTS"):
        resolve({}, {"LLMTRACE_PROPAGATE_HOSTS": host})
