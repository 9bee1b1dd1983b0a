"""What the benchmarks ran on: without it their microseconds say nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("llmtrace", "openai", "anthropic", "httpx2", "opentelemetry-sdk", "pydantic", "genai-prices")


LOCKS = Path(__file__).resolve().parent.parent / "locks" / "peers"
_TELL = (
    "import sys; from importlib.metadata import version; print(', '.join(f'{n} {version(n)}' for n in sys.argv[1:]))"
)


def facts() -> dict[str, str]:
    """Processor, system, interpreter and libraries."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} threads",
        "system": f"{platform.system()} {platform.release()}",
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: _version(name) for name in PACKAGES},
    }


def peers(environments: Mapping[str, Path]) -> str:
    """What is installed in the environments of others, of all that their locks were made for; in one paragraph."""
    told = []
    for name, python in environments.items():
        wanted = (LOCKS / f"{python.parent.parent.name}.in").read_text().split()
        if not python.exists():
            told.append(f"{name} is not installed here")
            continue
        found = subprocess.run([python, "-c", _TELL, *wanted], check=True, stdout=subprocess.PIPE, text=True).stdout
        told.append(f"{name} with {found.strip()}")
    return "; ".join(told)


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
