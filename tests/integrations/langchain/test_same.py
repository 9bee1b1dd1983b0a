"""With us an app's LangChain does what it does without: results, errors, chunks, and what other handlers are told."""

import asyncio
import copy
import inspect
import logging
import pickle
import sys

import pytest

from tests.integrations.conformance.live import traced

pytest.importorskip("langchain_core", reason="not applicable: langchain_core is tested in another environment")

from langchain_core.callbacks import BaseCallbackHandler, CallbackManager
from langchain_core.documents import Document
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, message_to_dict
from langchain_core.output_parsers import StrOutputParser
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_core.tracers import context as hooks


class Other(BaseCallbackHandler):
    """Another tracer's handler: keeps what it is told of, in order."""

    def __init__(self, *, inline):
        self.run_inline = inline
        self.told = []

    def __getattribute__(self, name):
        if name.startswith("on_") and name != "on_stream_event":
            return lambda *args, **_: self.told.append((name, *[_plain(arg) for arg in args]))
        return super().__getattribute__(name)


def _plain(value):
    if isinstance(value, AIMessage):
        made = message_to_dict(value)
        made["data"].pop("id")
        return made
    return (
        f"{type(value).__qualname__} {value}" if isinstance(value, str | int | BaseException) else type(value).__name__
    )


class Notes(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        return [Document(f"about {query}")]


@tool
def double(number: int) -> int:
    """Doubles."""
    return 2 * number


@tool
def fails(number: int) -> int:
    """Fails."""
    raise LookupError(f"no {number}")


def a_model():
    return GenericFakeChatModel(messages=iter([AIMessage("one two three")] * 4))


RUNNABLES = {
    "model": (a_model, "Hi"),
    "llm": (lambda: FakeListLLM(responses=["one", "two"]), "Hi"),
    "chain": (lambda: RunnableLambda(lambda text: text) | a_model() | StrOutputParser(), "Hi"),
    "retriever": (Notes, "bears"),
    "tool": (lambda: double, {"number": 2}),
    "failing tool": (lambda: fails, {"number": 2}),
    "failing chain": (lambda: RunnableLambda(lambda text: text) | RunnableLambda(lambda text: text["no"]), "Hi"),
}


async def invoke(runnable, given, config):
    return [runnable.invoke(given, config)]


async def ainvoke(runnable, given, config):
    return [await runnable.ainvoke(given, config)]


async def stream(runnable, given, config):
    return list(runnable.stream(given, config))


async def astream(runnable, given, config):
    return [chunk async for chunk in runnable.astream(given, config)]


async def batch(runnable, given, config):
    return runnable.batch([given, given], config)


async def abatch(runnable, given, config):
    return await runnable.abatch([given, given], config)


async def observed(name, way, *, inline):
    """What an app sees, and what two handlers are told."""
    make, given = RUNNABLES[name]
    others = [Other(inline=each) for each in inline]
    said = None
    try:
        results = [_plain(each) for each in await way(make(), given, {"callbacks": list(others)})]
    except Exception as error:  # noqa: BLE001 - whatever is raised is what is compared
        results, said = [], (type(error), error.args, error.__cause__, error.__context__)
    # Of inputs run at once, who is told first is chance, and so is how far the others come when one fails.
    told = [sorted(set(map(str, other.told))) if way in (batch, abatch) else other.told for other in others]
    return results, said, told


@pytest.mark.parametrize("inline", [(), (True,), (False,), (False, True)], ids=str)
@pytest.mark.parametrize("way", [invoke, ainvoke, stream, astream, batch, abatch])
@pytest.mark.parametrize("name", RUNNABLES)
async def test_results_errors_and_what_others_are_told_are_as_without_us(name, way, inline):
    without = await observed(name, way, inline=inline)
    with traced():
        assert await observed(name, way, inline=inline) == without
    assert await observed(name, way, inline=inline) == without


def test_signatures_and_kinds_of_functions_are_as_without_us():
    from llmtrace.integrations.langchain import POINTS

    def described():
        found = {}
        for target in POINTS:
            module, _, path = target.partition(":")
            if module in sys.modules:
                owner = sys.modules[module]
                for part in path.split("."):
                    owner = getattr(owner, part, None)
                kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
                found[target] = owner and (inspect.signature(owner), owner.__doc__, [kind(owner) for kind in kinds])
        return found

    without = described()
    with traced():
        assert described() == without
    assert described() == without


def test_the_hook_is_taken_off_again():
    def hooked():
        return [variable.name for variable, *_ in hooks._configure_hooks if variable.name.startswith("llmtrace")]

    assert not hooked()
    with traced():
        assert hooked() == ["llmtrace-langchain"]
    assert not hooked()


def test_a_manager_can_be_copied_and_pickled_as_without_us():
    with traced():
        manager = CallbackManager.configure()
        (ours,) = manager.handlers
        assert copy.copy(ours) is copy.deepcopy(ours) is ours
        (elsewhere,) = pickle.loads(pickle.dumps(manager)).handlers
        assert type(elsewhere) is BaseCallbackHandler


def test_one_handler_is_told_once_of_a_run_however_deep_the_chain(caplog):
    with traced() as tracing:
        chain = RunnableLambda(
            lambda text: RunnableLambda(lambda inner: inner, name="inner").invoke(text), name="outer"
        )
        assert chain.with_config(run_name="root").invoke("Hi") == "Hi"
        tracing.handle.flush()
        assert sorted(span.name for span in tracing.live.ended) == ["inner", "invoke_workflow root"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_run_that_is_under_way_when_tracing_ends_or_begins_is_no_fault():
    async def waits(text):
        await asyncio.sleep(0.05)
        return text

    chain = RunnableLambda(waits)
    before = asyncio.ensure_future(chain.ainvoke("before"))
    await asyncio.sleep(0.01)
    with traced():
        during = asyncio.ensure_future(chain.ainvoke("during"))
        assert await before == "before"
    assert await during == "during"
