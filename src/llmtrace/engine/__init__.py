"""The life of a call: patch → run → stream → call → worker, one engine for every library."""
