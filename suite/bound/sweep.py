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
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from strategies.mp_arrays import DomainError
from strategies.precision import Precision
from strategies.primitive import Floats, keeps_from_kinks
from strategies.program import Point, Program, Step, float_values, splitter
from suite.bound.contracts import Contract
from suite.bound.partials import Local, local
from suite.run import kept
from suite.truth.oracle import HashablePoint

Contracts = Callable[[str], Contract]
U = 2.0**-53  # of float64, in which the sensitivities are computed
MARGIN = 1e-4  # a tenth of how far, beside themselves, arguments are from the kinks in their domains


@dataclass(frozen=True)
class Node:
    """A step among all scalar values of the program, which are numbered through."""

    step: Step
    number: int  # of its value
    outputs: slice
    arguments: NDArray[np.intp]  # numbers of the step's scalar arguments
    operands: NDArray[np.intp]  # (k, p) the numbers that each output depends on
    scatter: Floats  # (k p, arguments) adds what flows back along each edge to its argument
    local: Local

    @property
    def primitive(self) -> str:
        return self.step.primitive


@dataclass(frozen=True)
class Share:
    """What one node adds to the bound per unit: of its contract's value, first and second partials, of the rounding
    of products and sums, of the value's conditioning, of 1, and of the norms. Each has the shape of the bounded object.
    """

    primitive: str
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
    underflow: Floats  # what one flushed number does
    majorant: Floats  # the object with every path counted positive
    largest: float  # of all numbers met, every path counted positive
    signed: list[Share]

    def bound(self, precision: Precision, contracts: Contracts, smallest: float) -> Floats:
        """In the precision whose smallest number that is not flushed is ``smallest``."""
        u = precision.unit_roundoff
        second_order = 4 * len(self.signed) * max(u, U)
        total = smallest * self.underflow
        for signed, absolute in zip(self.signed, self.absolute, strict=True):
            contract = contracts(signed.primitive)
            total = total + u * (allowed(signed, contract) + second_order * allowed(absolute, contract))
        return np.asarray(total)


def enlarged(graph: Graph, contracts: Contracts, u: float) -> Graph:
    """The graph with every partial enlarged by what its contract allows; all positive."""
    found, larger = copy(graph), []
    for node in graph.nodes:
        (_, c1, c2), local = contracts(node.primitive).ulps, node.local
        first, second = (
            np.abs(partial) + u * c * size
            for partial, c, size in zip((local.first, local.second), (c1, c2), local.sizes[1:], strict=True)
        )
        larger.append(replace(node, local=replace(local, first=first, second=second)))
    found.nodes = larger
    return found


def meeting(graph: Graph, contracts: Contracts, precision: Precision, u: Floats, *directions: Floats) -> Floats:
    """What errors of partials that meet in one product add to the bound; arguments as for ``analyse``."""
    sizes, once = tuple(np.abs(d) for d in directions), precision.unit_roundoff
    more, less = (
        sum(allowed(share, contracts(share.primitive)) for share in sweep(g, np.abs(u), sizes, np.abs)[0])
        for g in (enlarged(graph, contracts, once), graph)
    )
    return np.asarray(once * np.maximum(more - less, 0.0))


def allowed(share: Share, contract: Contract) -> Floats:
    c0, c1, c2 = contract.ulps
    allowance = c0 * share.value + c1 * share.first + c2 * share.second + share.rounding
    beside = contract.conditioning * share.conditioning + contract.absolute * share.one
    return allowance + beside + contract.normwise * share.norm


def value_error(found: Local, contract: Contract) -> Floats:
    """What the contract allows in the value of a step, per u; shape (k,)."""
    beside = contract.conditioning * found.conditioning + contract.absolute + contract.normwise * found.norms[0]
    return np.asarray(contract.ulps[0] * found.sizes[0] + beside)


