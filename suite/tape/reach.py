"""What a tape asks for, before anything of it is evaluated: so many numbers, so many seconds, so much memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gradlaws.suite.tape.tape import Tape, TooLarge

MOST = 10**9  # numbers that one tape may compute
PACE = 1e-7  # seconds for each in quad, on one core (python -m benchmarks.sizes: seconds over operations)
BYTES = 16  # of a number in quad
AROUND, OF_PRODUCT = 2, 6  # arrays, besides its own, that an operation may hold; slices of the operands of a product
MEMORY: dict[Path, Callable[[str], int]] = {  # what is free, and what a container may have
    Path("/proc/meminfo"): lambda text: 1024 * int(text.partition("MemAvailable:")[2].split()[0]),
    Path("/sys/fs/cgroup/memory.max"): int,
}
NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "Out of memory", "RESOURCE_EXHAUSTED")


@dataclass(frozen=True)
class Estimate:
    """Of one evaluation in quad."""

    operations: int
    memory: int

    @property
    def seconds(self) -> float:
        return self.operations * PACE

    def __str__(self) -> str:
        return (
            f"{self.operations:.1e} operations on numbers, about {self.seconds:,.0f} s and {self.memory / 1e9:.1f} GB"
        )


def estimate(tape: Tape) -> Estimate:
    return Estimate(tape.scalar_operations, BYTES * most_entries(tape))


def most_entries(tape: Tape) -> int:
    """The entries of all arrays that an evaluation holds at once, at most."""
    held = sum(tape.kinds[i].size for i in {*tape.inputs, *tape.constants})
    most = held
    for instruction, ends in zip(tape.instructions, tape.last_uses, strict=True):
        held += sum(tape.kinds[r].size for r in instruction.results)
        around = max((tape.kinds[i].size for i in (*instruction.arguments, *instruction.results)), default=0)
        most = max(most, held + (OF_PRODUCT if "length" in instruction.parameters else AROUND) * around)
        held -= sum(tape.kinds[i].size for i in ends)
    return most


def within_reach(tape: Tape) -> Tape:
    """The tape, if it can be evaluated. Raises TooLarge, with what it would take."""
    asked, free = estimate(tape), free_memory()
    if asked.operations > MOST:
        raise TooLarge(f"an evaluation takes {asked}: more than the limit of {MOST:.0e} operations")
    if asked.memory > free:
        raise TooLarge(f"an evaluation takes {asked}: more memory than the {free / 1e9:.1f} GB that are free")
    return tape


def free_memory() -> int:
    """Bytes, where the system says; else those of the machine."""
    found = []
    for path, read in MEMORY.items():
        try:
            found.append(read(path.read_text()))
        except (OSError, ValueError, IndexError):  # no such file, or "max"
            continue
    return min(found) if found else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def within_memory() -> Iterator[None]:
    """Where memory runs out all the same, one line says so: TooLarge."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in NO_MEMORY):
            raise
        raise TooLarge(f"there is not enough memory: {str(error).partition(chr(10))[0]}") from error
