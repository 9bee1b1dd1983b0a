"""The patched libraries look the same to an editor or a framework, and are the originals again afterwards."""

import importlib
import inspect

import pytest

from llmtrace import integrations
from llmtrace.testing.captured import capture
from tests.integrations.conformance.clients import connect, package_of
from tests.integrations.conformance.network import Network, http_of


def surface(kind: str):
    """Every public method of a client and of its resources, as an editor or a framework would look at it."""
    found = {}
    for asynchronous in (False, True):
        client = connect(kind, Network(http_of(package_of(kind))), asynchronous=asynchronous)
        waiting = [(type(client).__name__, client, 0)]
        while waiting:
            path, thing, depth = waiting.pop()
            for name, value in inspect.getmembers(type(thing)):
                if name.startswith("_") or not callable(value):
                    continue
                found[f"{path}.{name}"] = looks(value)
            resources = [name for name in dir(type(thing)) if depth < 3 and not name.startswith(("_", "with_"))]
            for name in resources:
                value = inspect.getattr_static(type(thing), name)
                if hasattr(value, "__get__") and not callable(value) and "resources" in str(type(getattr(thing, name))):
                    waiting.append((f"{path}.{name}", getattr(thing, name), depth + 1))
    return found


def looks(function):
    return (
        str(inspect.signature(function)),
        inspect.iscoroutinefunction(function),
        inspect.isfunction(function),
        function.__name__,
        function.__qualname__,
        function.__module__,
        function.__doc__,
    )


@pytest.mark.parametrize("kind", ["OpenAI", "Anthropic"])
def test_every_public_method_looks_the_same(kind):
    without = surface(kind)
    with capture():
        traced = surface(kind)
    assert len(without) > 50
    assert {name for name in traced if traced[name] != without.get(name)} == set()
    assert traced.keys() == without.keys()


@pytest.mark.parametrize("package", ["openai", "anthropic"])
def test_every_function_is_the_original_again_after_shutdown_and_between_two_inits(package):
    connect("OpenAI" if package == "openai" else "Anthropic", Network(http_of(package)), asynchronous=False)
    originals = patched(package)
    with capture():
        assert all(new is not original for new, original in zip(patched(package), originals, strict=True))
    assert patched(package) == originals
    with capture():
        assert all(new is not original for new, original in zip(patched(package), originals, strict=True))
    assert patched(package) == originals


def patched(package):
    """The functions at the places where the integration listens."""
    found = []
    for target in integrations.load(package).points:
        module, _, path = target.partition(":")
        place = importlib.import_module(module)
        for part in path.split("."):
            place = getattr(place, part, None)
        found += [place] if place is not None else []
    return found
