"""No instrumentation at all: the zero from which costs are counted."""

from benchmarks.contestants.contestant import Untraced


class Contestant(Untraced):
    """The app alone."""

    sends = False
