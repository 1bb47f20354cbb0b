"""Operations as users write them (benchmarks/check): of each what is right and a fault of each order, both ways.

``python -m benchmarks.check`` asks all 99 cases; these are those of the quick ones that differ in kind.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("jax")

HERE = Path(__file__).parent.parent
SAMPLE = {
    "jax_layer_norm": ["right_square", "rstd_constant"],
    "jax_logsumexp_jvp": ["right_axis0", "mask_leaks"],
    "jax_segment_messages": ["wrong_endpoint"],
    "jax_swiglu": ["right_f32", "dsilu_constant"],
    "torch_cross_entropy": ["right_once_differentiable", "saved_softmax"],
    "torch_flash_attention": ["right", "lse_constant"],
    "torch_lora": ["right_fresh_B_zero", "A_without_scale_fresh"],
    "torch_quantise_ste": ["right", "passes_one_step_beyond"],
    "torch_rmsnorm": ["right_unreduced_weight_grad", "eps_outside_unit_x", "frozen_rms"],
    "torch_scatter_mean": ["right_lone", "numpy_backward"],
}


@pytest.mark.parametrize("operation", SAMPLE)
def test_every_verdict_is_the_one_due(operation: str) -> None:
    words = [f"{operation}/{name}" for name in SAMPLE[operation]]
    command = [sys.executable, "-m", "benchmarks.check", "--once", *words]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("as due") > len(words)
