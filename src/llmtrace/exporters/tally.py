"""Counts what a destination took and what was lost on the way there, and complains of a loss at most once a minute."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from llmtrace.exporters.remote import Remote
from llmtrace.exporters.reply import Reply

logger = logging.getLogger("llmtrace")

QUIET_SECONDS = 60.0
"""How long a destination's next complaint is held back."""


class Tally:
    """A destination's numbers: `exported` spans, and `dropped` spans by reason. Safe to use from several threads."""

    def __init__(self, name: str, remote: Remote) -> None:
        self._name = name
        self._remote = remote
        self._lock = threading.Lock()
        self._quiet_until = 0.0
        self._unsaid = 0
        self.exported = 0
        self.dropped: Counter[str] = Counter()

    def count(self, exported: int, dropped: int, reply: Reply) -> None:
        """Adds to the numbers; what was dropped is said, with what the user can do about it."""
        with self._lock:
            self.exported += exported
            if not dropped:
                return
            self.dropped[reply.reason] += dropped
            self._unsaid += dropped
            now = time.monotonic()
            if now < self._quiet_until:
                return
            self._quiet_until = now + QUIET_SECONDS
            lost, self._unsaid = self._unsaid, 0
        logger.warning(
            "llmtrace: %d span(s) lost on the way to %s (headers: %s): %s; %s",
            lost,
            self._remote.shown if self._remote.shown == self._name else f"{self._name} at {self._remote.shown}",
            ", ".join(sorted(self._remote.headers)) or "none",
            reply.reason,
            reply.remedy,
        )
