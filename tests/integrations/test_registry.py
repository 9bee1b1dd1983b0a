"""The table of our own integrations says of each what its file says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llmtrace.integrations import BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_row_names_the_integration_and_every_module_that_it_listens_to(name):
    integration = BUILT_IN[name].load()
    assert integration.name == name
    assert set(integration.modules) <= set(BUILT_IN[name].modules)
    # One that only reads the library's own spans has no point whose module could say when it is needed.
    assert integration.spans or set(integration.modules) == set(BUILT_IN[name].modules)


def test_no_integration_and_no_library_is_loaded_before_the_app_imports_it():
    code = (
        "import sys, llmtrace.runtime as r\n"
        "before = set(sys.modules)\n"
        "r.init(exporters='none')\n"
        "from llmtrace.integrations import BUILT_IN\n"
        "backstop = ('backstop', 'hosts', 'stainless', 'transports')\n"  # an HTTP client is there: prices come by it
        "ours = [m.rpartition('.')[2] for m in sys.modules if m.startswith('llmtrace.integrations.')]\n"
        "print([m for m in ours if m not in backstop])\n"
        "print([o.name for o in BUILT_IN.values() for m in o.modules if m in set(sys.modules) - before])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
