"""A module of torch: its inputs and its parameters, by name."""

import torch

import gradlaws


class FeedForward(torch.nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.norm = torch.nn.LayerNorm(width)
        self.gate = torch.nn.Linear(width, hidden, bias=False)
        self.up = torch.nn.Linear(width, hidden, bias=False)
        self.down = torch.nn.Linear(hidden, width)

    def forward(self, x):
        h = self.norm(x)
        return x + self.down(torch.nn.functional.silu(self.gate(h)) * self.up(h))


torch.manual_seed(0)
block = FeedForward(width=16, hidden=32)
args = (torch.randn(2, 10, 16),)


def test_the_module_is_differentiated_by_all_of_its_parameters():
    report = gradlaws.check(block, *args)
    assert report["gate.weight"].verdict == "holds" and report["norm.bias"].verdict == "holds"
