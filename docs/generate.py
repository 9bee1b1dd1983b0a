"""Writes the reference pages whose content the code knows, so that they cannot drift from it: `make docs`."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs.api import api_body
from llmtrace import integrations
from llmtrace.facts.operation import Integration
from llmtrace.semconv.names import ATTRIBUTES, Attribute
from llmtrace.settings.destinations import DestinationSettings
from llmtrace.settings.model import Settings, source_of

if TYPE_CHECKING:
    from tests.recordings import Exchange

DOCS = Path(__file__).parent


def settings_page() -> str:
    """Every setting: what it is, where it may come from, what it may be, what it is by default."""
    columns = ("Setting", "From, first one wins", "Takes", "Default", "What it does")
    return page(
        "Settings",
        "An argument of `init()` wins over the environment, and the environment over the default. A wrong value\n"
        "stops `init()` with the name of the argument or variable and what would be right; the handle that `init()`\n"
        "gives tells where a value came from: `handle.settings.origin(name)`.",
        table(columns, map(setting_row, sorted(Settings.model_fields, key=lambda name: not source_of(name).argument))),
    )


def explained() -> dict[str, str]:
    """What each setting does, from the text below it in the source: pydantic would look for it at every `init()`."""
    found = {}
    for kind in (DestinationSettings, Settings):
        body = ast.parse(inspect.getsource(kind)).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in pairwise(body.body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                text = below.value if isinstance(below, ast.Expr) else None
                assert isinstance(text, ast.Constant) or field.target.id.startswith("_"), field.target.id
                found[field.target.id] = inspect.cleandoc(str(text.value)) if isinstance(text, ast.Constant) else ""
    return found


def setting_row(name: str) -> tuple[str, ...]:
    """One setting as a row."""
    field, source = Settings.model_fields[name], source_of(name)
    places = [f"`init({name}=…)`"] if source.argument else []
    places += [f"`{variable.name}`" for variable in source.variables]
    default = source.fallback_text or default_text(field.get_default(call_default_factory=True, validated_data={}))
    return f"`{name}`", " · ".join(places), source.expects, default, explained()[name]


def default_text(value: Any) -> str:
    """A default as a person writes it."""
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def attributes_page() -> str:
    """Every attribute that a span can carry."""
    columns = ("Attribute", "Type", "Meaning", "Formerly", "Since")
    return page(
        "Attributes",
        "What a span can carry. A fact that the provider did not report is absent, never zero. *content* marks what\n"
        '`capture="none"` leaves out. *Since* names the change of the OpenTelemetry GenAI conventions that brought\n'
        "the attribute; `core` are those that were in the core conventions up to 1.41, `llmtrace` our own, for what\n"
        "the conventions have no name for. *Formerly* is the older key, which `LLMTRACE_NAMES` selects.",
        table(columns, map(attribute_row, ATTRIBUTES)),
    )


def attribute_row(row: Attribute) -> tuple[str, ...]:
    """One attribute as a row."""
    formerly = f"`{row.formerly}`" if row.formerly else ""
    return f"`{row.key}`", row.type, row.meaning + (" (*content*)" if row.content else ""), formerly, row.origin


def integrations_page() -> str:
    """Every integration that comes with the package: for which versions, what of it is verified how, and where."""
    found = [integrations.load(name) for name in integrations.BUILT_IN]
    columns = ("Integration", "Supported", "Tested", "Captured", "Verified with", "Kit")
    return page(
        "Integrations",
        "The libraries that `init()` instruments: when they are imported, and only then. *Tested* are the versions\n"
        "in the locked environments that the tests run in; `llmtrace integrations` says the same, and what is\n"
        "installed and traced where it is run. [More libraries](../how-to/add-an-integration.md) are a file each.",
        table(columns, map(integration_row, found)) + "\n" + points_section(found),
    )


def integration_row(integration: Integration) -> tuple[str, ...]:
    """One integration as a row."""
    return (
        f"`{integration.name}`",
        f"`{integration.requires}`",
        ", ".join(tested(integration.distribution)),
        ", ".join(integration.captures),
        ", ".join(integration.verified),
        f"[example](../../integrations/{integration.name}/README.md)",
    )


def points_section(found: Iterable[Integration]) -> str:
    """Where each integration listens."""
    text = (
        "## Points\n\nA point is a function that is patched, in place, and put back by `uninstrument()`; or a scope\n"
        "of the library's own spans, which are described anew.\n\n"
    )
    return text + table(("Integration", "Points"), ((f"`{one.name}`", "<br>".join(points(one))) for one in found))


def points(integration: Integration) -> list[str]:
    """The points of one integration, as its page names them."""
    here = " (where there is one)"
    patched = [f"`{point}`{here if point in integration.optional else ''}" for point in integration.points]
    return [*patched, *(f"spans of `{scope}`" for scope in integration.spans)]


def tested_versions() -> str:
    """The versions that the tests run with, for the command line: it has no lock files."""
    named = {name: tested(integrations.load(name).distribution) for name in integrations.BUILT_IN}
    return json.dumps(named, indent=2, sort_keys=True) + "\n"


def tested(distribution: str) -> list[str]:
    """The versions of a library in the locked environments, oldest first: of those that a lock has, the newest."""
    locks = [lock for lock in ("oldest", "apart", "newest") if locked(distribution, lock)]
    return list(dict.fromkeys(sorted((locked(distribution, lock) for lock in locks), key=ordered)))


def ordered(version: str) -> list[int]:
    """A version's numbers, to be compared."""
    return [int(number) for number in re.findall(r"\d+", version)]


