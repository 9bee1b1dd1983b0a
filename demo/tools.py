"""What the help desk can look up and work out: its tools, its search through the notes, and what no model may read."""

import json
import re
from operator import itemgetter

import openai

import llmtrace
from demo.corpus import BOOKINGS, NOTES, PRICES


@llmtrace.tool
def booking_status(booking_id: str) -> dict[str, str]:
    """The state of a booking."""
    return {"booking": booking_id, **BOOKINGS.get(booking_id, {"state": "unknown"})}


@llmtrace.tool
def price_quote(bike: str, days: int) -> dict[str, object]:
    """The price of a rental; every fourth day is free."""
    return {"bike": bike, "days": days, "euros": PRICES[bike] * (days - days // 4)}


TOOLS = {"booking_status": booking_status, "price_quote": price_quote}

SCHEMAS = [
    {
        "name": "booking_status",
        "description": "The state of a booking. Booking ids look like B-1234.",
        "parameters": {
            "type": "object",
            "properties": {"booking_id": {"type": "string"}},
            "required": ["booking_id"],
        },
    },
    {
        "name": "price_quote",
        "description": "The price in euros of renting a bike.",
        "parameters": {
            "type": "object",
            "properties": {"bike": {"enum": list(PRICES)}, "days": {"type": "integer", "minimum": 1}},
            "required": ["bike", "days"],
        },
    },
]


CARD_NUMBER = re.compile(r"\b(?:\d[ -]?){12,18}\d\b")


@llmtrace.guardrail(name="no card numbers")
def readable(question: str) -> str:
    """The question as a model may read it."""
    return CARD_NUMBER.sub("(card number)", question)


def use(name: str, arguments: dict) -> str:
    """Runs the tool that the model asked for; what goes wrong is the model's to know."""
    try:
        return json.dumps(TOOLS[name](**arguments))
    except (KeyError, TypeError) as error:
        return json.dumps({"error": f"{type(error).__name__}: {error}"})


class Notes:
    """The desk's notes. Without an OpenAI client to embed them, words stand in for meaning."""

    def __init__(self, client: openai.OpenAI | None) -> None:
        self.client = client
        self.vectors: dict[str, list[float]] = {}

    @llmtrace.retrieval(name="notes")
    def search(self, query: str, top_k: int = 2) -> list[dict[str, object]]:
        """The notes nearest to the query."""
        scores = self.near(query) if self.client else self.shared_words(query)
        best = sorted(scores.items(), key=itemgetter(1), reverse=True)[:top_k]
        return [{"id": note, "text": NOTES[note], "score": round(score, 3)} for note, score in best]

    def near(self, query: str) -> dict[str, float]:
        """How near each note's vector is to the query's; the notes are embedded once."""
        if not self.vectors:
            self.vectors = dict(zip(NOTES, self.embed(list(NOTES.values())), strict=True))
        (asked,) = self.embed([query])
        return {note: sum(map(float.__mul__, asked, vector)) for note, vector in self.vectors.items()}

    def embed(self, texts: list[str]) -> list[list[float]]:
        """The texts' vectors."""
        answer = self.client.embeddings.create(model="text-embedding-3-small", input=texts)
        return [row.embedding for row in answer.data]

    def shared_words(self, query: str) -> dict[str, float]:
        """How many words each note shares with the query."""
        words = set(query.lower().split())
        return {note: float(len(words & set(text.lower().split()))) for note, text in NOTES.items()}
