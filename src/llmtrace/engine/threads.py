"""Work handed to a thread keeps the context it was handed over in: threads, executors, thread pools, callbacks.

It is the OpenTelemetry context alone that goes along, and only while the work runs. Threads of a pool outlive the work
that made them, and are started without one.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from opentelemetry.context import Context, attach, detach, get_current

from llmtrace.engine.context import JOB
from llmtrace.engine.engine import SWITCH
from llmtrace.facts.operation import Integration, Wrapped

T = TypeVar("T")
Function = Callable[..., Any]

_NOTHING = Context()
_JOBS = count(-1, -1)


def _handed_over() -> Context | None:
    """The context that goes along; None where nothing is in it, or llmtrace is off."""
    context = get_current()
    return context if context and SWITCH.engine is not None else None


def _carried(context: Context, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Runs a function in another thread as if its context were still that of the code that handed it over."""
    before, JOB.number = JOB.number, next(_JOBS)
    token = attach(context)
    try:
        return function(*args, **kwargs)
    finally:
        detach(token)
        JOB.number = before


def _starting(original: Function) -> Function:
    """`Thread.start`: what `run` does, also that of a subclass, it does in the starter's context."""

    @functools.wraps(original)
    def start(thread: threading.Thread) -> Any:
        context = _handed_over()
        if context is None or _has_context(thread):
            return original(thread)
        own = vars(thread).pop("run", None)  # an app or another tracer may have put one there, too
        run = thread.run if own is None else own

        def running() -> None:
            _put_back(thread, own)
            _carried(context, run)

        vars(thread)["run"] = running
        try:
            return original(thread)
        except BaseException:
            _put_back(thread, own)
            raise

    return start


def _put_back(thread: threading.Thread, run: Function | None) -> None:
    vars(thread).pop("run", None)
    if run is not None:
        vars(thread)["run"] = run


def _has_context(thread: threading.Thread) -> bool:
    """Whether the app made the thread for a context of its own choice, which it can from Python 3.14 on."""
    return sys.version_info >= (3, 14) and getattr(thread, "_context", None) is not None


def _alone(original: Function) -> Function:
    """What starts the threads or processes of a pool: these do not inherit what is said where they happen to start."""

    @functools.wraps(original)
    def alone(*args: Any, **kwargs: Any) -> Any:
        if _handed_over() is None:
            return original(*args, **kwargs)
        token = attach(_NOTHING)
        try:
            return original(*args, **kwargs)
        finally:
            detach(token)

    return alone


def _submitting(original: Function) -> Function:
    """`ThreadPoolExecutor.submit`, through which `map`, `run_in_executor` and `to_thread` go, too."""
    starting = _alone(original)

    @functools.wraps(original)
    def submit(executor: Any, /, *args: Any, **kwargs: Any) -> Any:
        context = _handed_over()
        if context is None or not args or _is("concurrent.futures.interpreter", "InterpreterPoolExecutor", executor):
            return starting(executor, *args, **kwargs)
        return starting(executor, functools.partial(_carried, context, args[0]), *args[1:], **kwargs)

    return submit


def _applying(original: Function) -> Function:
    """A method of a pool that takes a function. Pools of processes have it too, and theirs stays as it is."""

    @functools.wraps(original)
    def apply(pool: Any, /, *args: Any, **kwargs: Any) -> Any:
        context = _handed_over()
        if context is None or not _is("multiprocessing.pool", "ThreadPool", pool):
            return original(pool, *args, **kwargs)
        for name in ("func", "callback", "error_callback"):
            if kwargs.get(name) is not None:
                kwargs[name] = functools.partial(_carried, context, kwargs[name])
        taken = [functools.partial(_carried, context, args[0]), *args[1:]] if args else []
        return original(pool, *taken, **kwargs)

    return apply


def _calling_back(original: Function) -> Function:
    """`Future.add_done_callback`: the thread that is done calls back as whoever asked it to, not as itself."""

    @functools.wraps(original)
    def add_done_callback(future: Any, fn: Function) -> Any:
        context = _handed_over()
        return original(future, fn if context is None else functools.partial(_carried, context, fn))

    return add_done_callback


def _is(module: str, name: str, candidate: Any) -> bool:
    """Whether something is of a class that this Python may lack, or that nobody has imported yet."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(candidate, kind)


_TAKING = ("apply_async", "imap", "imap_unordered", "map", "map_async", "starmap", "starmap_async")

THREADS = Integration(
    "threading",
    "python>=3.10",
    {
        "threading:Thread.start": Wrapped(_starting),
        "concurrent.futures._base:Future.add_done_callback": Wrapped(_calling_back),
        "concurrent.futures.thread:ThreadPoolExecutor.submit": Wrapped(_submitting),
        "concurrent.futures.process:ProcessPoolExecutor.submit": Wrapped(_alone),
        "multiprocessing.pool:Pool.__init__": Wrapped(_alone),
        **{f"multiprocessing.pool:Pool.{name}": Wrapped(_applying) for name in _TAKING},
    },
)
"""Where work is handed to threads, as points like those of any library."""
