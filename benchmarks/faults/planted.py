"""The faults, as data: what is made wrong, how, and which tests should see it (plant.py plants them)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

# Not identities: the derivatives at the kinks and edges of suite/known/conventions.toml, and what the rows of
# suite/known/ledger.toml excuse, which must not get worse than their witnesses record.
KINKS, LEDGER = "kinks", "ledger"
COMPOSED = ("G1", "D4")
SECOND = ("H2", "D4")


@dataclass(frozen=True)
class Fault:
    """One fault.

    ``target`` is a JAX primitive ("tanh") or custom_jvp function ("jax._src..."), a PyTorch kernel ("aten::..."), or a
    public function ("torch.sin", "jax.numpy.cumsum", "scipy.special.erf"). ``primitives`` are the ones of the catalogue
    whose derivatives it spoils; ``identities`` the tests of compositions that are asked when those of the primitives
    alone are green. The kinds are those of rules.py and functions.py; ``delta`` is what those that scale add to 1.
    ``formula`` is, for the kind of that name, the function whose derivative is taken instead, in ``x``, ``y``, ``rest``
    (the further arguments), ``options``, ``f`` (the right function) and ``xp`` (torch or jax.numpy).
    ``survives`` says of a fault that the suite cannot kill why not; then a kill is red.
    """

    name: str
    backend: str
    target: str
    kind: str
    primitives: tuple[str, ...]
    delta: float = 1e-9
    identities: tuple[str, ...] = COMPOSED
    formula: str = ""
    survives: str = ""

    def __str__(self) -> str:
        return self.name


def row(backend: str, target: str, *primitives: str, name: str = "", kind: str = "scaled", **fields: Any) -> Fault:
    """With the defaults filled in: the fault is called after its target and its kind."""
    short = target.rpartition(":")[2].rpartition(".")[2].strip("_")
    full = name or (short if kind == "scaled" else f"{short}-{kind.replace(' ', '-')}")
    return Fault(f"{backend}-{full}", backend, target, kind, primitives or (short,), **fields)


def formula(backend: str, target: str, primitive: str, name: str, text: str, **fields: Any) -> Fault:
    return Fault(f"{backend}-{name}", backend, target, "formula", (primitive,), formula=text, **fields)


jax = functools.partial(row, "jax")
torch = functools.partial(row, "torch")
numpy = functools.partial(row, "numpy", kind="value")
in_jax = functools.partial(formula, "jax")
in_torch = functools.partial(formula, "torch")

JAX_RULES = (
    # The JVP rule of a primitive, or of a custom_jvp function.
    jax("tanh"), jax("exp"), jax("log"), jax("sin"), jax("cos"), jax("log1p"), jax("expm1"), jax("sqrt"), jax("erf"),
    jax("lgamma"), jax("atan2"), jax("pow"), jax("div"), jax("mul"), jax("square"),
    jax("logistic", "sigmoid"), jax("integer_pow", "reciprocal"), jax("erfc", "gelu"), jax("rsqrt"),
    jax("max", "maximum"), jax("min", "minimum"), jax("reduce_prod", "prod"), jax("reduce_sum", "sum"), jax("gather"),
    jax("custom_linear_solve", "solve"), jax("jax._src.lax.other.logaddexp"), jax("digamma", "lgamma"),
    jax("tan"), jax("asin"), jax("acos"), jax("atan"), jax("sinh"), jax("cosh"), jax("asinh"), jax("acosh"),
    jax("atanh"), jax("cbrt"), jax("exp2"), jax("abs"), jax("erf_inv", "erfinv"), jax("igamma", "gammainc"),
    jax("regularized_incomplete_beta", "betainc"), jax("bessel_i1e", "i1e"), jax("rem", "fmod"), jax("cumprod"),
    jax("cumlogsumexp", "logcumsumexp"), jax("cummax"), jax("sort"), jax("reduce_max", "max"), jax("top_k", "top_2"),
    jax("triangular_solve"), jax("cholesky"), jax("qr"), jax("eigh"), jax("svd"),
    # The transpose rule only, which forward mode never meets.
    jax("dot_general", "matmul", kind="transposed", name="dot_general-transpose"),
    jax("mul", kind="transposed", name="mul-transpose"),
    jax("reduce_sum", "sum", kind="transposed", name="reduce_sum-transpose"),
    jax("concatenate", kind="transposed", name="concatenate-transpose"),
    jax("gather", kind="transposed", name="gather-transpose"),
    jax("broadcast_in_dim", "broadcast", kind="transposed", name="broadcast-transpose"),
    jax("cumsum", kind="transposed", name="cumsum-transpose"),
    jax("transpose", kind="transposed", name="transpose-transpose"),
    jax("reshape", kind="transposed", name="reshape-transpose"),
    jax("rev", "flip", kind="transposed", name="flip-transpose"),
    jax("pad", kind="transposed", name="pad-transpose"),
    jax("split", kind="transposed", name="split-transpose"),
    jax("select_n", "where", kind="transposed", name="select-transpose"),
    jax("scatter-add", "scatter_add", kind="transposed", name="scatter_add-transpose"),
    jax("conv_general_dilated", "conv2d", kind="transposed", name="conv-transpose"),
    jax("fft", "fft_real", kind="transposed", name="fft-transpose"),
    # Right first, wrong second derivatives.
    jax("exp", kind="frozen", identities=SECOND), jax("tanh", kind="frozen", identities=SECOND),
    jax("log", kind="frozen", identities=SECOND), jax("div", kind="frozen", identities=SECOND),
    jax("mul", kind="asymmetric", identities=("H1", "H2")), jax("div", kind="asymmetric", identities=("H1", "H2")),
    jax("pow", kind="asymmetric", identities=("H1", "H2")),
    # Other kinds.
    jax("cos", delta=-2.0, name="cos-sign"), jax("sub", delta=-2.0, name="sub-sign"),
    jax("mul", kind="dropped"), jax("div", kind="dropped"), jax("dot_general", "matmul", kind="dropped"),
    jax("div", kind="swapped"), jax("atan2", kind="swapped"), jax("pow", kind="swapped"),
    jax("log", kind="float32"), jax("sin", kind="float32"), jax("erf", kind="float32"),
    jax("dot_general", "matmul", kind="float32"),
    jax("jax._src.interpreters.ad.ValAccum.accum", "gelu", kind="fan-out", name="fan-out"),
)  # fmt: skip
JAX_FUNCTIONS = (
    in_jax("jax.numpy.cumsum", "cumsum", "cumsum-reversed", "f(xp.flip(x, -1), *rest, **options)"),
    in_jax("jax.numpy.take", "gather", "take-off-by-one", "f(xp.roll(x, 1, 0), y, *rest, **options)"),
    in_jax("jax.numpy.max", "max", "max-spread", "xp.mean(x, -1)"),
    in_jax("jax.numpy.sort", "sort", "sort-unpermuted", "x"),
    in_jax("jax.nn.gelu", "gelu", "gelu-approximate", "f(x, approximate=True)"),
    in_jax("jax.numpy.tanh", "tanh", "tanh-cancelling", "(xp.exp(2 * x) - 1) / (xp.exp(2 * x) + 1)",
           survives="only a rare Hessian shows it, by 1.2 × its bound as in torch, and JAX is asked for few"),
    in_jax("jax.nn.softplus", "softplus", "softplus-threshold", "xp.where(x > 5, x, f(x))"),
    in_jax("jax.nn.hard_tanh", "hard_tanh", "hard_tanh-threshold", "xp.clip(x, -4, 4)"),
    in_jax("jax.nn.softmax", "softmax", "softmax-axis", "xp.sum(x) * f(x, *rest, **options) / x.size"),
    in_jax("optax.huber_loss", "huber_loss", "huber_loss-threshold", "f(x, y, delta=0.9)"),
    in_jax("optax.softmax_cross_entropy", "soft_cross_entropy", "cross_entropy-epsilon",
           "f(xp.log(xp.exp(x) / xp.sum(xp.exp(x), -1, keepdims=True) + 1e-9), y)", identities=("P2",)),
    in_jax("optax.softmax_cross_entropy", "soft_cross_entropy", "cross_entropy-unnormalised",
           "f(x, y) + 1e-9 * xp.log(xp.sum(xp.exp(x), -1))", identities=("P2",)),
    in_jax("jax.numpy.broadcast_to", "broadcast", "broadcast-one-copy",
           "f(x, y) * xp.reshape(xp.arange(y[0]) == 0, (y[0],) + (1,) * (len(y) - 1))"),
    in_jax("jax.numpy.cumsum", "cumsum", "cumsum-axis", "f(x, axis=0)"),
    in_jax("jax.numpy.arcsinh", "asinh", "asinh-cancelling", "xp.log(x + xp.sqrt(x * x + 1))"),
    in_jax("optax.softmax_cross_entropy", "soft_cross_entropy", "cross_entropy-axis",
           "xp.sum(y * (xp.log(xp.sum(xp.exp(x), 0)) - x), -1)", identities=("P2",)),
    # Where the function has a kink.
    in_jax("jax.numpy.maximum", "maximum", "maximum-both-at-a-tie", "xp.where(x == y, x + y, f(x, y))",
           identities=(KINKS,)),
    in_jax("jax.nn.relu", "relu", "relu-two-at-zero", "xp.where(x == 0, 2 * x, f(x))", identities=(KINKS,)),
    in_jax("jax.numpy.abs", "abs", "abs-two-at-zero", "xp.where(x == 0, 2 * x, f(x))", identities=(KINKS,)),
    # One mode only.
    jax("jax.value_and_grad", "mul", kind="result"), jax("jax.vjp", "mul", kind="result"),
    jax("jax.grad", "mul", kind="nested", identities=SECOND),
    jax("jax.jacfwd", "mul", kind="nested", identities=SECOND),
    jax("jax.jacrev", "mul", kind="result"), jax("jax.jacfwd", "mul", kind="result"),
    jax("jax.hessian", "mul", kind="result", identities=SECOND), jax("jax.vmap", "mul", kind="result"),
    jax("jax.jit", "mul", kind="result"), jax("jax.linearize", "mul", kind="result"),
    jax("jax.checkpoint", "mul", kind="through"),
    jax("jax.hessian", "softmax", kind="triangle", identities=("H1", "H2")),
    jax("jax.grad", "mul", kind="stopped", identities=("D4", "H2")),
    # Clipping and training.
    Fault("jax-clip-per-tensor", "jax", "optax.clip_by_global_norm", "per tensor", (), identities=("N2", "N3")),
    Fault("jax-clip-late", "jax", "optax.clip_by_global_norm", "late", (), identities=("N2", "N3")),
    Fault("jax-clip-sum-of-norms", "jax", "optax.clip_by_global_norm", "sum of norms", (), identities=("N2", "N3")),
)  # fmt: skip
TORCH_KERNELS = (
    # The kernel that computes a derivative.
    torch("aten::tanh_backward", "tanh"), torch("aten::sigmoid_backward", "sigmoid"),
    torch("aten::softplus_backward", "softplus"), torch("aten::gelu_backward", "gelu"),
    torch("aten::_softmax_backward_data", "softmax"), torch("aten::native_layer_norm_backward", "layer_norm"),
    torch("aten::digamma", "lgamma"), torch("aten::slice_backward", "slice"),
    torch("aten::elu_backward", "elu"), torch("aten::hardtanh_backward", "hard_tanh"),
    torch("aten::leaky_relu_backward", "leaky_relu"), torch("aten::log_sigmoid_backward", "log_sigmoid"),
    torch("aten::silu_backward", "silu"), torch("aten::mish_backward", "mish"),
    torch("aten::hardswish_backward", "hard_swish"),
    torch("aten::hardsigmoid_backward", "hard_sigmoid", delta=1e-6, identities=(LEDGER,)),
    torch("aten::hardsigmoid_backward", "hard_sigmoid", name="hardsigmoid_backward-small",
          survives="torch's own 1/6 is off by 3e-8 there, which torch-hardsigmoid-sixth of the ledger excuses"),
    torch("aten::threshold_backward", "relu"), torch("aten::softshrink_backward", "softshrink"),
    torch("aten::_log_softmax_backward_data", "log_softmax"), torch("aten::glu_backward", "glu"),
    torch("aten::native_group_norm_backward", "group_norm"), torch("aten::nll_loss_backward", "nll_loss"),
    torch("aten::huber_loss_backward", "huber_loss"), torch("aten::smooth_l1_loss_backward", "smooth_l1_loss"),
    torch("aten::mse_loss_backward", "mse_loss"), torch("aten::convolution_backward", "conv2d"),
    torch("aten::max_pool2d_with_indices_backward", "max_pool"), torch("aten::_cdist_backward", "cdist"),
    torch("aten::reflection_pad1d_backward", "pad_reflect"), torch("aten::unfold_backward", "unfold"),
    torch("aten::polygamma", "digamma", delta=1e-6, identities=(LEDGER,)),
    torch("aten::polygamma", "digamma", name="polygamma-small",
          survives="torch's own trigamma is off by 1e-9, which torch-digamma-derivative of the ledger excuses"),
    torch("aten::binary_cross_entropy_backward", "binary_cross_entropy"),
    torch("aten::sigmoid_backward", "sigmoid", delta=-2.0, name="sigmoid_backward-sign"),
    torch("aten::tanh_backward", "tanh", kind="float32"), torch("aten::silu_backward", "silu", kind="float32"),
)  # fmt: skip
TORCH_FUNCTIONS = (
    # The public function, where the derivative has no kernel of its own.
    torch("torch.sin"), torch("torch.exp"), torch("torch.log"), torch("torch.log1p"), torch("torch.erf"),
    torch("torch.sqrt"), torch("torch.hypot"), torch("torch.atan2"), torch("torch.pow"), torch("torch.logsumexp"),
    torch("torch.prod"), torch("torch.cat", "concatenate"), torch("torch.linalg.vector_norm", "norm"),
    torch("torch.linalg.solve"), torch("torch.Tensor.__mul__", "mul"), torch("torch.Tensor.__truediv__", "div"),
    torch("torch.Tensor.__matmul__", "matmul"), torch("torch.Tensor.__add__", "add"), torch("torch.outer"),
    torch("torch.index_select", "gather"), torch("torch.reshape"), torch("torch.transpose"), torch("torch.sum"),
    torch("torch.asin"), torch("torch.cosh"), torch("torch.acosh"), torch("torch.special.erfcx"),
    torch("torch.special.ndtri"), torch("torch.special.xlogy"), torch("torch.cumprod"), torch("torch.logcumsumexp"),
    torch("torch.std"), torch("torch.einsum"), torch("torch.fft.fft", "power_spectrum"), torch("torch.linalg.inv"),
    torch("torch.linalg.matrix_exp"), torch("torch.linalg.eigvalsh"), torch("torch.linalg.svdvals"),
    torch("torch.nn.functional.scaled_dot_product_attention", "attention", name="attention"),
    # Right first, wrong second derivatives.
    torch("torch.exp", kind="frozen", identities=SECOND), torch("torch.sin", kind="frozen", identities=SECOND),
    # Another function's derivative.
    torch("torch.Tensor.__mul__", "mul", kind="dropped"), torch("torch.atan2", kind="dropped"),
    torch("torch.log", kind="float32"), torch("torch.lgamma", kind="float32"),
    in_torch("torch.Tensor.__truediv__", "div", "div-swapped", "f(y, x)"),
    in_torch("torch.Tensor.__sub__", "sub", "sub-swapped", "f(y, x)"),
    in_torch("torch.atan2", "atan2", "atan2-swapped", "f(y, x)"),
    in_torch("torch.Tensor.__mul__", "mul", "mul-used-twice", "f(x, y.detach()) if x is y else f(x, y)",
             identities=("C3",), survives="one value as both factors of a product: less than one in 60 drawn forks"),
    in_torch("torch.Tensor.__mul__", "mul", "mul-broadcast",
             "f(x, y.detach() + (y - y.detach()) / x.shape[0]) if y.ndim < x.ndim else f(x, y)"),
    in_torch("torch.cumsum", "cumsum", "cumsum-reversed", "f(xp.flip(x, (x.ndim - 1,)), y)"),
    in_torch("torch.cumsum", "cumsum", "cumsum-axis", "f(x, 0)"),
    in_torch("torch.broadcast_to", "broadcast", "broadcast-one-copy",
             "f(x, y) * xp.reshape(xp.arange(y[0]) == 0, (y[0],) + (1,) * (len(y) - 1))"),
    in_torch("torch.index_select", "gather", "index_select-off-by-one", "f(xp.roll(x, 1, 0), y, *rest)"),
    in_torch("torch.amax", "amax", "amax-spread", "xp.mean(x, -1)"),
    in_torch("torch.nn.functional.gelu", "gelu", "gelu-approximate", "f(x, approximate='tanh')"),
    in_torch("torch.tanh", "tanh", "tanh-cancelling", "(xp.exp(2 * x) - 1) / (xp.exp(2 * x) + 1)"),
    in_torch("torch.std", "std", "std-cancelling",
             "xp.sqrt((xp.mean(x * x, -1) - xp.mean(x, -1) ** 2) * x.shape[-1]"
             " / (x.shape[-1] - options['correction']))",
             survives="digits are lost where the mean is far larger than the spread, at which few points are drawn"),
    in_torch("torch.asinh", "asinh", "asinh-cancelling", "xp.log(x + xp.sqrt(x * x + 1))"),
    in_torch("torch.nn.functional.softplus", "softplus", "softplus-threshold", "f(x, 1.0, 5.0)"),
    in_torch("torch.nn.functional.hardtanh", "hard_tanh", "hard_tanh-threshold", "f(x, -4.0, 4.0)"),
    in_torch("torch.nn.functional.leaky_relu", "leaky_relu", "leaky_relu-slope", "f(x, 0.01 + 1e-9)"),
    in_torch("torch.nn.functional.huber_loss", "huber_loss", "huber_loss-threshold", "f(x, y, delta=0.9, **options)"),
    in_torch("torch.softmax", "softmax", "softmax-axis", "xp.sum(x) * f(x, *rest, **options) / x.numel()"),
    # Where the function has a kink.
    in_torch("torch.maximum", "maximum", "maximum-both-at-a-tie", "xp.where(x == y, x + y, f(x, y))",
             identities=(KINKS,)),
    in_torch("torch.relu", "relu", "relu-two-at-zero", "xp.where(x == 0, 2 * x, f(x))", identities=(KINKS,)),
    in_torch("torch.abs", "abs", "abs-two-at-zero", "xp.where(x == 0, 2 * x, f(x))", identities=(KINKS,)),
    # One mode only.
    torch("torch.func.linearize", "mul", kind="result", identities=("D1",)),
    torch("torch.func.grad", "mul", kind="nested", identities=SECOND),
    torch("torch.func.jacfwd", "mul", kind="nested", identities=SECOND),
    torch("torch.autograd.functional.jacobian", "mul", kind="result", name="functional-jacobian"),
    torch("torch.autograd.functional.hessian", "mul", kind="result", name="functional-hessian", identities=SECOND),
    torch("torch.autograd.functional.vjp", "mul", kind="result", name="functional-vjp", identities=("D2",)),
    torch("torch.func.grad", "mul", kind="result"), torch("torch.func.jacrev", "mul", kind="result"),
    torch("torch.func.jacfwd", "mul", kind="result"), torch("torch.func.vjp", "mul", kind="result"),
    torch("torch.func.jvp", "mul", kind="result"), torch("torch.func.vmap", "mul", kind="result"),
    torch("torch.func.hessian", "mul", kind="result", identities=SECOND),
    torch("torch.func.hessian", "softmax", kind="triangle", identities=("H1", "H2")),
    torch("torch.autograd.functional.hvp", "mul", kind="result", identities=SECOND),
    torch("torch.autograd.functional.jvp", "mul", kind="result", name="functional-jvp", identities=("D1",)),
    torch("torch.func.grad", "mul", kind="stopped", identities=("D4", "H2")),
    torch("torch.utils.checkpoint.checkpoint", "mul", kind="result"),
    # Clipping, cross-entropy.
    torch("torch.nn.functional.cross_entropy", identities=("P2",)),
    in_torch("torch.nn.functional.cross_entropy", "cross_entropy", "cross_entropy-epsilon",
             "f(xp.log(xp.softmax(x, -1) + 1e-9), y, *rest, **options)", identities=("P2",)),
    in_torch("torch.nn.functional.cross_entropy", "cross_entropy", "cross_entropy-wrong-axis",
             "f(x, y, *rest, **options) * x.shape[0] / x.shape[-1]", identities=("P2",)),
    in_torch("torch.nn.functional.cross_entropy", "soft_cross_entropy", "cross_entropy-unnormalised",
             "f(x, y, *rest, **options) * (1 + 1e-9) - 1e-9 * xp.log_softmax(x, -1).sum()", identities=("P2",)),
    Fault("torch-clip-per-tensor", "torch", "torch.nn.utils.clip_grad_norm_", "per tensor", (),
          identities=("N2", "N3")),
    Fault("torch-clip-late", "torch", "torch.nn.utils.clip_grad_norm_", "late", (), identities=("N2", "N3")),
    Fault("torch-clip-sum-of-norms", "torch", "torch.nn.utils.clip_grad_norm_", "sum of norms", (),
          identities=("N2", "N3")),
)  # fmt: skip
NUMPY_FUNCTIONS = (
    # NumPy's own functions, and with them its complex step.
    numpy("numpy.exp"), numpy("numpy.log"), numpy("numpy.sin"), numpy("numpy.cos"), numpy("numpy.tanh"),
    numpy("numpy.sqrt"), numpy("numpy.log1p"), numpy("numpy.expm1"),
    numpy("numpy.arctan2", "atan2"), numpy("numpy.hypot"), numpy("numpy.logaddexp"), numpy("numpy.power", "pow"),
    numpy("numpy.outer"), numpy("numpy.linalg.solve"), numpy("numpy.cumprod"), numpy("numpy.linalg.inv"),
    numpy("scipy.special.erf"), numpy("scipy.special.expit", "sigmoid"), numpy("scipy.special.gammaln", "lgamma"),
    numpy("scipy.special.softmax"), numpy("scipy.special.logsumexp"), numpy("scipy.special.ndtr"),
    numpy("numpy.sin", kind="imaginary"), numpy("numpy.exp", kind="imaginary"),
    numpy("numpy.log", kind="float32"), numpy("scipy.special.erf", kind="float32"),
)  # fmt: skip
ROWS = (*JAX_RULES, *JAX_FUNCTIONS, *TORCH_KERNELS, *TORCH_FUNCTIONS, *NUMPY_FUNCTIONS)
FAULTS = {fault.name: fault for fault in ROWS}
assert len(FAULTS) == len(ROWS), "two faults have one name"
