"""Functions of symmetric matrices are defined along symmetric directions, and judged along these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")


import gradlaws  # noqa: E402
from gradlaws.suite.arithmetic.multiprecision import Multiprecision  # noqa: E402
from gradlaws.suite.rule.rule import agreements  # noqa: E402
from gradlaws.suite.rule.symmetric import symmetric_arguments, within  # noqa: E402
from gradlaws.suite.tracing import of_jax, of_torch  # noqa: E402

GENERAL = np.random.default_rng(0).standard_normal((3, 3))
SYMMETRIC = GENERAL @ GENERAL.T + 3 * np.eye(3)
XP = Multiprecision(160)


@pytest.mark.parametrize(
    "function",
    [
        torch.linalg.cholesky,
        torch.linalg.eigvalsh,
        lambda a: torch.linalg.eigh(a, UPLO="U")[1] ** 2,
        lambda a: torch.linalg.cholesky(a @ a.mT).diagonal().log().sum(),
        lambda a: torch.linalg.cholesky(torch.stack([a, a + a.mT])),
    ],
)
def test_torch_on_symmetric_matrices_is_right(function: Callable[..., Any]) -> None:
    assert gradlaws.check(function, torch.asarray(SYMMETRIC)).verdict == "holds"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_matrix_that_is_symmetric_up_to_rounding_is_symmetric(dtype: torch.dtype) -> None:
    matrix = torch.asarray(SYMMETRIC, dtype=dtype)
    matrix[0, 1] *= 1 + torch.finfo(dtype).eps
    assert matrix[0, 1] != matrix[1, 0]
    for upper in (False, True):
        assert gradlaws.check(torch.linalg.cholesky, matrix, upper=upper).verdict == "holds"


@pytest.mark.parametrize("symmetrized", [True, False])
def test_jax_on_symmetric_matrices_is_right(symmetrized: bool) -> None:
    """Its gradient without symmetrize_input is not symmetric, and right along symmetric directions."""
    traced = of_jax.derivatives(lambda a: jax.lax.linalg.cholesky(a, symmetrize_input=symmetrized), SYMMETRIC)
    assert {a.verdict for a in agreements(traced, np.random.default_rng(0))} == {"right"}


class Wrong(torch.autograd.Function):
    """log det of a symmetric matrix, with a gradient twice too large beside the diagonal."""

    @staticmethod
    def forward(ctx: Any, a: Any) -> Any:
        ctx.save_for_backward(a)
        return 2 * torch.linalg.cholesky(a).diagonal().log().sum()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        inverse = torch.linalg.inv(ctx.saved_tensors[0])
        return grads[0] * (2 * inverse - torch.diag(inverse.diagonal()))


def test_a_wrong_gradient_of_a_symmetric_matrix_is_seen() -> None:
    assert gradlaws.check(Wrong.apply, torch.asarray(SYMMETRIC), raises=False).verdict == "violated"


def test_which_arguments_are_taken_as_symmetric() -> None:
    """A matrix that is symmetric by chance is no such argument: along all directions its transpose is a fault."""

    def function(a: Any, b: Any, c: Any) -> Any:
        return torch.linalg.cholesky(a).sum() + b.sum() + c.sum()

    traced = of_torch.derivatives(function, SYMMETRIC, np.eye(3), GENERAL)
    assert symmetric_arguments(traced, XP) == [True, False, False]
    a, b, c = within(traced, [GENERAL] * 3, XP)
    assert np.array_equal(a, a.T) and np.array_equal(np.tril(a), np.tril(GENERAL))
    assert b is GENERAL and c is GENERAL


def test_a_matrix_that_is_not_symmetric_is_one_triangle() -> None:
    lower = np.tril(SYMMETRIC)
    forward = of_torch.traced(torch.linalg.cholesky, torch.asarray(lower))
    assert [x.operation for x in forward.instructions] == ["cholesky"]
