"""Operations as users write them, right and wrong: 99 cases of 12 operations, in benchmarks/check/operations.

Each module has CASES (name -> () -> function, arguments, keywords), RIGHT (names, or (name, "first") where the second
order is refused or a matter of convention), WRONG (name -> the lowest order at which the fault shows) and REFERENCE.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "operations"
SURROGATES = frozenset({"torch_quantise_ste"})  # whose intended derivative is not that of what runs


@dataclass(frozen=True)
class Case:
    operation: str
    name: str
    due: str  # "holds" or "violated"
    order: int  # at which it is asked
    fault_order: int  # the lowest order at which the fault shows; 0 of what is right
    make: Callable[[], tuple[Any, tuple[Any, ...], dict[str, Any]]]
    reference: Any

    @property
    def has_own_truth(self) -> bool:
        return self.operation not in SURROGATES

    @property
    def title(self) -> str:
        return f"{self.operation}/{self.name}"


def modules(folder: Path = HERE) -> list[Path]:
    return sorted([*folder.glob("jax_*.py"), *folder.glob("torch_*.py")])


def cases(path: Path) -> Iterator[Case]:
    """Those of one module, in its order."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    first = {name[0] for name in module.RIGHT if not isinstance(name, str)}
    for name, make in module.CASES.items():
        wrong = module.WRONG.get(name)
        fault = int(wrong["order"]) if wrong else 0
        yield Case(
            path.stem, name, "violated" if wrong else "holds", 1 if name in first else 2, fault, make, module.REFERENCE
        )
