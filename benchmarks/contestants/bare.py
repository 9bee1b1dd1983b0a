"""No instrumentation at all: the zero from which costs are counted."""

import os

from benchmarks.contestants.contestant import Untraced


class Contestant(Untraced):
    """The app alone."""

    def begin(self, endpoint: str) -> None:  # noqa: ARG002 - nothing is sent
        """Anthropic's own spans are off: whoever traces by other means turns them off, too, and that saves time."""
        os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
