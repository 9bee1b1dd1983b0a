"""Where files are kept when no setting says otherwise."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from llmtrace.settings.sources import Environ


def store_path(environ: Environ | None = None) -> Path:
    """The local store's file: `LLMTRACE_STORE`, else `llmtrace/traces.db` in the user's data folder of the platform."""
    environ = os.environ if environ is None else environ
    given = environ.get("LLMTRACE_STORE", "").strip()
    return Path(given).expanduser() if given else _data_folder(environ) / "llmtrace" / "traces.db"


def tiktoken_cache(environ: Environ) -> Path | None:
    """Where tiktoken keeps its tables, by its own rules; None where an empty variable forbids a cache."""
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if name in environ:
            return Path(environ[name]) if environ[name] else None
    return Path(tempfile.gettempdir()) / "data-gym-cache"


def _data_folder(environ: Environ) -> Path:
    if sys.platform == "win32" and (local := environ.get("LOCALAPPDATA")):
        return Path(local)
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:  # a container's user without a home
        return Path(tempfile.gettempdir()) / f"llmtrace-{os.getuid()}"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    given = Path(environ.get("XDG_DATA_HOME", ""))
    # The XDG specification: a relative path is invalid and to be ignored.
    return given if given.is_absolute() else home / ".local" / "share"
