"""Functions of matrices."""

from collections.abc import Iterable

import numpy as np

from gradlaws.strategies.primitive import Floats, Parameters, Shape, structured


def solve_variants(a: Shape, b: Shape) -> Iterable[Parameters]:
    return [{}] if len(a) == 2 and a[0] == a[1] and b == a[:1] else []


def well_conditioned(a: Floats, b: Floats) -> bool:
    return bool(np.linalg.cond(a) < 1e3)


FAMILY = (
    structured("solve", lambda xp, a, b: xp.solve(a, b), lambda a, b: b, solve_variants, "solve({x}, {y})",
               well_conditioned, arity=2,
               numpy="numpy.linalg.solve", torch="torch.linalg.solve", jax="jax.numpy.linalg.solve"),
)  # fmt: skip