def verified_page() -> str:
    """What the replayed recordings verify; the page as it stands where they are not at hand."""
    # Deferred: only this page needs what the tests need.
    from tests.integrations.conformance import recorded  # noqa: PLC0415

    exchanges = recorded.found()
    if not exchanges:
        print("left docs/reference/verified.md as it is: there are no recordings (set LLMTRACE_RECORDINGS)")
        return (DOCS / "reference/verified.md").read_text()
    ways = [mode.name.capitalize() for mode in recorded.MODES]
    apis = sorted({exchange.api for exchange in exchanges})
    return page(
        "Verified on recorded traffic",
        "Answers that real providers gave, sent again through the real client libraries: how many of each API, and\n"
        "how many of them in each way. Each fact that the provider reported is on the call's one span, and all that\n"
        "the app sees is the same as without llmtrace, with the sync and the async client, on the oldest and the\n"
        "newest version that the tests are locked to. Damaged answers give a span, and the app what it would get\n"
        "without llmtrace; so do those that a stream helper itself refuses.",
        table(
            ("API", "Answers", "Streamed", "Errors", "Damaged", *ways, "Versions"),
            (verified_row(api, [one for one in exchanges if one.api == api]) for api in apis),
        )
        + "\n## Through boto3, aiobotocore and Google's client\n\n"
        "Sent again through the libraries' own clients, sync and async, whole and (where it is one) as a stream, with\n"
        "the same checks.\n\n" + table(("API", "Answers", "Streamed", "Errors", "Damaged", "Versions"), others()),
    )


GOOGLE = (
    "google_genai.cached_contents",
    "google_genai.embed_content",
    "google_genai.generate_content",
    "google_genai.interactions",
    "google_vertexai.generate_content",
)
"""The recorded APIs that Google's client can have again."""

CLIENTS = {
    "bedrock": "botocore",
    "bedrock_agents": "botocore",
    "google_genai": "google-genai",
    "google_vertexai": "google-genai",
}
"""How the name of a recorded API begins → the library whose client has it sent again."""


def others() -> Iterable[tuple[str, ...]]:
    """The recorded APIs of the other clients, as rows."""
    from tests.integrations.bedrock.recorded import APIS  # noqa: PLC0415 - as above
    from tests.recordings import exchanges  # noqa: PLC0415 - as above

    for api in sorted((*APIS, *GOOGLE)):
        package = CLIENTS[api.partition(".")[0]]
        yield f"`{api}`", *counted(exchanges(api)), f"`{package}` {', '.join(tested(package))}"


def counted(exchanges: list[Exchange]) -> list[str]:
    """How many there are, how many of them streamed, refused and damaged."""
    facts = [exchange.expected for exchange in exchanges]
    counts = [sum(bool(fact.get(kind)) for fact in facts) for kind in ("stream", "is_error", "malformed")]
    return [str(count or "") for count in (len(facts), *counts)]


DROPPED = ("anthropic.completions",)
"""What the newest version of its library no longer has; not asked of the installed one, which may be either."""


def verified_row(api: str, exchanges: list[Exchange]) -> tuple[str, ...]:
    """One API as a row: what was recorded of it, and in how many ways it was sent again."""
    from tests.integrations.conformance import recorded  # noqa: PLC0415 - as above

    counts = (sum(recorded.fits(exchange, mode) for exchange in exchanges) for mode in recorded.MODES)
    package = recorded.package(exchanges[0])
    locks = ("oldest",) if api in DROPPED else ("oldest", "newest")
    versions = ", ".join(locked(package, lock) for lock in locks)
    return f"`{api}`", *counted(exchanges), *(str(count or "") for count in counts), f"`{package}` {versions}"


def locked(package: str, lock: str) -> str:
    """The version of a package that a lock file names, the newest where each Python has its own; else nothing."""
    lines = (DOCS.parent / "locks" / f"{lock}.txt").read_text().splitlines()
    versions = [line.split("==")[1].split()[0] for line in lines if line.startswith(f"{package}==")]
    return max(versions, key=ordered, default="")


def api_page() -> str:
    """Everything that an app can call."""
    return page(
        "Python API",
        "All of it is there after `import llmtrace`. What marks and what says is described in\n"
        "[mark your own steps](../how-to/mark-your-own-steps.md) and [instrument a model by hand]"
        "(../how-to/instrument-by-hand.md), what\n`init()` takes in [settings](settings.md).",
        api_body(),
    )


def page(title: str, opening: str, body: str) -> str:
    """A whole page; its first line tells an editor not to edit it."""
    return f"<!-- Written by docs/generate.py: `make docs` writes it anew. -->\n\n# {title}\n\n{opening}\n\n{body}"


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ("---" for _ in columns), *rows]
    return "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)


def cell(text: str) -> str:
    """A text on one line, in which a bar does not end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {
    "reference/api.md": api_page,
    "reference/attributes.md": attributes_page,
    "reference/integrations.md": integrations_page,
    "reference/settings.md": settings_page,
    "reference/verified.md": verified_page,
    "../src/llmtrace/integrations/tested.json": tested_versions,
}
"""Each generated file's path from docs/, and what writes it."""


if __name__ == "__main__":
    for path, write in PAGES.items():
        text = write()
        if not (DOCS / path).exists() or (DOCS / path).read_text() != text:
            (DOCS / path).write_text(text)
            print(f"wrote {(DOCS / path).resolve().relative_to(DOCS.parent)}")
