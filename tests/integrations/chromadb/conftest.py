"""Imports the library before its tests do: what an older one says of its own source on a newer Python is its affair."""

import warnings
from contextlib import suppress

with warnings.catch_warnings(), suppress(ImportError):
    warnings.simplefilter("ignore")
    import chromadb  # noqa: F401 - for its warnings
