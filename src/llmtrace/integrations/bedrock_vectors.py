"""Reads the models on Bedrock that answer in no words: embeddings and rerankers, invoked or asked by `Rerank`."""

from __future__ import annotations

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Document, Embedding, Json, Rerank
from llmtrace.facts.shape import integer, items, mapping, mappings, number, text
from llmtrace.integrations.bedrock import Body, invoked, reading


def _embedding(evidence: Evidence, body: Body) -> Embedding:
    """What Titan and Cohere are asked."""
    body = invoked(body)
    texts = [body.get("inputText"), *items(body.get("texts"))]
    kinds = items(body.get("embeddingTypes", body.get("embedding_types")))
    return Embedding(
        operation=evidence.start.operation.name,
        dimension_count=integer(body.get("dimensions", body.get("output_dimension"))),
        encoding_formats=[kind for kind in kinds if isinstance(kind, str)],
        input_texts=[one for one in texts if isinstance(one, str)],
    )


def _embedded(record: Embedding, body: Body) -> None:
    record.usage.input_tokens = integer(body.get("inputTextTokenCount"))
    several = body.get("embeddings")
    if isinstance(several, dict):  # by type, where the types were asked for
        several = next(iter(several.values()), None)
    vectors = items(several) or ([body["embedding"]] if items(body.get("embedding")) else [])
    record.vector_count = len(vectors) or None
    if record.dimension_count is None and vectors:
        record.dimension_count = len(items(vectors[0])) or None


def _invoked(_: Evidence, body: Body) -> Rerank:
    """What Cohere's and Amazon's rerankers are asked when they are invoked."""
    body = invoked(body)
    count = len(items(body.get("documents"))) or None
    return Rerank(query=text(body.get("query")), top_k=integer(body.get("top_n")), document_count=count)


def _reranking(_: Evidence, body: Body) -> Rerank:
    """What `Rerank` is asked."""
    config = mapping(mapping(body.get("rerankingConfiguration")).get("bedrockRerankingConfiguration"))
    queries = [text(mapping(query.get("textQuery")).get("text")) for query in mappings(body.get("queries"))]
    return Rerank(
        request_model=text(mapping(config.get("modelConfiguration")).get("modelArn")),
        query=next(filter(None, queries), None),
        top_k=integer(config.get("numberOfResults")),
        document_count=len(items(body.get("sources"))) or None,
    )


def _reranked(record: Rerank, body: Body) -> None:
    record.documents = [_document(result) for result in mappings(body.get("results"))]


def _document(result: Body) -> Document:
    """A document in its new place; it is named by the one that it had in the request."""
    index = integer(result.get("index"))
    inner: Json = mapping(result.get("document"))
    said = text(mapping(inner.get("textDocument")).get("text")) or text(inner.get("text"))
    score = number(result.get("relevanceScore", result.get("relevance_score")))
    return Document(None if index is None else str(index), score, said)


EMBEDDING = Operation("embeddings", reading(_embedding, _embedded), bears_usage=True)
INVOKED_RERANK = Operation("rerank", reading(_invoked, _reranked), bears_usage=True)
RERANK = Operation("rerank", reading(_reranking, _reranked), bears_usage=True)
