"""More functions that move, repeat, select or sum entries."""

from collections.abc import Iterable

import numpy as np

from gradlaws.strategies.catalogue.fits import (
    of_rows,
    of_several,
    of_squares,
    of_vector_pairs,
    of_vectors,
    reduced,
    same,
)
from gradlaws.strategies.catalogue.shapes import transpose_variants
from gradlaws.strategies.primitive import Parameters, Shape, linear


def repeated(shape: Shape) -> Shape:
    return (2 * shape[0], *shape[1:])


def offdiagonals(shape: Shape) -> Iterable[Parameters]:
    return [{"k": k} for k in (0, 1)] if len(shape) == 2 else []


FAMILY = (
    linear("flip", lambda x: x[::-1], same, of_rows, "flip({x})",
           numpy="numpy.flip({x}, 0)", torch="torch.flip({x}, (0,))", jax="jax.numpy.flip({x}, 0)"),
    linear("roll", lambda x: np.roll(x, 1, 0), same, of_rows, "roll({x})",
           numpy="numpy.roll({x}, 1, 0)", torch="torch.roll({x}, 1, 0)", jax="jax.numpy.roll({x}, 1, 0)"),
    linear("tile", lambda x: np.concatenate([x, x]), repeated, of_rows, "tile({x}, 2)",
           numpy="numpy.concatenate([{x}, {x}])", torch="torch.tile({x}, (2,) + (1,) * ({x}.ndim - 1))",
           jax="jax.numpy.tile({x}, (2,) + (1,) * ({x}.ndim - 1))"),
    linear("repeat", lambda x: np.repeat(x, 2, 0), repeated, of_rows, "repeat({x}, 2)",
           numpy="numpy.repeat({x}, 2, 0)", torch="torch.repeat_interleave({x}, 2, 0)",
           jax="jax.numpy.repeat({x}, 2, 0)"),
    linear("rot90", np.rot90, lambda shape: shape[::-1], transpose_variants, "rot90({x})",
           numpy="numpy.rot90", torch="torch.rot90", jax="jax.numpy.rot90"),
    linear("stack", lambda x, y: np.stack([x, y]), lambda x, y: (2, *x),
           of_vector_pairs, "stack({x}, {y})", arity=2,
           numpy="numpy.stack([{x}, {y}])", torch="torch.stack([{x}, {y}])", jax="jax.numpy.stack([{x}, {y}])"),
    linear("column_stack", lambda x, y: np.stack([x, y], 1), lambda x, y: (*x, 2),
           of_vector_pairs, "columns({x}, {y})", arity=2,
           numpy="numpy.column_stack([{x}, {y}])", torch="torch.column_stack([{x}, {y}])",
           jax="jax.numpy.column_stack([{x}, {y}])"),
    linear("expand_dims", lambda x: x[None], lambda shape: (1, *shape), lambda shape: [{}] if len(shape) < 2 else [],
           "{x}[None]", numpy="numpy.expand_dims({x}, 0)", torch="torch.unsqueeze({x}, 0)",
           jax="jax.numpy.expand_dims({x}, 0)"),
    linear("ravel", np.ravel, lambda shape: (int(np.prod(shape)),), transpose_variants, "vec({x})",
           numpy="numpy.ravel", torch="torch.ravel", jax="jax.numpy.ravel"),
    linear("triu", lambda x, k: x * np.triu(np.ones(x.shape), k), same, offdiagonals, "triu({x}, {k})",
           numpy="numpy.triu({x}, {k})", torch="torch.triu({x}, {k})", jax="jax.numpy.triu({x}, {k})"),
    linear("tril", lambda x, k: x * np.tril(np.ones(x.shape), k), same, offdiagonals, "tril({x}, {k})",
           numpy="numpy.tril({x}, {k})", torch="torch.tril({x}, {k})", jax="jax.numpy.tril({x}, {k})"),
    linear("diag", lambda x: x[:, None] * np.eye(x.size), lambda shape: shape * 2, of_vectors, "diag({x})",
           numpy="numpy.diag", torch="torch.diag", jax="jax.numpy.diag"),
    linear("diagonal", np.diagonal, lambda shape: (min(shape),), transpose_variants, "diagonal({x})",
           numpy="numpy.diagonal", torch="torch.diagonal", jax="jax.numpy.diagonal"),
    linear("trace", np.trace, lambda shape: (), of_squares, "tr {x}",
           numpy="numpy.trace", torch="torch.trace", jax="jax.numpy.trace"),
    linear("pad", lambda x: np.concatenate([0 * x[:1], x, 0 * x[:1]]), lambda shape: (shape[0] + 2,), of_vectors,
           "pad({x})", numpy="numpy.pad({x}, 1)", torch="torch.nn.functional.pad({x}, (1, 1))",
           jax="jax.numpy.pad({x}, 1)"),
    linear("pad_reflect", lambda x: np.concatenate([x[1:2], x, x[-2:-1]]), lambda shape: (shape[0] + 2,), of_vectors,
           "pad({x}, reflect)", numpy="numpy.pad({x}, 1, mode='reflect')",
           torch="torch.nn.functional.pad({x}[None], (1, 1), mode='reflect')[0]",
           jax="jax.numpy.pad({x}, 1, mode='reflect')"),
    linear("pad_edge", lambda x: np.concatenate([x[:1], x, x[-1:]]), lambda shape: (shape[0] + 2,), of_vectors,
           "pad({x}, edge)", numpy="numpy.pad({x}, 1, mode='edge')",
           torch="torch.nn.functional.pad({x}[None], (1, 1), mode='replicate')[0]",
           jax="jax.numpy.pad({x}, 1, mode='edge')"),
    linear("pad_wrap", lambda x: np.concatenate([x[-1:], x, x[:1]]), lambda shape: (shape[0] + 2,), of_vectors,
           "pad({x}, wrap)", numpy="numpy.pad({x}, 1, mode='wrap')",
           torch="torch.nn.functional.pad({x}[None], (1, 1), mode='circular')[0]",
           jax="jax.numpy.pad({x}, 1, mode='wrap')"),
    linear("diff", lambda x: x[..., 1:] - x[..., :-1], lambda shape: (*shape[:-1], shape[-1] - 1),
           of_several, "diff({x})",
           numpy="numpy.diff", torch="torch.diff", jax="jax.numpy.diff"),
    linear("cumsum", lambda x: np.cumsum(x, axis=-1), same, of_rows, "cumsum({x})",
           numpy="numpy.cumsum({x}, axis=-1)", torch="torch.cumsum({x}, -1)", jax="jax.numpy.cumsum({x}, axis=-1)"),
    linear("scatter_add", lambda x: np.stack([x[0] + x[-1], *x[1:-1]]), lambda shape: (shape[0] - 1, *shape[1:]),
           of_vectors, "scatter_add({x})",
           numpy="numpy.bincount([*range({x}.size - 1), 0], weights={x}).astype({x}.dtype)",
           torch="torch.zeros_like({x}[1:]).index_add(0, torch.tensor([*range({x}.shape[0] - 1), 0]), {x})",
           jax="jax.numpy.zeros_like({x}[1:]).at[jax.numpy.array([*range({x}.shape[0] - 1), 0])].add({x})"),
    linear("segment_sum", lambda x: np.stack([x[0] + x[-1], *x[1:-1]]), lambda shape: (shape[0] - 1, *shape[1:]),
           of_vectors, "segment_sum({x})",
           torch="torch.zeros_like({x}[1:]).scatter_add(0, torch.tensor([*range({x}.shape[0] - 1), 0]), {x})",
           jax="jax.ops.segment_sum({x}, jax.numpy.array([*range({x}.shape[0] - 1), 0]), {x}.shape[0] - 1)"),
    linear("take_along_axis", lambda x: x[..., ::-1], same, of_rows, "take_along({x}, reversed)",
           numpy="numpy.take_along_axis({x}, numpy.broadcast_to(numpy.arange({x}.shape[-1])[::-1], {x}.shape), -1)",
           torch="torch.gather({x}, -1, torch.arange({x}.shape[-1] - 1, -1, -1).expand({x}.shape))",
           jax="jax.numpy.take_along_axis({x}, jax.numpy.broadcast_to("
               "jax.numpy.arange({x}.shape[-1])[::-1], {x}.shape), -1)"),
    linear("masked_fill", lambda x: np.concatenate([0 * x[..., :1], x[..., 1:]], -1), same, of_rows, "masked({x})",
           numpy="numpy.where(numpy.arange({x}.shape[-1]) == 0, 0, {x})",
           torch="torch.masked_fill({x}, torch.arange({x}.shape[-1]) == 0, 0.0)",
           jax="jax.numpy.where(jax.numpy.arange({x}.shape[-1]) == 0, 0, {x})"),
    linear("index_update", lambda x, y: np.concatenate([y[:1], x[1:]]), lambda x, y: x,
           of_vector_pairs, "{x} with [0] ← {y}[0]", arity=2,
           numpy="numpy.concatenate([{y}[:1], {x}[1:]])",
           torch="torch.index_copy({x}, 0, torch.tensor([0]), {y}[:1])", jax="{x}.at[0].set({y}[0])"),
    linear("strided_scatter", lambda x, y: np.stack([(x if i % 2 else y)[i] for i in range(x.size)]), lambda x, y: x,
           of_vector_pairs, "{x} with [::2] ← {y}[::2]", arity=2,
           numpy="numpy.where(numpy.arange({x}.size) % 2, {x}, {y})",
           torch="torch.as_strided_scatter({x}, {y}[::2], {y}[::2].shape, (2,))", jax="{x}.at[::2].set({y}[::2])"),
    linear("nansum", lambda x: x.sum(axis=-1), reduced, of_rows, "Σ{x}",
           numpy="numpy.nansum({x}, axis=-1)", torch="torch.nansum({x}, -1)", jax="jax.numpy.nansum({x}, axis=-1)"),
    linear("split", lambda x: x[1:], lambda shape: (shape[0] - 1, *shape[1:]),
           lambda shape: [{}] if shape and shape[0] > 1 else [], "split({x})[1]",
           numpy="numpy.split({x}, [1])[1]", torch="torch.split({x}, [1, {x}.shape[0] - 1])[1]",
           jax="jax.numpy.split({x}, [1])[1]"),
    linear("unfold", lambda x: np.stack([x[:-1], x[1:]], -1), lambda shape: (shape[0] - 1, 2), of_vectors,
           "windows({x})", numpy="numpy.lib.stride_tricks.sliding_window_view({x}, 2)", torch="{x}.unfold(0, 2, 1)",
           jax="jax.numpy.stack([{x}[:-1], {x}[1:]], -1)"),
)  # fmt: skip
