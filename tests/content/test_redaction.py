import importlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.content.patterns import RULES, announces, hides
from llmtrace.content.redaction import Redactor, _detector
from tests.content.secrets_made import FILLING, KEYS, PASSWORD

REDACTOR = Redactor()

FORMS = {
    "alone": "{}",
    "in a sentence": "my key is {}, keep it",
    "in JSON": '{{"content": "{}"}}',
    "in JSON in JSON": '{{\\"content\\": \\"{}\\"}}',
    "after an escaped line break": "keys:\\n{}\\n",
    "in an environment file": "SOMETHING={}\nOTHER=1",
    "in a header": "X-Custom: {}",
    "in a URL's query": "https://api.example.com/v1?k={}&a=b",
    "percent-encoded": "a%3D{}",
    "in a path": "/keys/{}/use",
    "in XML": "<key>{}</key>",
    "in brackets": "({})",
}

ANNOUNCED = {
    "an assignment": "password={}",
    "a spaced assignment": 'api_key = "{}"',
    "a keyword": "connect(password='{}')",
    "JSON": '{{"client_secret": "{}"}}',
    "JSON in JSON": '{{\\"access_token\\":\\"{}\\"}}',
    "JSON in JSON in JSON": '{{\\\\\\"password\\\\\\":\\\\\\"{}\\\\\\"}}',
    "YAML": "db_password: {}\nuser: me",
    "an environment file": "OPENAI_API_KEY={}",
    "camel case": '"awsSecretAccessKey": "{}"',
    "a connection string": "Server=db;User Id=me;Password={};Encrypt=true",
    "a storage account": "AccountName=a;AccountKey={};EndpointSuffix=b",
    "a header": "X-Api-Key: {}",
    "a bearer header": "Authorization: Bearer {}",
    "a basic header": "authorization: Basic {}",
    "a header in JSON": '{{"Authorization": "Bearer {}"}}',
    "a raw header": "Authorization: {}",
    "a token": '"token": "{}"',
    "a cookie": "Cookie: session={}; theme=dark",
    "a database URL": "postgresql://me:{}@db.example.com:5432/app",
    "a URL without a user": "redis://:{}@localhost:6379/0",
    "a signed URL": "https://b.example.com/o?sv=1&sig={}&se=2",
    "a Ruby hash": "password => '{}'",
}

INNOCENT = [
    "max_tokens=100 and token_count: 12345, next_page_token_hint",
    "tokens: 12345, total_tokens: 99999",
    "a task-oriented-dialogue-systems-benchmark and risk-management-framework-for-everyone",
    "the sk-learn-compatible estimators",
    "https://example.com:8080/path@home and git@github.com:owner/repository.git",
    "He was a bearer of bad news, and the secretary kept the passwords policy",
    '{"type": "object", "properties": {"password": {"type": "string"}}}',
    "hf_model_name_with_underscores AKIA",
    "the monkey=business and hockey: results",
]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_known_by_its_shape(key, form):
    redacted = REDACTOR.known(form.format(key))
    assert FILLING[:8] not in redacted
    assert key not in redacted
    assert "[redacted:" in redacted


@pytest.mark.parametrize("form", ANNOUNCED.values(), ids=ANNOUNCED)
@pytest.mark.parametrize("case", [str, str.upper, str.lower], ids=["as is", "upper", "lower"])
def test_a_secret_is_known_by_what_announces_it(form, case):
    before, _, after = form.partition("{}")
    text = (case(before) + "{}" + after).format(PASSWORD)
    redacted = REDACTOR.known(text)
    assert PASSWORD not in redacted
    assert redacted.count("[redacted:") == 1


def test_what_surrounds_a_secret_stays_and_json_stays_json():
    key = KEYS["openai"]
    assert REDACTOR.known(f"use {key} now") == "use [redacted:api-key] now"
    assert REDACTOR.known(f"https://me:{PASSWORD}@host/x") == "https://me:[redacted:url-credentials]@host/x"
    held = {"password": f'{PASSWORD}"quoted\\', "n": 1, "list": [key]}
    assert json.loads(REDACTOR.known(json.dumps(held))) == {
        "password": "[redacted:secret]",
        "n": 1,
        "list": ["[redacted:api-key]"],
    }


