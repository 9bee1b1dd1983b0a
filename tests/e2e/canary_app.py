"""An app that plants unique strings wherever content can be, with every sink on; prints what came into the sinks.

Run by test_canaries.py in a process of its own: `python -m tests.e2e.canary_app full|none`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anthropic
import openai
from opentelemetry import baggage, context, metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import llmtrace
from llmtrace.testing import Answer, Fault, ModelServer, ToolUse

_FILLING = "Fake0Fake1Fake2Fake3Fake4Fake5Fake6"


def _content(place: str) -> str:
    return f"canary-{place}-perched"


PROMPT, SYSTEM, COMPLETION, REASONING = map(_content, ("prompt", "system", "completion", "reasoning"))
TOOL_ARGUMENT, TOOL_RESULT, TOOL_DESCRIPTION = map(_content, ("argument", "toolresult", "description"))
TOOL_PARAMETER, DOCUMENT, EMBEDDED, REFUSAL = map(_content, ("parameter", "document", "embedded", "refusal"))
STEP_ARGUMENT, STEP_RESULT, STEP_ERROR, YIELDED = map(_content, ("steparg", "stepresult", "steperror", "yielded"))
QUERY, RETRIEVED, RETRIEVED_METADATA = map(_content, ("query", "retrieved", "retrievedmeta"))
OPENAI_ERROR, ANTHROPIC_ERROR, BROKEN_STREAM = map(_content, ("openaierror", "anthropicerror", "brokenstream"))
STRUCTURED, IMAGE_URL, LOCAL_TOOL_ARGUMENT, LOCAL_TOOL_RESULT = map(
    _content, ("structured", "imageurl", "localargument", "localresult")
)
RESPONSES_INPUT, INSTRUCTIONS, PREFILL = map(_content, ("responsesinput", "instructions", "prefill"))

CONTENT = {name: text for name, text in vars().items() if isinstance(text, str) and text.startswith("canary-")}
"""Name of a place → what is planted there: all of this is content."""

UNRECORDED = {"STRUCTURED"}
"""Where content is looked at by nobody: of the schema that an answer must keep to only the fact is recorded."""

METADATA = "canary_of_the_apps_own_metadata"
"""No content: the app said it to be recorded."""

OPENAI_KEY = "sk" + "-proj-" + "Oo" + _FILLING
ANTHROPIC_KEY = "sk" + "-ant-api03-" + "Aa" + _FILLING
PROMPTED_KEY = "sk" + "-" + "Pp" + _FILLING
ARGUMENT_KEY = "gh" + "p_" + "Gg" + _FILLING[:34]
ECHOED_KEY = "sk" + "-" + "Ee" + _FILLING
METADATA_KEY = "sk" + "-" + "Mm" + _FILLING
RESULT_KEY = "xox" + "b-" + "123456789012-Rr" + _FILLING
BEARER = "Bb" + _FILLING + "Token"
HEADER = "header-canary-" + "Hh1"
URL_PASSWORD = "url-canary-" + "Uu1"
PROMPTED_PASSWORD = "url-canary-" + "Pp2"
STEP_PASSWORD = "password-canary-" + "Ss1"
EXPORTER_HEADER = "exporter-canary-" + "Xx1"

SECRETS = {
    name: text
    for name, text in vars().items()
    if isinstance(text, str) and name.isupper() and not name.startswith("_") and name not in (*CONTENT, "METADATA")
}
"""Name of a place → what is planted there, and must be in no sink whatever is captured."""

ASKED = [
    {"role": "system", "content": SYSTEM},
    {"role": "user", "content": f"{PROMPT} with {PROMPTED_KEY} at https://joe:{PROMPTED_PASSWORD}@db.test/"},
]
PARAMETERS = {"type": "object", "properties": {"place": {"type": "string", "description": TOOL_PARAMETER}}}
CALLED = Answer("", tool_calls=(ToolUse("look", {"place": TOOL_ARGUMENT, "key": ARGUMENT_KEY}),))
SAID = Answer(COMPLETION, thinking=REASONING)
HEADERS = {"Authorization": f"Bearer {BEARER}", "x-canary": HEADER}


class Raw:
    """An OTLP endpoint that keeps the bytes it is sent, decompressed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                bodies.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


# -- the app


