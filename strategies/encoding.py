"""Programs, points and whatever else is drawn, as JSON of our own, which outlives versions of Hypothesis.

A float is its hexadecimal text, with all its bits; a tuple is a list; an array {"shape": [...], "values": [...]}, of a
complex one the real and imaginary parts in turn; a program {"inputs": [shapes], "steps": [[primitive, arguments,
parameters], ...]}; any other class {"Name": {fields}}. Equal values have equal text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.program import CONSTANT, Composition, Program, Step

T = TypeVar("T")
NOT_FINITE = ("inf", "-inf", "nan")
STORED: dict[str, Any] = {"Composition": Composition}


class EncodingError(ValueError):
    """A value cannot be written, or a text is none of ours; the message is one line that says why."""


def stored(cls: type[T]) -> type[T]:
    """Class decorator: a dataclass of values that may be drawn."""
    STORED[cls.__name__] = cls
    return cls


def text(value: Any) -> str:
    """The value as one line of JSON. Raises EncodingError."""
    return json.dumps(encode(value), ensure_ascii=False, separators=(",", ":"))


def encode(value: Any) -> Any:
    """The value as JSON has it. Raises EncodingError where it is of a type that nothing here can write."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, np.float64):  # a float too, but of shape (), as its users expect
        return encode_array(np.asarray(value))
    if isinstance(value, float):
        return float(value).hex()
    if isinstance(value, str):
        if is_float(value):
            raise EncodingError(f"the text {value!r} would be read as a number")
        return value
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, np.ndarray):
        return encode_array(value)
    if isinstance(value, Program):
        return {"inputs": [list(shape) for shape in value.inputs], "steps": [encode_step(step) for step in value.steps]}
    name = type(value).__name__
    if STORED.get(name) is not type(value):
        raise EncodingError(f"a {name} cannot be stored; decorate its class with strategies.encoding.stored")
    return {name: {field.name: encode(getattr(value, field.name)) for field in fields(value)}}


def encode_step(step: Step) -> list[Any]:
    parameters = {key: encode(value) for key, value in step.parameters}
    return [step.primitive, list(step.arguments), *([parameters] if parameters else [])]


def encode_array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    if array.dtype == np.complex128:
        parts = np.stack([array.real, array.imag], axis=-1)
        return {"shape": list(array.shape), "complex": [float(x).hex() for x in parts.ravel()]}
    if array.dtype != np.float64:
        raise EncodingError(f"an array of {array.dtype} cannot be stored; points are float64 or complex128")
    return {"shape": list(array.shape), "values": [float(x).hex() for x in array.ravel()]}


def decode(coded: Any) -> Any:
    """What ``encode`` has written. Raises EncodingError, also where a primitive does not exist or does not fit."""
    if isinstance(coded, str):
        return float.fromhex(coded) if is_float(coded) else coded
    if isinstance(coded, list):
        return tuple(decode(item) for item in coded)
    if not isinstance(coded, dict):
        return coded
    try:
        if "shape" in coded:
            return decode_array(coded)
        if "inputs" in coded:
            return decode_program(coded)
        ((name, values),) = coded.items()
        return STORED[name](**{key: decode(value) for key, value in values.items()})
    except EncodingError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise EncodingError(f"{shortened(coded)} is not what was written: {type(error).__name__}: {error}") from error


def decode_array(coded: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    numbers = np.array([float.fromhex(x) for x in coded.get("complex", coded.get("values"))], dtype=np.float64)
    if "complex" in coded:
        numbers = numbers.view(np.complex128)
    return numbers.reshape(coded["shape"])


def decode_program(coded: Mapping[str, Any]) -> Program:
    steps = []
    inputs = tuple(tuple(shape) for shape in coded["inputs"])
    for number, (primitive, arguments, *parameters) in enumerate(coded["steps"]):
        if primitive != CONSTANT and primitive not in PRIMITIVES:
            raise EncodingError(
                f"there is no primitive {primitive!r}: known are those of the catalogue, and a plugin's with --plugin"
            )
        if not all(0 <= argument < len(inputs) + number for argument in arguments):
            raise EncodingError(f"step {number + 1}, {primitive}, names a value that does not exist yet")
        named = parameters[0] if parameters else {}
        steps.append(Step(primitive, tuple(arguments), tuple((key, decode(value)) for key, value in named.items())))
    program = Program(inputs, tuple(steps))
    try:
        program.shapes  # noqa: B018  (computed once, and refuses what does not fit)
    except Exception as error:
        raise EncodingError(f"its steps do not fit each other: {type(error).__name__}: {error}") from error
    return program


def is_float(word: str) -> bool:
    return word in NOT_FINITE or word.removeprefix("-").startswith("0x")


def shortened(coded: Any) -> str:
    whole = json.dumps(coded, ensure_ascii=False)
    return whole if len(whole) <= 60 else whole[:57] + "..."
