"""A rule by hand in jax, for a function of a pytree."""

import jax

import gradlaws


@jax.custom_vjp
def gated(parameters, x):
    """silu(x scale) + shift."""
    return jax.nn.silu(x * parameters["scale"]) + parameters["shift"]


def forward(parameters, x):
    return gated(parameters, x), (parameters, x)


def backward(saved, cotangent):
    parameters, x = saved
    z = x * parameters["scale"]
    s = jax.nn.sigmoid(z)
    slope = cotangent * (s + z * s * (1 - s))
    return {"scale": (slope * x).sum(0), "shift": cotangent.sum(0)}, slope * parameters["scale"]


gated.defvjp(forward, backward)


def arguments():
    keys = jax.random.split(jax.random.key(0), 3)
    parameters = {"scale": 1 + jax.random.normal(keys[0], (32,)), "shift": jax.random.normal(keys[1], (32,))}
    return (parameters, jax.random.normal(keys[2], (100, 32))), {}


def test_the_rule_is_the_derivative_of_the_function():
    args, _ = arguments()
    gradlaws.check(gated, *args)
