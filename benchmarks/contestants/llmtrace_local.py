"""llmtrace with nothing configured: it writes into the local store."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks.contestants import llmtrace


class Contestant(llmtrace.Contestant):
    """The local store, in a folder that goes when the contestant goes."""

    def exporter(self, endpoint: str) -> str:  # noqa: ARG002 - it stays on this machine
        """The store of this run alone."""
        self.folder = tempfile.TemporaryDirectory()
        os.environ["LLMTRACE_STORE"] = str(Path(self.folder.name) / "traces.db")
        return "local"

    def end(self) -> None:
        """The folder goes, too."""
        super().end()
        self.folder.cleanup()
