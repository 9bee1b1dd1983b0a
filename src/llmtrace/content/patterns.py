"""The secrets that llmtrace knows by sight: their shapes in text, and the names that announce them.

Every pattern is made so that matching takes time in proportion to the text, whatever the text: all of it but its last
element is bounded in length, and what is unbounded at its end never has to be given back.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple


class Rule(NamedTuple):
    """One kind of secret. The first group of `pattern` is what stays in front of the secret, `after` what stays behind.

    `hint` is found in every text that `pattern` is found in: a simpler pattern, for an engine that is much faster.
    """

    kind: str
    pattern: str
    hint: str
    after: str = ""


_ENDINGS: Final = (
    *("password", "passwd", "passphrase", "secret", "credential", "authorization"),
    *("api key", "access key", "account key", "private key", "secret key", "subscription key", "license key"),
    *("access token", "refresh token", "auth token", "id token", "session token", "security token", "bearer token"),
    *("api token", "secret token", "csrf token"),
)
"""A name that ends so announces a secret: `db_password`, `OPENAI_API_KEY`, `x-api-key`, `awsSecretAccessKey`."""

_WHOLE: Final = ("token", "pwd", "credentials", "auth")
"""A name that is just this announces one too; `max_tokens`, `token_count` and `next_page_token` do not."""

_COMPACT_ENDINGS: Final = tuple(name.replace(" ", "") for name in _ENDINGS)
_COMPACT_WHOLE: Final = frozenset({*_WHOLE, "cookie", "setcookie", "cookies"})
_LONGEST_NAME: Final = 64

# Where a key may begin: not inside a word, but after an escape that a JSON text or a URL spells with a letter.
_START: Final = r"(^|[^A-Za-z0-9]|\\[nrt]|%[0-9A-F]{2})"
_KEY: Final = (
    r"(?:sk-(?:[a-z0-9]{1,12}-){0,2}|[rs]k_(?:live|test)_|gh[pousr]_|hf_|gsk_|r8_|whsec_|dop_v1_|dapi|hcaik_|sgp_|nvapi-"
    r"|xai-|pplx-|tvly-|lsv2_[a-z]{2}_|AKIA|ASIA)[A-Za-z0-9]{16}"
)
_DASHED_KEY: Final = (
    r"(?:sk-(?:proj|svcacct|admin|ant|or|lf)-|github_pat_|glpat-|xox[abeoprs]-|xapp-|AIza|GOCSPX-|ya29\.|SG\.)"
    "[A-Za-z0-9_-]{16}"
)
_JWT: Final = r"eyJ(?:hbGci|0eXAi|raWQi|lbmMi|4NXQi|jdHki|qa3Ui|6aXAi)[A-Za-z0-9._-]{10}"
_ANNOUNCED: Final = "|".join(name.replace(" ", "[ _-]?") for name in _ENDINGS)
_ALONE: Final = "|".join(_WHOLE)
_GAP: Final = r"[ \t\r\n]{0,4}"
_SCHEME: Final = "(?i:basic|bearer|token|apikey|digest)"
# The letters that the names begin with: looked at first, they make a search through a long text five times as fast.
_BEGINNINGS: Final = "".join(
    f"[{''.join(sorted({case for name in (*_ENDINGS, *_WHOLE) for case in (name[at], name[at].upper())}))}]"
    for at in range(3)
)
_PAIR: Final = (
    rf"((?={_BEGINNINGS})(?:(?i:{_ANNOUNCED})|(?<![A-Za-z0-9_-])(?i:{_ALONE}))"
    rf"(?:\\{{0,3}}[\"'])?{_GAP}(?:=>|:=|[:=]){_GAP}"
    # The value's opening: an escaped quote, a quote, or none, and then perhaps the scheme of an Authorization header.
    rf"(?:(\\{{1,3}}[\"'])|(\")|(')|(?:{_SCHEME} {{1,4}})?))"
    # The value goes on until what its opening makes its end.
    r"(?(2)[^\"'\\]+|(?(3)(?:[^\"\\\n]|\\.)+|(?(4)(?:[^'\\\n]|\\.)+"
    rf"|(?!{_SCHEME} )[^\s\"'\\&,;<>{{}}\[\]()]{{4,}})))"
)

RULES: Final = (
    Rule("private-key", r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)(?:[^-]|-[^-])+", "PRIVATE KEY"),
    Rule("jwt", rf"(){_JWT}[A-Za-z0-9._-]*", _JWT),
    Rule(
        "url-credentials",
        r"(://[^ \t\r\n/:@\"'<>\[]{0,64}:)[^ \t\r\n/\"'<>]{1,512}@",
        r"://[^ \t\r\n/:@\"'<>]*:[^ \t\r\n/\"'<>]+@",
        after="@",
    ),
    Rule("api-key", rf"{_START}{_KEY}[A-Za-z0-9_-]*", _KEY),
    Rule("api-key", rf"{_START}{_DASHED_KEY}[A-Za-z0-9_-]*", _DASHED_KEY),
    # Before a bearer token by itself: this one knows what announces it too.
    Rule("secret", _PAIR, rf"(?i:{_ANNOUNCED}|{_ALONE})[\\\"']*[ \t\r\n]*[:=]"),
    Rule("bearer-token", r"((?i:bearer)[ \t]{1,4})[A-Za-z0-9._~+/=-]{20,}", r"(?i:bearer)[ \t]+[A-Za-z0-9._~+/=-]{20}"),
    Rule(
        "signature",
        r"([?&](?i:sig|x-amz-signature|x-goog-signature)=)[^\s&\"'<>]{8,}",
        r"[?&](?i:sig|x-amz-signature|x-goog-signature)=",
    ),
    Rule(
        "cookie",
        rf"((?i:cookie)(?:\\{{0,3}}[\"'])?{_GAP}:{_GAP}(?:\\{{0,3}}[\"'])?[\w.-]{{1,64}}=)[^\n\"'\\]+",
        r"(?i:cookie)[\\\"']*[ \t\r\n]*:",
    ),
)


def shown(kind: str) -> str:
    """What stands where a secret was."""
    return f"[redacted:{kind}]"


@lru_cache(maxsize=4096)
def announces(name: str) -> bool:
    """Whether a mapping's key, header or variable of this name holds a secret, however its words are joined."""
    if len(name) > _LONGEST_NAME:
        return False
    compact = name.lower().replace("_", "").replace("-", "").replace(" ", "")
    return compact in _COMPACT_WHOLE or compact.endswith(_COMPACT_ENDINGS)


def hides(name: str, value: Any) -> str | None:
    """What stands in for a mapping's value, where its name announces a secret and there is one."""
    empty = value is None or type(value) is bool or (type(value) is str and not value)
    return None if empty or not announces(name) else shown("secret")
