"""What every test stands on: a fault of ours raises, a warning in our logs fails, and in CI nothing is skipped."""

import gc
import logging
import os
import re
import warnings

import pytest

from llmtrace.engine.guard import Guard

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
NOT_APPLICABLE = "not applicable: "
"""How the reason of a skip begins that is no gap: this Python or this library version does not have what is tested."""

SEEN_BY_US = ("LLMTRACE_", "OTEL_", "HONEYCOMB_", "JAEGER_", "OPENAI_", "ANTHROPIC_")
"""How the names of variables begin that llmtrace or the client libraries read."""
TERMINAL = ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR")
"""What terminals are described by; pytest-xdist sets some of it."""


class Listener(logging.Handler):
    """Keeps the records that were logged at WARNING and above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture(autouse=True, scope="module")
def nothing_older_is_looked_through():
    """Many a test collects garbage, some for each example: what was there before its module makes none slower.

    A client that a test before left open warns of it here, and would fail a test that knows nothing of it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def logs(request):
    """Fails a test on a warning from OpenTelemetry or from us, unless its `allows_log` marker expects the message."""
    listener = Listener()
    loggers = [logging.getLogger(name) for name in ("llmtrace", "opentelemetry")]
    for logger in loggers:
        logger.addHandler(listener)
    yield listener.records
    for logger in loggers:
        logger.removeHandler(listener)
    allowed = [mark.args[0] for mark in request.node.iter_markers("allows_log")]
    said = [f"{record.name}: {record.getMessage()}" for record in listener.records]
    unexpected = [text for text in said if not any(re.search(pattern, text) for pattern in allowed)]
    assert not unexpected, "logged, and not expected by an allows_log marker"


@pytest.fixture(autouse=True)
def faults_raise(monkeypatch):
    """The guard lets our own faults through; a test of the guard sets `Guard.strict` back."""
    monkeypatch.setattr(Guard, "strict", True)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch, tmp_path):
    """No test sees the settings, keys, endpoints or terminal it runs on, or writes into the user's local store."""
    for name in [name for name in os.environ if name.startswith(SEEN_BY_US) or name in TERMINAL]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LLMTRACE_STORE", str(tmp_path / "traces.db"))


def fail_if_skipped(report):
    """In CI everything is installed that tests need, so a skip hides a gap there."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if NOT_APPLICABLE not in reason:
            report.outcome = "failed"
            report.longrepr = f"{reason} (CI has what every test needs, so nothing is skipped there)"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return fail_if_skipped((yield))
