"""The spans of a block, as a test reads them."""

import os
import subprocess
import sys

import pytest

import llmtrace
from llmtrace.testing import capture
from llmtrace.testing.captured import decoded

MESSAGES = [{"role": "user", "content": "Hello"}]


@llmtrace.step
def ask(client):
    return client.chat.completions.create(model="gpt-5-mini", messages=MESSAGES)


@llmtrace.workflow
def chain(client):
    ask(client)
    return ask(client)


def test_a_block_gives_its_spans_as_a_tree(openai_client):
    with capture() as spans:
        chain(openai_client)
        assert spans.tree() == ("invoke_workflow chain\n  ask\n    chat gpt-5-mini\n  ask\n    chat gpt-5-mini")
        (root,) = spans.roots
        assert [span.name for span in spans.children(root)] == ["ask", "ask"]
        assert len(spans.all("chat gpt-5-mini", gen_ai__request__model="gpt-5-mini")) == 2
        assert "chat gpt-5-mini gen_ai.operation.name=" in spans.tree("gen_ai.operation.name")


def test_attributes_that_are_json_are_decoded(openai_client):
    with capture() as spans:
        ask(openai_client)
    (message,) = decoded(spans.one("chat gpt-5-mini"))["gen_ai.input.messages"]
    assert message["parts"] == [{"type": "text", "content": "Hello"}]


def test_asking_for_one_span_where_there_are_none_or_two_shows_the_tree(openai_client):
    with capture() as spans:
        ask(openai_client)
        with pytest.raises(AssertionError, match=r"0 spans with name='nothing'(.|\n)*ask\n  chat"):
            spans.one("nothing")
        with pytest.raises(AssertionError, match="2 spans with any name"):
            spans.one()
        spans.clear()
        assert spans.spans == []


def test_settings_of_init_can_be_given(openai_client):
    with capture(capture="none") as spans:
        ask(openai_client)
    assert "Hello" not in str([dict(span.attributes) for span in spans.spans])


def test_nothing_is_traced_after_the_block(openai_client):
    with capture() as spans:
        pass
    ask(openai_client)
    assert spans.spans == []


def test_the_block_ends_tracing_when_the_test_in_it_fails():
    with pytest.raises(ZeroDivisionError), capture():
        raise ZeroDivisionError
    with capture():
        pass


def test_the_fixture_of_the_plugin_records_a_test(tmp_path):
    test = tmp_path / "test_app.py"
    test.write_text(
        "import llmtrace\n"
        "@llmtrace.tool\n"
        "def add(a, b): return a + b\n"
        "def test_it(llmtrace_spans):\n"
        "    add(1, 2)\n"
        "    assert llmtrace_spans.one('execute_tool add')\n"
        "def test_another(llmtrace_spans):\n"
        "    assert llmtrace_spans.spans == []\n"
    )
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "llmtrace.testing.plugin", str(test)]
    # By name alone: an installed llmtrace registers the plugin by itself, and pytest loads none twice.
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "2 passed" in run.stdout, run.stdout


def test_the_plugin_loads_nothing_that_a_test_does_not_use():
    code = (
        "import sys, llmtrace.testing.plugin; print([m for m in sys.modules"
        " if m.startswith(('opentelemetry', 'pydantic', 'http.server', 'llmtrace.runtime'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
