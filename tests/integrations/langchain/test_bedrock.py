"""A model of LangChain's over Bedrock is one inference, whose usage is on the span of the AWS client below."""

from textwrap import dedent

import pytest

from tests.integrations.langchain.trees import drawn, outside

aws = pytest.importorskip("langchain_aws", reason="not applicable: langchain_aws is tested in another environment")
boto3 = pytest.importorskip("boto3", reason="not applicable: boto3 is tested in another environment")

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture
def converse(server, tracing):
    """The chat model over AWS's client, whose connections are closed."""
    keys = {"aws_access_key_id": "fake", "aws_secret_access_key": "fake", "region_name": "us-east-1"}
    client = boto3.client("bedrock-runtime", endpoint_url=server.bedrock_url, **keys)
    yield aws.ChatBedrockConverse(model=MODEL, client=client, bedrock_client=client, provider="anthropic")
    client.close()


async def invoke(model):
    model.invoke("Hi")


async def ainvoke(model):
    await model.ainvoke("Hi")


async def stream(model):
    for _ in model.stream("Hi"):
        outside()


async def astream(model):
    async for _ in model.astream("Hi"):
        outside()


@pytest.mark.parametrize("way", [invoke, ainvoke, stream, astream])
async def test_the_clients_span_bears_the_usage(way, converse, tracing):
    await way(converse)
    outside()
    tracing.handle.flush()
    inner, outer = sorted(tracing.live.ended, key=lambda span: span.parent is None)
    for span in (inner, outer):
        assert span.attributes["gen_ai.provider.name"] == "aws.bedrock"
        assert span.attributes["gen_ai.request.model"] == MODEL
        assert "Hi" in span.attributes["gen_ai.output.messages"]
        assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert drawn(tracing) == dedent(f"""\
        chat {MODEL}
          chat {MODEL} +usage""")
