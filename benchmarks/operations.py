"""What the frameworks have beyond the declared operations of a tape: ``python -m benchmarks.operations``."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping

from gradlaws.suite.tape.operations import DECLARATIONS
from gradlaws.suite.tracing import of_jax, of_torch

MISSING: Mapping[str, Callable[[], list[str]]] = {"jax.lax": of_jax.missing, "core ATen": of_torch.missing}


def report() -> str:
    parts = [f"{len(DECLARATIONS)} declared operations"]
    for name, missing in MISSING.items():
        found = missing()
        parts.append(textwrap.fill(f"{name}: {len(found)} without: {', '.join(found) or 'none'}", 120))
    return "\n".join(parts)


if __name__ == "__main__":
    print(report())