class Graph:
    """The program at a point, as nodes with local derivatives."""

    def __init__(self, program: Program, point: Point) -> None:
        values = float_values(program, point)
        starts = np.cumsum([0, *(v.size for v in values)])
        self.starts, self.count = starts, int(starts[-1])
        self.inputs = int(sum(x.size for x in point))
        self.output = slice(int(starts[-2]), int(starts[-1]))
        self.values, self.numbers = values, np.concatenate([v.ravel() for v in values])
        self.nodes: list[Node] = []
        offset = len(point)
        for number, step in enumerate(program.steps, start=offset):
            if step.is_constant:
                continue
            found = local(step, [values[i] for i in step.arguments], values[number])
            numbers = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in step.arguments])
            operands = numbers[found.index]
            arguments, position = np.unique(operands, return_inverse=True)
            scatter = np.eye(len(arguments))[position.ravel()]
            outputs = slice(int(starts[number]), int(starts[number + 1]))
            self.nodes.append(Node(step, number, outputs, arguments, operands, scatter, found))

    @cached_property
    def uses(self) -> Floats:
        """In how many terms each scalar value is used, hence how many terms its adjoint sums."""
        uses = np.zeros(self.count)
        for node in self.nodes:
            np.add.at(uses, node.operands, node.local.first != 0)
        return uses

    def drift(self, contracts: Contracts, u: float) -> float:
        """r: by what part of themselves the errors of the values move the partials, summed over the nodes."""
        errors, drift = np.zeros(self.count), 0.0
        for node in self.nodes:
            found, operands = node.local, errors[node.operands]
            first = np.abs(found.first)
            bent = np.einsum("kpqr,kr->kpq", np.abs(found.third), operands) / 2 + np.abs(found.second)
            moved = np.einsum("kpq,kq->kp", bent, operands).max(-1, initial=0.0)
            if may_kink(node.step) and np.any(self.of(node, errors) > MARGIN * np.abs(self.of(node, self.numbers))):
                moved = np.maximum(moved, self.turned(node, errors))
            if moved.any():
                drift += float(np.max(moved / first.max(-1, initial=0.0), where=moved > 0, initial=0.0))
            errors[node.outputs] = (first * operands).sum(-1) + u * value_error(found, contracts(node.primitive))
        return drift

    def of(self, node: Node, numbers: Floats) -> Floats:
        """Those of the arguments of a step, one after the other."""
        return np.concatenate([numbers[self.starts[i] : self.starts[i + 1]] for i in node.step.arguments])

    def turned(self, node: Node, errors: Floats) -> Floats:
        """How far the first partials of each output are elsewhere within the errors of the arguments; shape (k,).

        Infinite where they leave the domain. A kink between any two arguments lies between two of the places."""
        parts = splitter([self.values[i].shape for i in node.step.arguments])
        flat, off = self.of(node, self.numbers), self.of(node, errors)
        moved = np.zeros(len(node.local.first))
        for signs in corners(flat.size):
            try:
                first = local(node.step, parts(flat + signs * off), self.values[node.number]).first
            except DomainError:
                return np.full(len(moved), np.inf)
            moved = np.maximum(moved, np.abs(first - node.local.first).max(-1, initial=0.0))
        return np.nan_to_num(moved, nan=np.inf, posinf=np.inf)


def may_kink(step: Step) -> bool:
    return step.declaration.kind in ("elementwise", "structured") and keeps_from_kinks(step.declaration.domain)


def corners(n: int) -> list[Floats]:
    """Signs of n numbers: any two of them are opposite in one, and the other way round in another."""
    bits = [np.where(np.arange(n) >> bit & 1, -1.0, 1.0) for bit in range((n - 1).bit_length())]
    return [sign * signs for signs in (np.ones(n), *bits) for sign in (1.0, -1.0)]


def analyse(graph: Graph, u: Floats, *directions: Floats) -> Analysis:
    """Of u_o . f (no directions: shape (o,)), u_o . D_v f (one set: shape (o, a)) or u_o . D_v D_w f (two: (o, a, b)).

    ``u`` (o, m) are cotangents; each set of directions (a, n) holds tangents.
    """
    signed = sweep(graph, u, directions, lambda x: x)[0]
    sizes = tuple(np.abs(d) for d in directions)
    return Analysis(*sweep(graph, np.abs(u), sizes, np.abs), signed)


def sweep(
    graph: Graph, u: Floats, directions: tuple[Floats, ...], size: Callable[[Floats], Floats]
) -> tuple[list[Share], Floats, Floats, float]:
    """The share of every node, what one flushed number does, the object itself, and the largest number met.

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
        shares.append(share(node, graph.uses, around, order))

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
        flushed(order, *(np.abs(x).sum(-1) for x in (t, s, T, G, Gt, Gs, GT))),
        (
            np.einsum("om,m->o", u, size(graph.values[-1].ravel())),
            np.einsum("on,an->oa", G[:, :n], v),
            np.einsum("oan,bn->oab", Gt[..., :n], w),
        )[order],
        largest(graph, ((), (t, G), (t, s, T, G, Gt, Gs))[order]),
    )


def largest(graph: Graph, swept: tuple[Floats, ...]) -> float:
    """Of all values, of the partials to this order, and of what was swept with them."""
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


def share(node: Node, uses: Floats, around: Around, order: int) -> Share:
    """What the node adds to the bound."""
    found = node.local
    g, gt, gs, t, s, T = around.g, around.gt, around.gs, around.t, around.s, around.T
    size0, size1, size2 = found.sizes
    first, second = np.abs(found.first), np.abs(found.second)
    # An edge's product, the sum over the terms of the output, and over the uses of the argument.
    terms = np.count_nonzero(first, axis=-1)[:, None] + uses[node.operands]

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
        return Share(node.primitive, value, zero, zero, zero, conditioning, one, norm)
    if order == 1:
        rounding = through_edges((1 + terms) * first)
        return Share(node.primitive, value, through_edges(size1), zero, rounding, conditioning, one, norm)
    rounding = through_edges((4 + 2 * terms) * first) + through_pairs((4 + 2 * terms)[..., None] * second)
    return Share(node.primitive, value, through_edges(size1), through_pairs(size2), rounding, conditioning, one, norm)


def flushed(order: int, t: Floats, s: Floats, T: Floats, G: Floats, Gt: Floats, Gs: Floats, GT: Floats) -> Floats:
    """What flushing any one value, tangent or adjoint to zero can do, per smallest number not flushed."""
    if order == 0:
        return G
    if order == 1:
        return np.asarray(t + G[:, None] + Gt)
    return np.asarray(t[:, None] + s + T + G[:, None, None] + Gt[:, :, None] + Gs[:, None, :] + GT)


@kept(4096)
def graph(program: Program, point: HashablePoint) -> Graph:
    return Graph(program, point.arrays)
