"""What every recorded call of every provider used adds up on its span, and costs what the raw counts do."""

import random

import genai_prices
import pytest
from genai_prices.types import Usage

from llmtrace.testing import ReplayServer
from llmtrace.testing.captured import capture, decoded
from tests.integrations.conformance import drives, recorded
from tests.integrations.conformance.clients import each, entered, settled
from tests.recordings import parametrize

GOOGLE = ("google_genai.generate_content", "google_genai.interactions", "google_vertexai.generate_content")
BEDROCK = (
    "bedrock.converse",
    "bedrock.converse_stream",
    "bedrock.invoke_model",
    "bedrock.invoke_model_with_response_stream",
)
TEXTS = tuple(api for api in recorded.APIS if "images" not in api and api != "writer.chat")  # OpenAI's has no such path
APIS = (*TEXTS, *GOOGLE, *BEDROCK)

SOLD_BY = {
    "aws.bedrock": "aws",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
}
"""The conventions' name of a provider → what genai-prices calls it, where they differ."""


def counted(api, said):
    """The counts as the provider sent them, in the conventions' sums: input, read, written, output, reasoning."""
    raw = said["raw"] or {}
    if api.endswith("interactions"):
        given, taken = raw["total_input_tokens"] + raw.get("total_tool_use_tokens", 0), raw["total_output_tokens"]
        thought = raw.get("total_thought_tokens", 0)
        return given, raw.get("total_cached_tokens", 0), 0, taken + thought, thought
    if api.startswith("google"):
        given, thought = raw.get("promptTokenCount", 0), raw.get("thoughtsTokenCount", 0)
        taken = raw.get("candidatesTokenCount", 0) + thought
        return given + raw.get("toolUsePromptTokenCount", 0), raw.get("cachedContentTokenCount", 0), 0, taken, thought
    given, taken = said["input_tokens"] or 0, said["output_tokens"] or 0
    read, written = said["cached_input_tokens"] or 0, said["cache_creation_input_tokens"] or 0
    if api.startswith(("anthropic", "bedrock")):  # which leave what was cached out of the input
        given += read + written
    return given, read, written, taken, said["reasoning_tokens"] or 0


def price_of(provider, model, counts, tier, raw):
    """What genai-prices asks for the counts; None where it does not know the model."""
    given, read, written, taken, thought = counts
    heard = (raw.get("prompt_tokens_details") or {}).get("audio_tokens") or 0
    spoken = (raw.get("completion_tokens_details") or {}).get("audio_tokens") or 0
    used = Usage(
        input_tokens=given,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=taken,
        output_reasoning_tokens=thought,
        input_audio_tokens=heard,
        output_audio_tokens=spoken,
    )
    try:
        return genai_prices.calc_price(
            used, model, provider_id=SOLD_BY.get(provider, provider), price_context={"service_tier": tier}
        ).total_price
    except LookupError:
        return None


async def call(exchange, url):
    """Has the exchange again, by the real client of its provider, from a server at that URL."""
    if exchange.api in GOOGLE:
        from tests.integrations.google_genai import clients as google

        client = google.client_of(exchange, base_url=url)
        try:
            async for _ in each(await settled(google.sent_by(client, exchange)())):
                pass
        finally:
            await client.aio.aclose()
            client.close()
    elif exchange.api in BEDROCK:
        from tests.integrations.bedrock import clients as aws
        from tests.integrations.bedrock import recorded as on_aws

        service, method, given = on_aws.ask(exchange)
        async with aws.connected(service, url, asynchronous=False) as client:
            await aws.read(getattr(client, method)(**given), lambda *_: None)
    else:
        client = recorded.client(exchange, server=url, asynchronous=False)
        async with entered(client):
            await drives.plain(client, recorded.verb(exchange), recorded.body(exchange), lambda *_: None)


async def had_again(exchange):
    """What the exchange's one span says."""
    with ReplayServer([exchange], cut=random.Random(exchange.name)) as server, capture() as captured:
        try:
            await call(exchange, server.url)
        except Exception as error:  # noqa: BLE001 - whatever the library raises of a fault, or of what it cannot parse
            if not server.requests:
                pytest.skip(f"not applicable: this version of the library does not send it: {error}")
        return decoded(captured.one())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # what was recorded ages
@parametrize(*APIS)
async def test_what_a_call_used_adds_up_and_costs_what_its_raw_counts_do(exchange):
    said, used = await had_again(exchange), exchange.expected["usage"]
    given, taken = said.get("gen_ai.usage.input_tokens"), said.get("gen_ai.usage.output_tokens")
    if not used or said["gen_ai.operation.name"] == "fetch_response":  # what it took was said when it was made
        assert (given, taken) == (None, None) or said["llmtrace.usage.source"] == "estimated"
        assert "llmtrace.cost.total" not in said
        return
    counts = counted(exchange.api, used)
    read, written = (said.get(f"gen_ai.usage.cache_{how}.input_tokens", 0) for how in ("read", "write"))
    thought = said.get("gen_ai.usage.reasoning.output_tokens", 0)
    assert (given or 0, read, written, taken or 0, thought) == counts
    assert read + written <= (given or 0)
    assert thought <= (taken or 0)
    if used["total_tokens"] is not None:
        assert (given or 0) + (taken or 0) == used["total_tokens"]
    models = (said.get("gen_ai.response.model"), said.get("gen_ai.request.model"))
    provider, tier = said["gen_ai.provider.name"], exchange.expected["extra"].get("service_tier")
    priced = (price_of(provider, model, counts, tier, used["raw"] or {}) for model in models if model)
    due = next((found for found in priced if found is not None), None)
    if given is None:  # a price of the output alone would be too low
        due = None
    assert said.get("llmtrace.cost.total") == (due if due is None else pytest.approx(float(due)))
