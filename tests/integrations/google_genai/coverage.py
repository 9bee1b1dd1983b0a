"""The public methods of Google's client that go over the network: which are traced, and why the others are not.

A name that ends with a dot stands for all below it. What only the client of Vertex AI has is said in `VERTEX`.
"""

from __future__ import annotations

from typing import Any

TRACED = {
    "batches.cancel": "cancel_batch",
    "batches.create": "create_batch",
    "batches.create_embeddings": "create_batch",
    "batches.get": "retrieve_batch",
    "caches.create": "create_cache",
    "caches.delete": "delete_cache",
    "caches.get": "retrieve_cache",
    "caches.update": "update_cache",
    "decisions.create": "generate_content",
    "interactions.cancel": "cancel_response",
    "interactions.create": "generate_content",
    "interactions.delete": "delete_response",
    "interactions.get": "fetch_response",
    "models.compute_tokens": "count_tokens",
    "models.count_tokens": "count_tokens",
    "models.edit_image": "generate_content",
    "models.embed_content": "embeddings",
    "models.generate_content": "generate_content",
    "models.generate_content_stream": "generate_content",
    "models.generate_images": "generate_content",
    "models.generate_videos": "generate_content",
    "models.recontext_image": "generate_content",
    "models.segment_image": "generate_content",
    "models.upscale_image": "generate_content",
}
"""Method → the operation that its span is of. A chat's `send_message` goes through `models`."""

_LISTS = "lists what there is; no model is asked"
_MANAGES = "administers what is kept with the provider; no model is asked"
_JOB = "a job that runs with the provider for long, and says nothing of what it used"

EXCLUDED = {
    "agents.": "administers agents; what they do is an interaction, which is traced",
    "auth_tokens.": "makes a token for the Live API; no model is asked",
    "batches.delete": _MANAGES,
    "batches.list": _LISTS,
    "caches.list": _LISTS,
    "chats.create": "sends nothing: what is sent in a chat goes through `models`, which is traced",
    "close": "sends nothing",
    "credentials.": _MANAGES,
    "environments.": _MANAGES,
    "file_search_stores.": _MANAGES,
    "files.": _MANAGES,
    "models.delete": _MANAGES,
    "models.get": _MANAGES,
    "models.list": _LISTS,
    "models.update": _MANAGES,
    "operations.": "asks how far a job has come, which is traced where it begins",
    "triggers.": "administers what starts interactions later, in a place where the app is not",
    "tunings.": _JOB,
    "voices.": _MANAGES,
    "webhooks.": _MANAGES,
}
"""Method → why it makes no span."""

EXCLUDED_ASYNC = {
    "live.": "a session over a websocket, in which no request is answered by itself",
}
"""The same for what only the async side has."""

VERTEX = (
    "models.compute_tokens",
    "models.edit_image",
    "models.generate_images",
    "models.generate_videos",
    "models.recontext_image",
    "models.segment_image",
    "models.upscale_image",
)

_IMAGE = {"image_bytes": b"x", "mime_type": "image/png"}

GIVEN: dict[str, dict[str, Any]] = {
    "batches.cancel": {"name": "batches/b1"},
    "batches.create": {
        "model": "gemini-2.5-flash",
        "src": [{"contents": [{"parts": [{"text": "x"}], "role": "user"}]}],
    },
    "batches.create_embeddings": {
        "model": "gemini-embedding-001",
        "src": {"inlined_requests": {"contents": [{"parts": [{"text": "x"}]}]}},
    },
    "batches.get": {"name": "batches/b1"},
    "caches.create": {"model": "gemini-2.5-flash"},
    "caches.delete": {"name": "cachedContents/c1"},
    "caches.get": {"name": "cachedContents/c1"},
    "caches.update": {"name": "cachedContents/c1", "config": {"ttl": "60s"}},
    "decisions.create": {
        "model": "models/gemini-3",
        "input": "It is dark.",
        "questions": {"night": {"type": "score", "criteria": ["dark"], "instructions": "Is it night?"}},
    },
    "interactions.cancel": {"id": "i1"},
    "interactions.create": {"model": "gemini-3", "input": "x"},
    "interactions.delete": {"id": "i1"},
    "interactions.get": {"id": "i1"},
    "models.compute_tokens": {"model": "gemini-2.5-flash", "contents": "x"},
    "models.count_tokens": {"model": "gemini-2.5-flash", "contents": "x"},
    "models.edit_image": {
        "model": "imagen-3.0-capability-001",
        "prompt": "x",
        "reference_images": [{"reference_type": "REFERENCE_TYPE_RAW", "reference_id": 1, "reference_image": _IMAGE}],
    },
    "models.embed_content": {"model": "gemini-embedding-001", "contents": "x"},
    "models.generate_content": {"model": "gemini-2.5-flash", "contents": "x"},
    "models.generate_content_stream": {"model": "gemini-2.5-flash", "contents": "x"},
    "models.generate_images": {"model": "imagen-4.0-generate-001", "prompt": "x"},
    "models.generate_videos": {"model": "veo-3.0-generate-001", "prompt": "x"},
    "models.recontext_image": {
        "model": "imagen-product-recontext-preview-06-30",
        "source": {"prompt": "x", "product_images": [{"product_image": _IMAGE}]},
    },
    "models.segment_image": {"model": "image-segmentation-001", "source": {"image": _IMAGE}},
    "models.upscale_image": {"model": "imagen-3.0-generate-002", "image": _IMAGE, "upscale_factor": "x2"},
}
"""What each traced method is called with."""
