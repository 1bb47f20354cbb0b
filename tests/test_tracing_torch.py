"""The tape of what torch runs, beside torch itself: values, gradients and Hessian products."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.autograd import forward_ad  # noqa: E402
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402
from torch_calls import CALLS, SmallCall  # noqa: E402

from benchmarks.sizes.points import point  # noqa: E402
from benchmarks.sizes.torch_programs import PROGRAMS  # noqa: E402
from gradlaws.suite.arithmetic.float64 import FLOAT64  # noqa: E402
from gradlaws.suite.arithmetic.multiprecision import Multiprecision  # noqa: E402
from gradlaws.suite.tape.run import every_value, run  # noqa: E402
from gradlaws.suite.tape.tape import Tape, Unsupported  # noqa: E402
from gradlaws.suite.tracing import of_torch, torch_operations  # noqa: E402
from gradlaws.suite.tracing.of_torch import derivatives, traced  # noqa: E402

Function = Callable[..., Any]
PRECISE = Multiprecision(200)

# Relative to the largest entry. Each of a few thousand operations rounds to an ulp (1e-16), NumPy's sums in another
# order than torch's; a rule that were wrong would differ by its own size.
NEAR = 2.0**-40


def weighted(function: Function) -> Function:
    """A number out of all float outputs, each entry of its own weight."""

    def scalar(*xs: Any) -> Any:
        total = torch.zeros((), dtype=torch.float64)
        for y in tree_leaves(function(*xs)):
            y = torch.view_as_real(y) if y.is_complex() else y
            if y.is_floating_point():
                total = total + (y * torch.cos(torch.arange(y.numel()) * 1.7 + 1).reshape(y.shape)).sum()
        return total

    return scalar


def pulled(scalar: Any, xs: Sequence[Any]) -> Any:
    leaves = [x for x in xs if x.requires_grad]
    if not scalar.requires_grad:
        return [torch.zeros_like(x) for x in leaves]
    return torch.autograd.grad(scalar, leaves, create_graph=True, allow_unused=True, materialize_grads=True)


def gradient(function: Function) -> Function:
    return lambda *xs: pulled(weighted(function)(*xs), xs)


def product(function: Function) -> Function:
    return gradient(gradient(function))


def numbers(tensor: Any) -> Any:
    tensor = torch.zeros(tensor.shape) if tensor._is_zerotensor() else tensor.detach().resolve_conj().resolve_neg()
    return tensor.numpy()


def agree(found: Sequence[Any], tensors: Sequence[Any], tolerance: float) -> None:
    for x, tensor in zip(found, tensors, strict=True):
        expected = numbers(tensor)
        assert np.shape(x) == expected.shape
        size = np.max(abs(expected), initial=1e-300, where=np.isfinite(expected))
        np.testing.assert_allclose(x, expected, rtol=0, atol=tolerance * size, equal_nan=True)


def compared(function: Function, tensors: Sequence[Any], tolerance: float = NEAR) -> Tape:
    """The tape of a function, after its values were compared with torch's own."""
    torch.manual_seed(0)
    tape = traced(function, *tensors)
    torch.manual_seed(0)
    expected = tree_leaves(function(*tensors))
    point = [numbers(x) for x in tensors]
    values = every_value(tape, point, FLOAT64)
    assert {n: np.shape(v) for n, v in values.items()} == {n: tape.kinds[n].shape for n in values}
    agree([values[o] for o in tape.outputs], expected, tolerance)
    return tape


def in_precision(tape: Tape, function: Function, tensors: Sequence[Any]) -> None:
    found = run(tape, [numbers(x) for x in tensors], PRECISE)
    agree([PRECISE.to_float64(x) for x in found], tree_leaves(function(*tensors)), NEAR)


# One call.


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.text)
@pytest.mark.filterwarnings("ignore")
def test_a_call_is_torchs_own(call: SmallCall) -> None:
    for made in (lambda f: f, gradient, product)[: call.order + 1]:
        compared(made(call.function), call.tensors(), call.tolerance)