def main(server: ModelServer) -> None:
    """Every kind of call, sync and async, whole and streamed."""
    shown = f"http://joe:{URL_PASSWORD}@{server.openai_url.removeprefix('http://')}"
    oai: dict[str, Any] = {"api_key": OPENAI_KEY, "base_url": server.openai_url, "max_retries": 0}
    ant: dict[str, Any] = {"api_key": ANTHROPIC_KEY, "base_url": server.anthropic_url, "max_retries": 0}
    ant["default_headers"] = {"x-canary": HEADER}
    with openai.OpenAI(**oai) as client, anthropic.Anthropic(**ant) as other:
        openai_calls(server, client)
        anthropic_calls(server, other)
    with openai.OpenAI(**{**oai, "base_url": shown}) as client:
        chat(client.chat.completions.create)
    asyncio.run(awaited(server, oai, ant))
    own(20)


def chat(create: Callable[..., Any], **more: Any) -> Any:
    """One chat of OpenAI's, with everything in it that a chat can have."""
    tool = {"type": "function", "function": {"name": "look", "description": TOOL_DESCRIPTION, "parameters": PARAMETERS}}
    image = {"type": "image_url", "image_url": {"url": f"https://pictures.test/{IMAGE_URL}.png"}}
    called = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        *ASKED,
        {"role": "user", "content": [{"type": "text", "text": PROMPT}, image]},
        {"role": "assistant", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_1", "content": f"{TOOL_RESULT} {RESULT_KEY}"},
    ]
    return create(model="gpt-5-mini", messages=messages, tools=[tool], **more)


