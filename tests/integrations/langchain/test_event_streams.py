"""The event streams that newer chat models have are one inference each, and nothing of theirs is current at the app."""

import asyncio

import pytest

from tests.integrations.conformance.clients import collected
from tests.integrations.langchain.trees import drawn, outside

reason = "not applicable: this version of LangChain has no such streams"
streams = pytest.importorskip("langchain_core.language_models.chat_model_stream", reason=reason)

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")

INFERENCE = "chat gpt-5-mini\n  chat gpt-5-mini +usage"


async def read_text(model):
    for _ in model.stream_events("Hi", version="v3").text:
        outside()


async def read_events(model):
    for _ in model.stream_events("Hi", version="v3"):
        outside()


async def read_output(model):
    assert model.stream_events("Hi", version="v3").output.text


async def aread_text(model):
    async for _ in (await model.astream_events("Hi", version="v3")).text:
        outside()


async def aread_output(model):
    assert (await (await model.astream_events("Hi", version="v3"))).text


@pytest.mark.parametrize("read", [read_text, read_events, read_output, aread_text, aread_output])
async def test_an_event_stream_is_one_inference(read, model, tracing):
    await read(model)
    outside()
    await asyncio.sleep(0.02)
    await collected()
    assert drawn(tracing) == INFERENCE