@pytest.mark.filterwarnings("ignore")
def test_every_lowered_operation_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    met: set[str] = set()

    def noted(func: Any) -> Any:
        lowering = lowering_of(func)
        met.update([str(func), of_torch.name_of(func)] if lowering is not None else [])
        return lowering

    lowering_of = of_torch.lowering_of
    monkeypatch.setattr(of_torch, "lowering_of", noted)
    for call in CALLS:
        traced(gradient(call.function) if call.order else call.function, *call.tensors())
        if call.order > 1:
            traced(product(call.function), *call.tensors())
    assert sorted(torch_operations.LOWERED.keys() - met) == []


def test_a_wrong_lowering_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.tensor([0.3, -1.2], dtype=torch.float64)
    compared(torch.tanh, [x])
    of_torch.lowering_of.cache_clear()
    monkeypatch.setitem(torch_operations.LOWERED, "aten.tanh", torch_operations.LOWERED["aten.sigmoid"])
    try:
        with pytest.raises(AssertionError):
            compared(torch.tanh, [x])
    finally:
        of_torch.lowering_of.cache_clear()


# The 19 programs, and operations that users wrote.


def program(name: str, n: int = 30) -> tuple[Function, list[Any]]:
    made, arguments = PROGRAMS[name], point(name, n, np.random.default_rng(0))
    leaves, tree = tree_flatten(arguments)
    first = len(tree_leaves(arguments[0]))
    tensors = [torch.tensor(x).requires_grad_(k < first) for k, x in enumerate(leaves)]
    return lambda *xs: made(*tree_unflatten(list(xs), tree)), tensors


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_torchs_own(name: str) -> None:
    function, tensors = program(name)
    for made in (function, gradient(function)):
        in_precision(compared(made, tensors), made, tensors)
    compared(product(function), tensors)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_the_same_in_jax(name: str) -> None:
    jax = pytest.importorskip("jax")
    from benchmarks.sizes import jax_programs

    function, tensors = program(name)
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        found = float(jax_programs.PROGRAMS[name](*point(name, 30, np.random.default_rng(0))))
    assert found == pytest.approx(function(*tensors).item(), rel=NEAR)


CASES = ("rmsnorm", "cross_entropy", "lora", "flash_attention", "scatter_mean", "quantise_ste")


def case(made: Any) -> tuple[Function, list[Any]]:
    """A function of its float arguments and parameters alone, in float64."""
    function, arguments, options = made()
    arguments = [a.double() if a.is_floating_point() else a for a in arguments]
    names: list[str] = []
    if isinstance(function, torch.nn.Module):
        function = function.double()
        names = [n for n, p in function.named_parameters() if p.requires_grad]
    given = [dict(function.named_parameters())[n].detach() for n in names]

    def flat(*xs: Any) -> Any:
        if names:
            own = dict(zip(names, xs, strict=False))
            return torch.func.functional_call(function, own, tuple(xs[len(names) :]), options)
        return function(*xs, **options)

    tensors = [x.clone().requires_grad_(x.is_floating_point()) for x in (*given, *arguments)]
    return flat, tensors


@pytest.mark.parametrize("name", CASES)
def test_what_users_wrote_is_torchs_own(name: str) -> None:
    module = importlib.import_module(f"benchmarks.check.operations.torch_{name}")
    for label, made in module.CASES.items():
        function, tensors = case(made)
        compared(function, tensors)
        tape = compared(gradient(function), tensors)
        if label == "right" and tape.scalar_operations < 100_000:
            in_precision(tape, gradient(function), tensors)
        if "once_differentiable" not in label:
            compared(product(function), tensors)


# Every way to a derivative.


class Square(torch.autograd.Function):
    @staticmethod
    def forward(x: Any) -> Any:
        return x * x

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return 2 * g * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        return 2 * t * ctx.saved_tensors[0]


W = torch.tensor(np.random.default_rng(3).standard_normal((4, 4)))


def smooth(x: Any) -> Any:
    return (torch.tanh(W @ x) ** 2).sum()


def reversed_(x: Any, function: Function = smooth) -> Any:
    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x), x)[0]


def pushed(x: Any, function: Function = smooth) -> Any:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(function(forward_ad.make_dual(x, torch.ones_like(x)))).tangent


