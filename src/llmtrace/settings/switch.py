"""Whether the environment switches llmtrace off: asked when a function is decorated, before any setting is resolved."""

from __future__ import annotations

import os

VARIABLES = ("LLMTRACE_DISABLED", "OTEL_SDK_DISABLED")
YES = frozenset({"1", "true", "yes", "on", "y", "t"})


def disabled() -> bool:
    """Whether decorators give the functions themselves back. The first variable that is set decides."""
    given = next((value for name in VARIABLES if (value := os.environ.get(name, "").strip())), "")
    return given.lower() in YES
