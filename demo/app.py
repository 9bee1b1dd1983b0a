"""The help desk of a bike rental, once on OpenAI and once on Anthropic; decorators say what is a step of the chain."""

import asyncio
import json
from collections.abc import Callable

import anthropic
import openai

import llmtrace
from demo.tools import SCHEMAS, Notes, readable, use

REWRITE = "Rewrite the customer's last question as a short search query. Answer with the query alone."
ANSWER = (
    "You are the help desk of a bike rental. Answer in a sentence or two, from these notes and your tools:\n{notes}"
)

rewriting = llmtrace.prompt("search query", version=2, template=REWRITE)
answering = llmtrace.prompt("answer", version=5, template=ANSWER)

Say = Callable[[str], None]


def instructions(notes: list[dict[str, object]]) -> str:
    """What the model is told before it answers."""
    return ANSWER.format(notes="\n".join(f"- {note['text']}" for note in notes))


class OpenAIDesk:
    """Answers one customer with OpenAI's models."""

    model, spare = "gpt-5-mini", "gpt-5-nano"
    tools = tuple({"type": "function", "function": schema} for schema in SCHEMAS)

    def __init__(self, client: openai.OpenAI, notes: Notes, say: Say) -> None:
        self.client, self.notes, self.say = client, notes, say
        self.history: list = []
        self.handle: str | None = None

    @llmtrace.workflow(name="help desk")
    def answer(self, question: str) -> str:
        """Answers the question, saying the words as they come."""
        self.handle = llmtrace.current().handle
        self.history.append({"role": "user", "content": readable(question)})
        answer = self.reply(instructions(self.look_up()))
        self.history.append({"role": "assistant", "content": answer})
        return answer

    @llmtrace.chain(name="look up")
    def look_up(self) -> list[dict[str, object]]:
        """What the notes say to the last question."""
        return self.notes.search(self.rewrite())

    @llmtrace.step
    @rewriting
    def rewrite(self) -> str:
        """The last question, as a search query."""
        return self.ask([{"role": "system", "content": REWRITE}, *self.history]).choices[0].message.content

    @llmtrace.step
    @answering
    def reply(self, system: str) -> str:
        """Lets the model use its tools, and streams what it says then."""
        messages = [{"role": "system", "content": system}, *self.history]
        message = self.ask(messages, tools=self.tools).choices[0].message
        if not message.tool_calls:
            self.say(message.content)
            return message.content
        messages.append(message)
        for call in message.tool_calls:
            result = use(call.function.name, json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        said = []
        for chunk in self.ask(messages, tools=self.tools, stream=True, stream_options={"include_usage": True}):
            for choice in chunk.choices:
                said.append(choice.delta.content or "")
                self.say(said[-1])
        return "".join(said)

    def ask(self, messages: list, **more: object) -> object:
        """Asks the model, or the spare one when the first has no room."""
        try:
            return self.client.chat.completions.create(model=self.model, messages=messages, **more)
        except openai.RateLimitError:
            return self.client.chat.completions.create(model=self.spare, messages=messages, **more)


class AnthropicDesk:
    """Answers one customer with Anthropic's models, without ever blocking the event loop."""

    model = "claude-haiku-4-5"
    tools = tuple(
        {"name": schema["name"], "description": schema["description"], "input_schema": schema["parameters"]}
        for schema in SCHEMAS
    )

    def __init__(self, client: anthropic.AsyncAnthropic, notes: Notes, say: Say) -> None:
        self.client, self.notes, self.say = client, notes, say
        self.history: list = []
        self.handle: str | None = None

    @llmtrace.workflow(name="help desk")
    async def answer(self, question: str) -> str:
        """Answers the question, saying the words as they come."""
        self.handle = llmtrace.current().handle
        self.history.append({"role": "user", "content": readable(question)})
        answer = await self.reply(instructions(await self.look_up()))
        self.history.append({"role": "assistant", "content": answer})
        return answer

    @llmtrace.chain(name="look up")
    async def look_up(self) -> list[dict[str, object]]:
        """What the notes say to the last question."""
        return await asyncio.to_thread(self.notes.search, await self.rewrite())

    @llmtrace.step
    @rewriting
    async def rewrite(self) -> str:
        """The last question, as a search query."""
        message = await self.client.messages.create(
            model=self.model, max_tokens=60, system=REWRITE, messages=self.history
        )
        return message.content[0].text

    @llmtrace.step
    @answering
    async def reply(self, system: str) -> str:
        """Streams what the model says, and runs the tools it asks for, until it asks for none."""
        messages = list(self.history)
        while True:
            async with self.client.messages.stream(
                model=self.model, max_tokens=500, system=system, tools=self.tools, messages=messages
            ) as stream:
                async for text in stream.text_stream:
                    self.say(text)
                message = await stream.get_final_message()
            calls = [block for block in message.content if block.type == "tool_use"]
            if not calls:
                return "".join(block.text for block in message.content if block.type == "text")
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": use(call.name, call.input)} for call in calls
            ]
            messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
