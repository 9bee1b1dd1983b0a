"""Whose models answer at which host: the one table of it, for all clients that can be pointed anywhere."""

from __future__ import annotations

from functools import lru_cache

PROVIDERS = {
    "anthropic": ("anthropic.com",),
    "azure.ai.openai": ("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"),
    "cerebras": ("cerebras.ai",),
    "cohere": ("cohere.ai", "cohere.com"),
    "deepseek": ("deepseek.com",),
    "fireworks": ("fireworks.ai",),
    "gcp.gemini": ("generativelanguage.googleapis.com",),
    "gcp.vertex_ai": ("aiplatform.googleapis.com",),
    "groq": ("groq.com",),
    "mistral_ai": ("mistral.ai",),
    "moonshot_ai": ("moonshot.ai", "moonshot.cn"),
    "openai": ("openai.com",),
    "openrouter": ("openrouter.ai",),
    "perplexity": ("perplexity.ai",),
    "together": ("together.ai", "together.xyz"),
    "x_ai": ("x.ai",),
}
"""The conventions' name of a provider, or its own where they have none → how the names of its hosts end."""

_AWS = (".amazonaws.com", ".api.aws")
_OLLAMA_PORT = 11434


@lru_cache(maxsize=1024)
def provider_at(host: str, port: int | None = None) -> str | None:
    """The provider at a host; None where the name says nothing."""
    if host.startswith("bedrock") and host.endswith(_AWS):
        return "aws.bedrock"
    for name, ends in PROVIDERS.items():
        # Vertex puts its region before the name with a hyphen.
        if any(host == end or host.endswith((f".{end}", f"-{end}")) for end in ends):
            return name
    return "ollama" if port == _OLLAMA_PORT else None
