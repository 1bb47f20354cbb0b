"""A kernel that no framework can look into, beside the plain formula of the same function."""

import numpy as np
import torch

import gradlaws


def kernel(x, weight, eps):
    """Stands for one in CUDA or Triton: torch sees none of it."""
    x, weight = x.detach().numpy(), weight.detach().numpy()
    scale = 1 / np.sqrt(np.mean(x * x, -1, keepdims=True) + np.float32(eps))
    return torch.from_numpy(x * scale * weight), torch.from_numpy(scale)


class FusedRMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, eps=1e-6):
        y, scale = kernel(x, weight, eps)
        ctx.save_for_backward(x, weight, scale)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, cotangent):
        x, weight, scale = ctx.saved_tensors
        normed, weighted = x * scale, cotangent * weight
        of_x = scale * (weighted - normed * (weighted * normed).mean(-1, keepdim=True))
        return of_x, (cotangent * normed).sum((0, 1)), None


fused = FusedRMSNorm.apply


def plain(x, weight, eps=1e-6):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def arguments():
    torch.manual_seed(0)
    return (torch.randn(4, 16, 64), torch.rand(64) + 0.5), {}


def test_the_fused_kernel_has_the_gradient_of_the_plain_formula():
    args, kwargs = arguments()
    gradlaws.check(fused, *args, reference=plain, **kwargs)
