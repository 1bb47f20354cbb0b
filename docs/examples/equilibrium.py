"""An implicit layer: y = tanh(W y + x), solved to a tolerance, and differentiated by the implicit function theorem."""

import torch

import gradlaws

TOLERANCE = 1e-10


class Equilibrium(torch.autograd.Function):
    @staticmethod
    def forward(ctx, W, x):
        y = torch.zeros_like(x)
        while True:
            last, y = y, torch.tanh(W @ y + x)
            if (y - last).abs().max() < TOLERANCE:
                break
        ctx.save_for_backward(W, y)
        return y

    @staticmethod
    def backward(ctx, cotangent):
        W, y = ctx.saved_tensors
        slope = 1 - y * y
        z = torch.linalg.solve(torch.eye(len(y), dtype=y.dtype) - (slope[:, None] * W).T, cotangent)
        return torch.outer(z * slope, y), z * slope


def arguments():
    torch.manual_seed(0)
    W = torch.randn(20, 20, dtype=torch.float64)
    return (0.4 * W / torch.linalg.matrix_norm(W, 2), torch.randn(20, dtype=torch.float64)), {}


def test_the_gradient_is_that_of_the_solution_to_the_solver_s_tolerance():
    args, _ = arguments()
    gradlaws.check(Equilibrium.apply, *args, order=1, allow=(1e-8, "the iteration stops at 1e-10"))
