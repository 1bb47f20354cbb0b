"""A tape from a program of the catalogue: each step is its row."""

from __future__ import annotations

from gradlaws.strategies.program import Program
from gradlaws.suite.tape.operations.rows import PREFIX
from gradlaws.suite.tape.tape import Builder, Kind, Origin, Tape


def of_program(program: Program) -> Tape:
    """Its inputs are the program's, all float64; its one output is the value of the last step."""
    builder = Builder(len(program.steps))
    values = [builder.input(Kind(shape, "float64")) for shape in program.inputs]
    for step, shape in zip(program.steps, program.shapes[len(program.inputs) :], strict=True):
        if step.is_constant:
            values.append(builder.constant(step.constant, "float64"))
            continue
        arguments = [values[i] for i in step.arguments]
        name, parameters = PREFIX + step.primitive, dict(step.parameters)
        values.append(builder.one(name, arguments, Kind(shape, "float64"), Origin(step.primitive), **parameters))
    return builder.tape([values[-1]])
