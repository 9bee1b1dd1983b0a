"""Nothing that client libraries look for among the loaded modules is first imported behind the app's back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

APP = """
import asyncio, json, sys, threading

WATCHED = {"httpx", "httpx2", "httpcore", "httpcore2", "openai", "anthropic", "requests", "aiohttp", "anyio"}
found = {}

class Watcher:
    # Python asks whenever a module is not loaded yet.
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in WATCHED:
            found.setdefault(name, threading.current_thread().name)

sys.meta_path.insert(0, Watcher)

import llmtrace
from llmtrace.testing.local_http import LocalServer, Response
from llmtrace.testing import ModelServer

class Backend(LocalServer):
    def answer(self, request):
        return Response(200, {"content-type": "application/x-protobuf"}, b"")

def begin(url):
    llmtrace.init(exporters=["local", url])

def import_clients():
    import anthropic, openai

def call(server):
    import anthropic, openai
    asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
    claude = {"model": "claude-haiku-4-5", "max_tokens": 10, "messages": asked["messages"]}
    with openai.OpenAI(base_url=server.openai_url, api_key="fake") as client:
        client.chat.completions.create(**asked)
        list(client.chat.completions.create(**asked, stream=True))
        client.responses.create(model="gpt-4o-mini", input="Hello")
        client.embeddings.create(model="text-embedding-3-small", input="Hello")
    with anthropic.Anthropic(base_url=server.anthropic_url, api_key="fake") as client:
        client.messages.create(**claude)
        with client.messages.stream(**claude) as stream:
            stream.get_final_message()
    async def main():
        async with openai.AsyncOpenAI(base_url=server.openai_url, api_key="fake") as client:
            await client.chat.completions.create(**asked)
        async with anthropic.AsyncAnthropic(base_url=server.anthropic_url, api_key="fake") as client:
            async for _ in await client.messages.create(**claude, stream=True):
                pass
    asyncio.run(main())

with Backend() as backend, ModelServer(gzip=sys.argv[2] == "gzip") as server:
    steps = [lambda: begin(backend.url), import_clients]
    for step in steps if sys.argv[1] == "init first" else reversed(steps):
        step()
    call(server)
    workers = {thread.name for thread in threading.enumerate()}
    assert llmtrace.flush()
    call(server)
    assert llmtrace.shutdown()
    served = [len(backend.requests), len(server.requests)]
priced = "genai_prices" in sys.modules
print(json.dumps({"found": found, "workers": sorted(workers), "served": served, "priced": priced}))
"""


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("order", ["init first", "clients first"])
def test_what_clients_look_for_is_imported_on_the_apps_own_thread(order: str, encoding: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", APP, order, encoding],
        capture_output=True,
        text=True,
        env={**os.environ, "LLMTRACE_STORE": str(tmp_path / "traces.db")},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "llmtrace-worker" in seen["workers"]
    assert seen["priced"]
    assert all(seen["served"])
    assert {"openai", "anthropic", "anyio"} <= seen["found"].keys()
    assert {"httpx", "httpx2"} & seen["found"].keys()
    assert {name: thread for name, thread in seen["found"].items() if thread != "MainThread"} == {}
