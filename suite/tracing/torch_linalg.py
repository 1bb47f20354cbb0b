"""ATen's factorisations of matrices."""

from __future__ import annotations

from gradlaws.suite.tracing.torch_call import TorchLowering

LOWERED: dict[str, TorchLowering] = {}