def message(create: Callable[..., Any], **more: Any) -> Any:
    """One message of Anthropic's, with everything in it that a message can have."""
    text = {"type": "text", "media_type": "text/plain", "data": DOCUMENT}
    called = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"place": TOOL_ARGUMENT}}
    messages = [
        {
            "role": "user",
            "content": [{"type": "document", "source": text}, {"type": "text", "text": ASKED[1]["content"]}],
        },
        {"role": "assistant", "content": [{"type": "text", "text": PREFILL}, called]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": TOOL_RESULT}]},
    ]
    tool = {"name": "look", "description": TOOL_DESCRIPTION, "input_schema": PARAMETERS}
    return create(
        model="claude-test", max_tokens=2000, system=SYSTEM, messages=messages, tools=[tool],
        thinking={"type": "enabled", "budget_tokens": 1024}, extra_headers=HEADERS, **more,
    )  # fmt: skip


def openai_calls(server: ModelServer, client: openai.OpenAI) -> None:
    server.reply(SAID, CALLED, SAID, Answer(refusal=REFUSAL), SAID, CALLED)
    chat(client.chat.completions.create)
    chat(client.chat.completions.create)
    list(chat(client.chat.completions.create, stream=True))
    chat(client.chat.completions.create)
    client.responses.create(model="gpt-5-mini", input=RESPONSES_INPUT, instructions=INSTRUCTIONS)
    list(client.responses.create(model="gpt-5-mini", input=RESPONSES_INPUT, stream=True))
    schema = {"type": "object", "properties": {STRUCTURED: {"type": "string"}}}
    server.reply(SAID)
    client.chat.completions.create(
        model="gpt-5-mini", messages=ASKED,
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": schema}},
    )  # fmt: skip
    client.embeddings.create(model="text-embedding-3-small", input=[EMBEDDED, PROMPTED_KEY])
    chat(client.chat.completions.with_raw_response.create).parse()
    server.fail("/chat/completions", Fault(401, f"Incorrect API key provided: {ECHOED_KEY} for {OPENAI_ERROR}"))
    with contextlib.suppress(openai.APIError):
        chat(client.chat.completions.create)
    server.reply(Answer(COMPLETION * 9, then=Fault(500, f"{BROKEN_STREAM} {ECHOED_KEY}")))
    with contextlib.suppress(openai.APIError):
        list(chat(client.chat.completions.create, stream=True))


def anthropic_calls(server: ModelServer, client: anthropic.Anthropic) -> None:
    server.reply(SAID, CALLED, SAID, SAID)
    message(client.messages.create)
    message(client.messages.create)
    list(message(client.messages.create, stream=True))
    with message(client.messages.stream) as stream:
        stream.until_done()
    server.fail("/messages", Fault(400, f"{ANTHROPIC_ERROR} {ECHOED_KEY}"))
    with contextlib.suppress(anthropic.APIError):
        message(client.messages.create)
    client.messages.count_tokens(model="claude-test", messages=[{"role": "user", "content": PROMPT}])


async def awaited(server: ModelServer, oai: dict[str, Any], ant: dict[str, Any]) -> None:
    async with openai.AsyncOpenAI(**oai, default_headers=HEADERS) as client, anthropic.AsyncAnthropic(**ant) as other:
        server.reply(SAID, SAID, SAID, SAID)
        await chat(client.chat.completions.create)
        async for _ in await chat(client.chat.completions.create, stream=True):
            pass
        await message(other.messages.create)
        async for _ in await message(other.messages.create, stream=True):
            pass
        server.fail("/messages", Fault(529, f"{ANTHROPIC_ERROR} {ECHOED_KEY}"))
        with contextlib.suppress(anthropic.APIError):
            await message(other.messages.create)
    await worked(STEP_ARGUMENT, password=STEP_PASSWORD)


@llmtrace.step
async def worked(given: str, *, password: str) -> dict[str, str]:
    return {"result": STEP_RESULT, "key": RESULT_KEY}


@llmtrace.tool
def look(place: str, api_key: str) -> str:
    return LOCAL_TOOL_RESULT


@llmtrace.retrieval
def search(query: str, top_k: int = 2) -> list[dict[str, Any]]:
    return [{"id": "d1", "text": RETRIEVED, "metadata": {"from": RETRIEVED_METADATA}, "score": 0.5}]


@llmtrace.step
def failing(given: str) -> None:
    raise ValueError(f"{STEP_ERROR} {ECHOED_KEY}")


@llmtrace.step
def yielding() -> Iterator[str]:
    yield YIELDED


@llmtrace.workflow
def own(depth: int) -> str:
    """The app's own steps."""
    with llmtrace.conversation("c-1", user="u-1", ticket=METADATA, password=METADATA_KEY, note=METADATA_KEY):
        look(LOCAL_TOOL_ARGUMENT, api_key=ARGUMENT_KEY)
        search(QUERY)
        list(yielding())
        with contextlib.suppress(ValueError):
            failing(STEP_ARGUMENT)
    return STEP_RESULT


# -- the sinks


def sinks(capture: str, store: Path) -> dict[str, str]:
    """Runs the app with every sink on, and gives what each of them got as text."""
    logged: list[str] = []
    listening = logging.Handler(logging.DEBUG)
    listening.emit = lambda record: logged.append(logging.Formatter().format(record))  # type: ignore[method-assign]
    for name in ("llmtrace", "opentelemetry"):
        logging.getLogger(name).addHandler(listening)
        logging.getLogger(name).setLevel(logging.DEBUG)
    reader, logs, memory = InMemoryMetricReader(), InMemoryLogRecordExporter(), InMemorySpanExporter()
    metrics.set_meter_provider(MeterProvider([reader]))
    logger_provider = LoggerProvider()
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
    set_logger_provider(logger_provider)
    raw = Raw()
    remote = {"kind": "otlp", "endpoint": f"{raw.url}/v1/traces", "headers": {"x-team": EXPORTER_HEADER}}
    exporters: list[str | SpanExporter | dict[str, Any]] = [memory, remote, "local", "console"]
    handle = llmtrace.init(exporters=exporters, capture=capture)
    logged.append(repr(handle))
    with ModelServer() as server:
        token = context.attach(baggage.set_baggage("user", PROMPT))
        with trace.get_tracer("app").start_as_current_span("app"):
            main(server)
        context.detach(token)
        headers = [f"{name}: {value}" for request in server.requests for name, value in request.headers.items()]
    assert handle.flush()
    measured = reader.get_metrics_data()
    assert handle.shutdown()
    raw.close()
    return {
        "spans": "\n".join(span.to_json() for span in memory.get_finished_spans()),
        "otlp": "\n".join(body.decode("utf-8", "replace") for body in raw.bodies),
        "store": stored(store),
        "logs": "\n".join(logged),
        "events": "\n".join(map(event, logs.get_finished_logs())),
        "metrics": measured.to_json() if measured else "",
        "sent": "\n".join(headers),
    }


def event(record: Any) -> str:
    return json.dumps(json.loads(record.to_json())) if hasattr(record, "to_json") else repr(record.log_record)


def stored(store: Path) -> str:
    """All bytes of the store's files, and what SQLite says is in them."""
    files = b"".join(path.read_bytes() for path in store.parent.glob(f"{store.name}*"))
    with contextlib.closing(sqlite3.connect(store)) as db:
        return files.decode("utf-8", "replace") + "\n".join(db.iterdump())


if __name__ == "__main__":
    json.dump(sinks(sys.argv[1], Path(os.environ["LLMTRACE_STORE"])), sys.stdout)
