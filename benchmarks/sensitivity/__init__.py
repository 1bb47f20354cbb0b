"""How small a fault is seen, beside the checkers of torch and jax: `python -m benchmarks.sensitivity`."""
