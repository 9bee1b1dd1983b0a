"""Frameworks that read a function's signature see through the decorators: FastAPI, Typer, Click and pydantic."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import click
import httpx
import pydantic
import pytest
import typer
from click.testing import CliRunner
from fastapi import Depends, FastAPI, Query
from fastapi.responses import StreamingResponse
from opentelemetry import trace
from typer.testing import CliRunner as TyperRunner

import llmtrace
from llmtrace.testing import Captured, capture

DECORATORS: dict[str, Callable[[Any], Any]] = {
    "bare": llmtrace.workflow,
    "named": llmtrace.tool("named"),
    "said": llmtrace.conversation("c-1"),
    "stacked": lambda function: llmtrace.tags("a")(llmtrace.step(llmtrace.suppress()(function))),
}
every_decorator = pytest.mark.parametrize("decorate", DECORATORS.values(), ids=DECORATORS)


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture(integrations=["-openai", "-anthropic"]) as block:
        yield block


class Question(pydantic.BaseModel):
    text: str
    limit: int = 3


class Header:
    """A dependency that is an object."""

    async def __call__(self, agent: str = "nobody") -> str:
        await asyncio.sleep(0)
        return agent


OPENED: list[str] = []


def application(decorate: Callable[[Any], Any]) -> FastAPI:
    app = FastAPI()

    @decorate
    def opened(lease: int = 7) -> Iterator[str]:
        OPENED.append("open")
        try:
            yield f"lease {lease}"
        finally:
            OPENED.append("closed")

    @decorate
    async def aopened(flavour: Annotated[str, Query(max_length=5)] = "plain") -> AsyncIterator[str]:
        OPENED.append("aopen")
        try:
            yield flavour
        finally:
            OPENED.append("aclosed")

    class Service:
        @decorate
        async def user(self, user: str = "ada") -> str:
            return user

    @app.post("/answer/{topic}")
    @decorate
    async def answer(
        topic: str,
        question: Question,
        lease: Annotated[str, Depends(opened)],
        flavour: Annotated[str, Depends(aopened)],
        user: Annotated[str, Depends(Service().user)],
        agent: Annotated[str, Depends(decorate(Header()))],
        loud: bool = False,
    ) -> dict[str, Any]:
        """Answers a question."""
        return {"said": [topic, question.text, question.limit, lease, flavour, user, agent, loud]}

    @app.get("/plain")
    @decorate
    def plain(n: int) -> int:
        assert threading.current_thread() is not threading.main_thread(), "FastAPI runs plain functions in a pool"
        return n

    streaming(app, decorate)
    return app


def streaming(app: FastAPI, decorate: Callable[[Any], Any]) -> None:
    @decorate
    def chunks(n: int) -> Iterator[str]:
        for i in range(n):
            yield f"{i},"

    @decorate
    async def achunks(n: int) -> AsyncIterator[str]:
        for i in range(n):
            await asyncio.sleep(0)
            yield f"{i},"

    @app.get("/stream")
    def stream(n: int) -> StreamingResponse:
        return StreamingResponse(chunks(n))

    @app.get("/astream")
    def astream(n: int) -> StreamingResponse:
        return StreamingResponse(achunks(n))


def asked(app: FastAPI) -> list[Any]:
    """What the app answers to a handful of requests."""

    async def ask() -> list[Any]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.example") as client:
            answers = [
                await client.post("/answer/rivers?loud=true&lease=9&agent=bond", json={"text": "Which?"}),
                await client.post("/answer/rivers?flavour=too-long", json={"text": "Which?"}),
                await client.post("/answer/rivers", json={"limit": "many"}),
                await client.get("/plain?n=4"),
                await client.get("/plain"),
                await client.get("/stream?n=5"),
                await client.get("/astream?n=5"),
            ]
        return [(one.status_code, one.text) for one in answers]

    OPENED.clear()
    return [*asyncio.run(ask()), *OPENED]


@every_decorator
@pytest.mark.parametrize("traced", [True, False], ids=["traced", "untraced"])
def test_fastapi_documents_and_answers_the_same(decorate, traced: bool, request: pytest.FixtureRequest) -> None:
    bare = application(lambda function: function)
    expected, document = asked(bare), bare.openapi()
    if traced:
        request.getfixturevalue("captured")
    decorated = application(decorate)
    assert decorated.openapi() == document
    assert asked(decorated) == expected
    assert expected[0][0] == expected[3][0] == 200
    assert expected[5] == expected[6] == (200, "0,1,2,3,4,")


def test_a_stream_with_spans_of_its_own_is_one_trace_and_leaves_no_line_in_the_log(captured: Captured) -> None:
    tracer = trace.get_tracer(__name__)
    app = FastAPI()

    @llmtrace.step
    def inner(n: int) -> int:
        return n

    @llmtrace.workflow
    def chunks(n: int) -> Iterator[str]:
        with tracer.start_as_current_span("by hand"), llmtrace.conversation(f"c-{n}"), llmtrace.step("block"):
            for i in range(3):
                yield f"{inner(i)},"

    @app.get("/stream")
    def stream(n: int) -> StreamingResponse:
        return StreamingResponse(chunks(n))

    async def ask() -> list[str]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.example") as client:
            answers = await asyncio.gather(*(client.get(f"/stream?n={n}") for n in range(20)))
        return [answer.text for answer in answers]

    assert asyncio.run(ask()) == ["0,1,2,"] * 20
    roots = captured.all("invoke_workflow chunks")
    assert len(roots) == 20
    for n, root in enumerate(sorted(roots, key=lambda span: conversation_below(captured, span))):
        (block,) = captured.children(root)
        below = captured.children(block)
        assert block.name == "block"
        assert [span.name for span in below] == ["inner"] * 3
        said = {span.attributes["gen_ai.conversation.id"] for span in (block, *below)}
        assert len(said) == 1, n


def conversation_below(captured: Captured, span: Any) -> str:
    return str(captured.children(span)[0].attributes["gen_ai.conversation.id"])


@every_decorator
def test_typer_asks_for_the_same(decorate) -> None:
    def greet(name: str, count: Annotated[int, typer.Option(help="How often.")] = 1, loud: bool = False) -> None:
        """Greets somebody."""
        typer.echo(f"Hello {name} {count} {loud}")

    outputs = []
    for function in (greet, decorate(greet)):
        app = typer.Typer()
        app.command()(function)
        runs = [
            TyperRunner().invoke(app, line)
            for line in (["--help"], ["Mia", "--count", "2", "--loud"], ["--count", "x"])
        ]
        outputs.append([(run.exit_code, run.output) for run in runs])
    assert outputs[0] == outputs[1]
    assert outputs[0][1] == (0, "Hello Mia 2 True\n")


@every_decorator
def test_click_asks_for_the_same(decorate) -> None:
    def command(below: Callable[[Any], Any], above: Callable[[Any], Any]) -> click.Command:
        def greet(name: str, count: int) -> None:
            """Greets somebody."""
            click.echo(f"Hello {name} {count}")

        return click.command()(above(click.argument("name")(click.option("--count", default=1)(below(greet)))))

    def bare(function: Any) -> Any:
        return function

    outputs = []
    for made in (command(bare, bare), command(decorate, bare), command(bare, decorate)):
        runs = [CliRunner().invoke(made, line) for line in (["--help"], ["Mia", "--count", "2"], ["--count", "x"])]
        outputs.append([(run.exit_code, run.output) for run in runs])
    assert outputs[0] == outputs[1] == outputs[2]
    assert outputs[0][1] == (0, "Hello Mia 2\n")


@every_decorator
def test_pydantic_validates_the_same_calls(decorate) -> None:
    def scaled(value: int, *, by: Annotated[float, pydantic.Field(gt=0)] = 2.0) -> float:
        return value * by

    for made in (
        pydantic.validate_call(scaled),
        pydantic.validate_call(decorate(scaled)),
        decorate(pydantic.validate_call(scaled)),
    ):
        assert made("3", by="2.5") == 7.5
        with pytest.raises(pydantic.ValidationError, match="greater than 0"):
            made(1, by=-1)
    assert pydantic.TypeAdapter(decorate(scaled)).json_schema() == pydantic.TypeAdapter(scaled).json_schema()
