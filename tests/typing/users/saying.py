"""What an app says of the step that it is in, and what of that is wrong."""

from typing_extensions import assert_type

import llmtrace


@llmtrace.llm(model="m", provider="mine")
def ask(question: str) -> str:
    here = llmtrace.current()
    here.model("m", provider="mine")
    here.parameters(temperature=0.5, max_tokens=10, stop_sequences=["END"])
    here.messages([{"role": "user", "content": question}], "Yes.", system="Be brief.")
    here.usage(input_tokens=1, output_tokens=2)
    here.documents(["text", {"id": 1}, ("text", 0.5)], top_k=3)
    here.tools(["search"])
    here.response(id="r-1", model="m-1")
    here.finish("stop")
    here.parameters(warmth=0.5)  # wrong
    here.usage(input="many")  # wrong
    here.finish(1)  # wrong
    return "Yes."


@llmtrace.step(model="m")  # wrong
def no_model() -> None: ...


assert_type(ask("Is it?"), str)
assert_type(llmtrace.current().handle, str | None)
assert_type(llmtrace.feedback("handle", "thumbs", True, comment="spot on"), bool)
llmtrace.conversation()  # wrong
llmtrace.capture(1)  # wrong
