"""A gradient that is wrong on purpose: values are rounded, and the derivative is meant to be that of a clamp."""

import torch

import gradlaws


class Quantised(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, step):
        ctx.save_for_backward(x)
        return torch.round(x.clamp(-1, 1) / step) * step

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        return cotangent * ((x >= -1) & (x <= 1)), None


def quantised_layer(x, weight):
    return torch.tanh(x @ Quantised.apply(weight, 1 / 8))


def straight_through(x, weight):
    """Its values are the quantised ones, its derivative is the clamp's: what is detached is constant."""
    clamped = weight.clamp(-1, 1)
    rounded = torch.round(clamped * 8) / 8
    return torch.tanh(x @ (clamped + (rounded - clamped).detach()))


def arguments():
    torch.manual_seed(0)
    return (torch.randn(12, 30), torch.randn(30, 5)), {}


def test_the_gradient_passes_straight_through():
    args, _ = arguments()
    gradlaws.check(quantised_layer, *args, reference=straight_through)
    gradlaws.check(lambda w: Quantised.apply(w, 1 / 8), args[1], surrogate=lambda w: w.clamp(-1, 1))
