"""Fake secrets in the shapes of real ones, put together at run time so that none stands in a file."""

FILLING = "Fake0Fake1Fake2Fake3Fake4Fake5Fake6Fake7"

KEYS = {
    "openai": "sk" + "-" + FILLING,
    "openai project": "sk" + "-proj-" + "Fa_ke" + FILLING,
    "anthropic": "sk" + "-ant-api03-" + FILLING,
    "openrouter": "sk" + "-or-v1-" + FILLING,
    "github": "gh" + "p_" + FILLING[:36],
    "github fine-grained": "github" + "_pat_" + FILLING,
    "aws": "AK" + "IA" + "FAKEFAKEFAKEFAKE",
    "google": "AI" + "za" + FILLING[:35],
    "slack": "xox" + "b-" + "123456789012-" + FILLING,
    "stripe": "sk" + "_live_" + FILLING[:24],
    "hugging face": "h" + "f_" + FILLING[:34],
    "groq": "gs" + "k_" + FILLING,
    "jwt": "ey" + "JhbGci" + "OiJIUzI1NiJ9." + FILLING + "." + FILLING,
}
"""Keys that are known by their own shape."""

PASSWORD = "correct-horse-battery"
"""One that only what stands before it gives away."""