def test_a_private_key_goes_to_its_last_line():
    body = "\n".join([FILLING] * 20)
    text = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\nafter"
    redacted = REDACTOR.known(text)
    assert FILLING[:8] not in redacted
    assert redacted.endswith("after")


@pytest.mark.parametrize("text", INNOCENT)
def test_an_innocent_text_is_left_alone(text):
    assert REDACTOR.text(text) is text


@pytest.mark.parametrize("name", [
    "authorization", "Authorization", "proxy-authorization", "api_key", "apiKey", "X-API-Key", "OPENAI_API_KEY",
    "password", "db_password", "passwd", "secret", "client_secret", "token", "access_token", "refreshToken", "cookie",
    "Set-Cookie", "credentials", "aws_secret_access_key", "private key", "pwd",
])  # fmt: skip
def test_a_name_announces_a_secret(name):
    assert announces(name)
    assert hides(name, "value") == hides(name, {"any": ["value"]}) == "[redacted:secret]"
    assert hides(name, None) is hides(name, "") is hides(name, True) is None


@pytest.mark.parametrize("name", [
    "max_tokens", "token_count", "tokens", "input_tokens", "next_page_token", "key", "author", "secretary", "passenger",
    "keyword", "monkey", "content", "authorized_by", "x" * 100_000,
])  # fmt: skip
def test_a_name_announces_none(name):
    assert not announces(name)


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *KEYS.values(),
            PASSWORD,
            "password",
            "token",
            "authorization",
            "cookie",
            "bearer ",
            "basic ",
            "=",
            ":",
            ": ",
            '"',
            "'",
            "\\",
            '\\"',
            "[redacted:secret]",
            "://",
            "@",
            "?sig=",
            "&",
            "a",
            "abcd",
            " ",
            "\n",
        ]
    )
    | st.text(max_size=5),
    max_size=14,
).map("".join)


@given(FRAGMENTS)
def test_redacting_twice_is_redacting_once(text):
    once = REDACTOR.known(text)
    assert REDACTOR.known(once) == once


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@given(data=st.data())
def test_the_hint_is_found_wherever_the_pattern_is(rule, data):
    text = data.draw(st.text(max_size=5)) + data.draw(st.from_regex(rule.pattern)) + data.draw(st.text(max_size=5))
    assert not re.search(rule.pattern, text) or _detector(rule.hint)(text)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_a_pattern_is_bounded_but_for_its_last_element(rule):
    """So each attempt fails after a bounded number of steps, or succeeds and the search goes on behind it."""
    parser = getattr(re, "_parser", None) or importlib.import_module("sre_parse")
    assert parser.parse(rule.pattern)[:-1].getwidth()[1] < 1000


@pytest.mark.parametrize("unit", [
    "sk-", "sk-a-", "://", "://a:", "://a:b", "a:", "password=", 'password="', "password:\\", "token: basic ",
    "bearer ", "-----BEGIN PRIVATE" + " KEY-----", "- -", "ey" + "JhbGci", "bearer\t", "cookie:", "cookie: a=", "?sig=",
    "\\", "'", '"', "=", " ", "\n", "a", "A1", "é",
])  # fmt: skip
def test_a_long_text_of_anything_comes_to_an_end(unit):
    text = unit * (200_000 // len(unit))
    for rule in RULES:
        re.sub(rule.pattern, "", text)
    REDACTOR.text(text)


def test_the_apps_patterns_are_applied_under_their_names():
    redactor = Redactor({r"ssn\1": re.compile(r"\d{3}-\d{2}-\d{4}")})
    assert redactor.text("it is 123-45-6789.") == r"it is [redacted:ssn\1]."
    assert redactor.known("it is 123-45-6789.") == "it is 123-45-6789."


def test_the_apps_function_sees_what_is_left_and_has_the_last_word():
    seen = []
    redactor = Redactor(lambda text: seen.append(text) or text.replace("Ada", "[name]"))
    assert redactor.text(f"Ada: {KEYS['openai']}") == "[name]: [redacted:api-key]"
    assert seen == ["Ada: [redacted:api-key]"]
