"""What the frameworks have beyond the declared operations of a tape: ``python -m benchmarks.operations``."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from gradlaws.suite.tape.operations import DECLARATIONS
from gradlaws.suite.tracing import jax_operations, of_jax, of_torch


def report() -> str:
    parts = [f"{len(DECLARATIONS)} declared operations"]
    missing: Mapping[str, list[str]] = {"jax.lax": of_jax.missing(), "core ATen": of_torch.missing()}
    for name, found in missing.items():
        reasons: dict[str, list[str]] = {}
        for operation in found:
            reasons.setdefault(jax_operations.LEFT_OUT.get(operation, "not declared yet"), []).append(operation)
        parts.append(f"{name}: {len(found)} without" + (":" if found else ""))
        for reason, names in sorted(reasons.items()):
            text = f"{', '.join(names)}: {reason}"
            parts.append(textwrap.fill(text, 120, initial_indent="  ", subsequent_indent="    "))
    return "\n".join(parts)


if __name__ == "__main__":
    print(report())