def accumulated(x: Any) -> Any:
    x = x.detach().requires_grad_()
    (x * x).sum().backward()
    (x**3).sum().backward()
    return x.grad


def recomputed(x: Any, reentrant: bool) -> Any:
    def inside(x: Any) -> Any:
        return torch.tanh(W @ x).sin()

    x = x.detach().requires_grad_()
    checkpoint(inside, x, use_reentrant=reentrant).sum().backward()
    return x.grad


def with_hooks(x: Any) -> Any:
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t * 1):
        return reversed_(x)


def branching(x: Any) -> Any:
    return x * x if x.sum() > 0 else x * float(x[0].item())


def conditional(x: Any) -> Any:
    return torch.cond(x.sum() > 0, lambda x: x.sin(), lambda x: x.cos(), (x,))


def looping(x: Any) -> Any:
    from torch._higher_order_ops.while_loop import while_loop

    return while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * x.sin()), (torch.tensor(0), x))[1]


def scanning(x: Any) -> Any:
    from torch._higher_order_ops.scan import scan

    return scan(lambda carry, row: (carry + row, carry * row), x[0].clone(), x)[1]


def layers(make: Function, shape: tuple[int, ...]) -> Function:
    def function(x: Any) -> Any:
        torch.manual_seed(0)
        found = make().double()((W * x).reshape(shape))
        return found[0] if isinstance(found, tuple) else found

    return function


WAYS: dict[str, Function] = {
    "autograd.grad": reversed_,
    "backward, accumulated": accumulated,
    "forward mode": pushed,
    "func.grad": torch.func.grad(smooth),
    "func.hessian": torch.func.hessian(smooth),
    "func.vjp": lambda x: torch.func.vjp(smooth, x)[1](torch.ones((), dtype=x.dtype))[0],
    "func.jvp": lambda x: torch.func.jvp(smooth, (x,), (x,))[1],
    "func.jacrev": torch.func.jacrev(lambda x: torch.tanh(W @ x)),
    "func.jacfwd": torch.func.jacfwd(lambda x: torch.tanh(W @ x)),
    "vmap": lambda x: torch.vmap(lambda row: (row * x).softmax(0))(W),
    "custom Function": lambda x: reversed_(x, lambda x: Square.apply(x).sum()),
    "custom Function, func.grad": torch.func.grad(lambda x: Square.apply(x).sum()),
    "custom Function, forward mode": lambda x: pushed(x, Square.apply),
    "checkpoint": lambda x: recomputed(x, False),
    "checkpoint, reentrant": lambda x: recomputed(x, True),
    "saved tensor hooks": with_hooks,
    "Python branch": branching,
    "cond": conditional,
    "cond, gradient": lambda x: reversed_(x, lambda x: conditional(x).sum()),
    "while_loop": looping,
    "scan": scanning,
    "compile": lambda x: torch.compile(lambda x: x.sin() * 2, backend="eager")(x),
    "linear, layer norm, gelu": layers(
        lambda: torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3), torch.nn.GELU()), (4, 4)
    ),
    "LSTM": layers(lambda: torch.nn.LSTM(4, 3, 2), (2, 2, 4)),
    "GRU": layers(lambda: torch.nn.GRU(4, 3), (2, 2, 4)),
    "transformer": layers(lambda: torch.nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True), (1, 4, 4)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore")
def test_every_way_to_a_derivative(way: str) -> None:
    x = torch.tensor([0.3, -0.2, 0.8, 1.1], dtype=torch.float64)
    tape = compared(WAYS[way], [x])
    assert tape.instructions


def test_derivatives_of_a_function() -> None:
    function, tensors = program("lse")
    point = [numbers(x) for x in tensors]
    found = derivatives(function, *point)
    assert found.product is not None and found.shapes == [()]
    one, vectors = np.ones(()), [np.ones(x.shape) for x in point]
    own = [torch.tensor(x, requires_grad=True) for x in point]
    first = torch.autograd.grad(function(*own), own, create_graph=True)
    second = torch.autograd.grad(sum(g.sum() for g in first), own)
    agree(run(found.gradient, [*point, one], FLOAT64), first, NEAR)
    agree(run(found.product, [*point, one, *vectors], FLOAT64), second, NEAR)


