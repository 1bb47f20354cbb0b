"""The tolerance: how far a correct floating-point derivative of this program, at this point, may be from the truth.

First-order error analysis: a rounding of a value or of a local partial derivative enters the result multiplied by the
exact sensitivity of the result to it. One forward sweep gives tangents t_i and second tangents T_ik at every value, one
reverse sweep the adjoint G and its derivatives G_i, G_ik along the same directions. Then

    value     B0    = sum_v |G(v)| e_v
    gradient  B1_i  = sum_v |G_i(v)| e_v  + sum_edges |G(v)| |t_i(a_j)| (d1_j + k1 u |phi_j|)            + flush
    Hessian   B2_ik = sum_v |G_ik(v)| e_v + sum_edges (|G T_ik| + |G_i t_k| + |G_k t_i|) (d1_j + k2 u |phi_j|)
                      + sum_pairs |G| |t_i(a_j)| |t_k(a_l)| (d2_jl + k2 u |phi_jl|)                      + flush

where e, d1, d2 are what the contracts allow in a value, a first and a second partial (suite/bound/contracts.py), and k
counts the products and sums that combine them. Every order of accumulation computes only v, t, T, G, G_i and G_k, and a
rounding of one of them is multiplied by its dual, which is a term above: so one bound covers every nesting of modes.

First order is not enough where rounding moves a partial by a notable part r of itself, as in exp((x + 2^51) - 2^51):
the errors of higher order are taken as a geometric series, B / (1 - r), and nothing is certified from r = 1 on. Where
errors may carry an argument across a kink, as in max(0, x - x), r is what the partials are on the other side.
In half types a partial may also be off by much of itself because it cancels, as 1 - tanh^2 does, and such errors meet:
what is added is B with every partial enlarged by its own error, less B, both with every path counted positive.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from gradlaws.strategies.precision import Precision
from gradlaws.strategies.primitive import Floats
from gradlaws.strategies.program import Point
from gradlaws.suite.bound.contracts import Contract
from gradlaws.suite.bound.nodes import Contracts, Graph, Node, times

LARGEST = float(np.finfo(np.float64).max)
U = 2.0**-53  # of float64, in which the sensitivities are computed


@dataclass(frozen=True)
class Share:
    """What one node adds to the bound per unit: of its contract's value, first and second partials, of the rounding
    of products and sums, of the value's conditioning, of 1, and of the norms. Each has the shape of the bounded object.
    """

    primitive: str
    at: Point  # its arguments
    value: Floats
    first: Floats
    second: Floats
    rounding: Floats
    conditioning: Floats
    one: Floats
    norm: Floats


@dataclass(frozen=True)
class Analysis:
    """The bound of one object before precision and contracts are put in."""

    absolute: list[Share]
    underflow: Floats  # what one flushed number does that is computed on the way
    given: Floats  # and one that is given, an input or an entry of a direction
    least: float  # size of the smallest that is given and not 0
    majorant: Floats  # the object with every path counted positive
    largest: float  # of all numbers met, every path counted positive
    signed: list[Share]

    @np.errstate(all="ignore")
    def bound(self, precision: Precision, contracts: Contracts, smallest: float) -> Floats:
        """In the precision whose smallest number that is not flushed is ``smallest``."""
        u = precision.unit_roundoff
        second_order = 4 * len(self.signed) * max(u, U)
        total = smallest * self.underflow
        if self.least < smallest:  # what is given is read as 0: beyond all range where partials are
            total = total + np.where(self.given < LARGEST / 4, smallest * self.given, np.inf)
        for signed, absolute in zip(self.signed, self.absolute, strict=True):
            contract = contracts(signed.primitive, signed.at)
            total = total + u * (allowed(signed, contract) + second_order * allowed(absolute, contract))
        return np.asarray(total)


def enlarged(graph: Graph, contracts: Contracts, u: float) -> Graph:
    """The graph with every partial enlarged by what its contract allows; all positive."""
    found, larger = copy(graph), []
    for node in graph.nodes:
        (_, c1, c2), local = contracts(node.primitive, node.at).ulps, node.local
        first, second = (
            np.abs(partial) + u * c * size
            for partial, c, size in zip((local.first, local.second), (c1, c2), local.sizes[1:], strict=True)
        )
        larger.append(replace(node, local=replace(local, first=first, second=second)))
    found.nodes = larger
    return found


@np.errstate(all="ignore")
def meeting(graph: Graph, contracts: Contracts, precision: Precision, u: Floats, *directions: Floats) -> Floats:
    """What errors of partials that meet in one product add to the bound; arguments as for ``analyse``."""
    sizes, once = tuple(np.abs(d) for d in directions), precision.unit_roundoff
    more, less = (
        sum(allowed(share, contracts(share.primitive, share.at)) for share in sweep(g, np.abs(u), sizes, np.abs)[0])
        for g in (enlarged(graph, contracts, once), graph)
    )
    return np.asarray(once * np.maximum(more - less, 0.0))


def allowed(share: Share, contract: Contract) -> Floats:
    c0, c1, c2 = contract.ulps
    allowance = c0 * share.value + c1 * share.first + c2 * share.second + share.rounding
    beside = times(contract.conditioning, share.conditioning) + contract.absolute * share.one
    return np.asarray(allowance + beside + times(contract.normwise, share.norm))


@np.errstate(all="ignore")  # what is beyond float64 is infinite or NaN, and so is the bound
def analyse(graph: Graph, u: Floats, *directions: Floats) -> Analysis:
    """Of u_o . f (no directions: shape (o,)), u_o . D_v f (one set: shape (o, a)) or u_o . D_v D_w f (two: (o, a, b)).

    ``u`` (o, m) are cotangents; each set of directions (a, n) holds tangents.
    """
    signed = sweep(graph, u, directions, lambda x: x)[0]
    sizes = tuple(np.abs(d) for d in directions)
    absolute, (underflow, given), majorant, most = sweep(graph, np.abs(u), sizes, np.abs)
    met = np.concatenate([np.abs(graph.numbers[: graph.inputs]), *(size.ravel() for size in (np.abs(u), *sizes))])
    least = float(np.min(met, where=met > 0, initial=np.inf))
    return Analysis(absolute, underflow, given, least, majorant, most, signed)


def sweep(
    graph: Graph, u: Floats, directions: tuple[Floats, ...], size: Callable[[Floats], Floats]
) -> tuple[list[Share], tuple[Floats, Floats], Floats, float]:
    """The share of every node, what a flushed number does (computed, given), the object, and the largest number met.

    ``size`` is the identity for signed sensitivities, or the absolute value for sums over paths of absolute products.
    """
    order, o, total, n = len(directions), len(u), graph.count, graph.inputs
    # Below order 2 the missing tangents are empty sets, and every einsum over them is empty too.
    v, w = (directions[k] if order > k else np.zeros((0, n)) for k in (0, 1))
    t, s, T = np.zeros((len(v), total)), np.zeros((len(w), total)), np.zeros((len(v), len(w), total))
    t[:, :n], s[:, :n] = v, w
    for node in graph.nodes:
        first, second = size(node.local.first), size(node.local.second)
        tj, sj = t[:, node.operands], s[:, node.operands]
        t[:, node.outputs] = (first * tj).sum(-1)
        if order == 2:
            s[:, node.outputs] = (first * sj).sum(-1)
            bent = np.einsum("kpq,akp->akq", second, tj)
            T[..., node.outputs] = (first * T[..., node.operands]).sum(-1) + np.einsum("akq,bkq->abk", bent, sj)
    G, Gt, Gs = np.zeros((o, total)), np.zeros((o, len(v), total)), np.zeros((o, len(w), total))
    GT = np.zeros((o, len(v), len(w), total))
    G[:, graph.output] = u
    shares = []
    for node in reversed(graph.nodes):
        first, second, third = size(node.local.first), size(node.local.second), size(node.local.third)
        tj, sj, Tj = t[:, node.operands], s[:, node.operands], T[..., node.operands]
        g, gt, gs, gT = (x[..., node.outputs] for x in (G, Gt, Gs, GT))
        dual = (g, gt, gT)[order]
        around = Around(*(np.abs(x) for x in (dual, g, gt, gs, tj, sj, Tj)))
        shares.append(share(node, graph, around, order))

        def back(flow: Floats, node: Node = node) -> Floats:
            return np.asarray(flow.reshape(*flow.shape[:-2], -1) @ node.scatter)

        G[:, node.arguments] += back(g[..., None] * first)
        if order > 0:
            bent_t = np.einsum("kpq,akq->akp", second, tj)
            Gt[..., node.arguments] += back(gt[..., None] * first + g[:, None, :, None] * bent_t)
        if order > 1:
            bent_s = np.einsum("kpq,bkq->bkp", second, sj)
            bent_T = np.einsum("kpq,abkq->abkp", second, Tj) + thrice(third, tj, sj)
            Gs[..., node.arguments] += back(gs[..., None] * first + g[:, None, :, None] * bent_s)
            GT[..., node.arguments] += back(
                gT[..., None] * first
                + gt[:, :, None, :, None] * bent_s
                + gs[:, None, :, :, None] * bent_t[:, None]
                + g[:, None, None, :, None] * bent_T
            )
    shares.reverse()
    return (
        shares,
        both_flushed(order, n, (t, s, T), (G, Gt, Gs, GT)),
        (
            np.einsum("om,m->o", u, size(graph.values[-1].ravel())),
            np.einsum("on,an->oa", G[:, :n], v),
            np.einsum("oan,bn->oab", Gt[..., :n], w),
        )[order],
        largest(graph, ((), (t, G), (t, s, T, G, Gt, Gs))[order]),
    )


def both_flushed(
    order: int, n: int, tangents: tuple[Floats, ...], adjoints: tuple[Floats, ...]
) -> tuple[Floats, Floats]:
    """What flushing does to what is computed, and to the values and tangents of the n inputs, which are given."""

    def summed(swept: tuple[Floats, ...], values: slice) -> list[Floats]:
        return [np.abs(x[..., values]).sum(-1) for x in swept]

    computed = flushed(order, *summed(tangents, slice(None)), *summed(adjoints, slice(n, None)))
    return computed, flushed(order, *summed(tangents, slice(0)), *summed(adjoints, slice(n)))


def largest(graph: Graph, swept: tuple[Floats, ...]) -> float:
    """Of all values, of the partials to this order, and of what was swept with them; infinite where one is lost."""
    if graph.lost:
        return np.inf
    partials = [(node.local.first, node.local.second)[: (len(swept) + 1) // 2] for node in graph.nodes]
    met = [*graph.values, *swept, *(partial for of_node in partials for partial in of_node)]
    return max(float(np.max(np.abs(numbers), initial=0.0)) for numbers in met)


def thrice(third: Floats, t: Floats, s: Floats) -> Floats:
    """The third partials along two tangents; those of linear and bilinear steps are zero."""
    if not third.any():
        return np.zeros((len(t), len(s), *third.shape[:2]))
    return np.asarray(np.einsum("akpr,bkr->abkp", np.einsum("kpqr,akq->akpr", third, t), s))


@dataclass(frozen=True)
class Around:
    """Absolute values of the sweeps at a node: adjoints at its outputs (k), tangents at its operands (k, p).

    ``dual`` is the adjoint of the value in the bounded object: G, G_i or G_ik.
    """

    dual: Floats
    g: Floats
    gt: Floats
    gs: Floats
    t: Floats
    s: Floats
    T: Floats


def share(node: Node, graph: Graph, around: Around, order: int) -> Share:
    """What the node adds to the bound."""
    found = node.local
    g, gt, gs, t, s, T = around.g, around.gt, around.gs, around.t, around.s, around.T
    size0, size1, size2 = found.sizes
    first, second = np.abs(found.first), np.abs(found.second)
    # An edge's product, the sum over the terms of the output that an input moves, and over the uses of the argument.
    # Products by 0 and ±1 are exact, and are counted as one rounding at either order.
    terms = np.count_nonzero(first * graph.live[node.operands], axis=-1)[:, None] + graph.uses[node.operands]
    once, twice = (terms - 1, 2 * terms - 1) if node.selects else (1 + terms, 4 + 2 * terms)

    def through_edges(partial: Floats) -> Floats:
        if order == 1:
            return np.asarray(np.einsum("ok,kp,akp->oa", g, partial, t))
        return np.asarray(
            np.einsum("ok,kp,abkp->oab", g, partial, T)
            + np.einsum("oak,kp,bkp->oab", gt, partial, s)
            + np.einsum("obk,kp,akp->oab", gs, partial, t)
        )

    def through_pairs(partial: Floats) -> Floats:
        return np.asarray(np.einsum("ok,akq,bkq->oab", g, np.einsum("kpq,akp->akq", partial, t), s))

    value = np.asarray(around.dual @ size0)
    conditioning, one = np.asarray(around.dual @ found.conditioning), around.dual.sum(-1)
    zero = np.zeros(value.shape)
    norm = found.norms[0] * one
    if order and any(found.norms):
        norm = norm + through_edges(np.full_like(first, found.norms[1]))
    if order == 2 and any(found.norms):
        norm = norm + through_pairs(np.full_like(second, found.norms[2]))
    if order == 0:
        return Share(node.primitive, node.at, value, zero, zero, zero, conditioning, one, norm)
    if order == 1:
        rounding = through_edges(once * first)
        return Share(node.primitive, node.at, value, through_edges(size1), zero, rounding, conditioning, one, norm)
    rounding = through_edges(twice * first) + through_pairs(twice[..., None] * second)
    return Share(
        node.primitive, node.at, value, through_edges(size1), through_pairs(size2), rounding, conditioning, one, norm
    )


def flushed(order: int, t: Floats, s: Floats, T: Floats, G: Floats, Gt: Floats, Gs: Floats, GT: Floats) -> Floats:
    """What flushing any one value, tangent or adjoint to zero can do, per smallest number not flushed: each is
    multiplied by its dual, a value by G, G_i or G_ik, a tangent by G or G_i, an adjoint by t, s or T."""
    if order == 0:
        return G
    if order == 1:
        return np.asarray(t + G[:, None] + Gt)
    return np.asarray(t[:, None] + s + T + G[:, None, None] + Gt[:, :, None] + Gs[:, None, :] + GT)