def test_what_does_not_depend_has_derivative_zero() -> None:
    found = derivatives(lambda x, y: x.detach() * 2, np.ones(3), np.ones(2))
    assert found.product is not None
    for tape, more in ((found.gradient, [np.ones(3)]), (found.product, [np.ones(3), np.ones(3), np.ones(2)])):
        assert [x.tolist() for x in run(tape, [np.ones(3), np.ones(2), *more], FLOAT64)] == [[0.0] * 3, [0.0] * 2]


def test_no_product_where_torch_refuses_it() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * g * ctx.saved_tensors[0]

    assert derivatives(Once.apply, np.ones(2)).product is None


# Where an operation comes from.


def line_of(marker: str) -> str:
    lines = Path(__file__).read_text().splitlines()
    at = next(n for n, line in enumerate(lines, start=1) if line.endswith(f"# {marker}"))
    return f"{__file__}:{at} "


def test_an_operation_names_the_users_line() -> None:
    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.exp()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0].cosh()  # in a backward of the user's

    def function(x: Any) -> Any:
        y = torch.tanh(x)  # in the forward
        return Own.apply(y).sum()

    tape = traced(gradient(function), torch.ones(3, dtype=torch.float64, requires_grad=True))
    origins = {i.operation: str(i.origin) for i in tape.instructions}
    assert line_of("in the forward") in origins["tanh"]
    assert origins["tanh"].startswith("torch.ops.aten.tanh.default ")
    assert line_of("in a backward of the user's") in origins["cosh"]
    # The backward of torch's own tanh: the line that called tanh, and what it was taken apart from.
    assert re.match(r"torch.ops.aten.tanh_backward.default \(.*TanhBackward0", origins["sub"])
    assert line_of("in the forward") in origins["sub"]


# Bad input.


@pytest.fixture
def x() -> Iterator[Any]:
    yield torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)


def unsupported(x: Any) -> Any:
    return torch.linalg.matrix_exp(torch.outer(x, x))  # without a declaration


def test_an_operation_without_a_declaration_is_named_with_its_line(x: Any) -> None:
    with pytest.raises(Unsupported, match=r"torch.ops.aten.linalg_matrix_exp.default .* has no declaration") as caught:
        traced(unsupported, x)
    assert line_of("without a declaration") in str(caught.value)


def test_it_matters_only_to_what_depends_on_it(x: Any) -> None:
    def beside(x: Any) -> Any:
        unsupported(x)
        return x * 2

    assert len(traced(beside, x).instructions) == 1


def test_a_program_that_is_too_long(x: Any) -> None:
    def endless(x: Any) -> Any:
        while True:
            x = x + 1

    with pytest.raises(Unsupported, match="longer than 50 operations"):
        traced(endless, x, most=50)


def test_an_unused_gradient_is_zero(x: Any) -> None:
    def unused(x: Any, y: Any) -> Any:
        return torch.autograd.grad((x * x).sum(), (x, y), allow_unused=True)

    y = torch.ones(3, dtype=torch.float64, requires_grad=True)
    assert [z.tolist() for z in run(traced(unused, x, y), [numbers(x), numbers(y)], FLOAT64)] == [[1, 4], [0, 0, 0]]


@pytest.mark.parametrize("result", [None, "text", [torch.nn.ReLU()]])
def test_an_output_that_is_no_tensor(x: Any, result: Any) -> None:
    with pytest.raises(Unsupported, match=r"output 1 of the function is .*, not a tensor"):
        traced(lambda x: (x * 2, result, x), x)


def test_a_number_is_a_constant(x: Any) -> None:
    assert [float(y) for y in run(traced(lambda x: (x.sum().item(), 3), x), [numbers(x)], FLOAT64)] == [2.5, 3.0]


def test_what_core_aten_has_beyond() -> None:
    assert of_torch.missing() == []


def test_an_argument_is_not_written_into(x: Any) -> None:
    before = x.detach().clone()
    traced(lambda x: x.detach().mul_(2.0), x)
    assert torch.equal(x, before)
