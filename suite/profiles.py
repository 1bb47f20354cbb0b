"""How much is looked at: the profiles, every field explicit.

Hypothesis fills what is left out from whatever profile is active, which is another one wherever CI is set.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from gradlaws.strategies.catalogue import CORE, OWN
from gradlaws.strategies.precision import EXTENDED, HALF, PRECISIONS, WIDE


@dataclass(frozen=True)
class Profile:
    """``examples`` per test of weight 1; ``seed`` where none is given (None: random).

    ``floor`` is how many conclusive comparisons a cell needs to count as evidence; 0 gates on violations only.
    ``shrink_seconds`` bounds the shrinking of one failure, ``time_limit`` (seconds) a test: beyond it, it hangs.
    """

    examples: int
    floor: int
    seed: int | None
    shrink_seconds: int
    database: bool = False
    alone: bool = True  # whether every primitive is also met by itself
    modes: int | None = None  # of each quantity per example, in rotation; None: all of them
    in_turns: bool = False  # whether runs share the primitives alone among them, by seed (TURNS)
    one_precision: tuple[str, ...] = ()  # backends met in the first precision only
    time_limit: float = 1200  # twenty times what the longest takes
    half: float = 0.0  # share of the examples that half types, and long double, get where no precision is named
    document: bool = False  # whether the claims of suite/document are verified too
    hunt: bool = False  # whether examples climb towards their bounds, and the worst are kept (suite/corpus/hardest.py)
    own: int = 0  # examples of each primitive of a plugin, which alone are then met alone; 0: as others
    stored: str = (
        ""  # instead of drawing: "pins", the past counterexamples, or "all" that suite/corpus/corpus.jsonl holds
    )


PROFILES = {
    "smoke": Profile(examples=4, floor=0, seed=0, shrink_seconds=20, modes=1, alone=False, one_precision=("jax",)),
    "gate": Profile(examples=30, floor=1, seed=0, shrink_seconds=30, modes=3, in_turns=True, half=0.25),
    "claims": Profile(
        examples=8, floor=0, seed=0, shrink_seconds=20, modes=1, alone=False, one_precision=("jax",), document=True
    ),
    "soak": Profile(
        examples=12, floor=0, seed=0, shrink_seconds=30, modes=99, in_turns=True, half=0.5, time_limit=3600
    ),
    "explore": Profile(
        examples=1000, floor=0, seed=None, shrink_seconds=120, database=True, hunt=True, half=1, time_limit=14400
    ),
    "check": Profile(examples=12, floor=0, seed=0, shrink_seconds=20, modes=3, own=60),
    "pin": Profile(examples=1, floor=0, seed=0, shrink_seconds=0, modes=3, stored="pins", half=1),
    "replay": Profile(examples=1, floor=0, seed=0, shrink_seconds=0, modes=3, stored="all", half=1),
    "again": Profile(examples=1, floor=0, seed=0, shrink_seconds=0, stored="all", half=1),
}
active = PROFILES["smoke"]
turn = 0  # of this run: its seed


# Over how many runs the catalogue's core and its breadth are spread, in each precision: JAX compiles each function.
ONE_IN_TWO = (1, 2)
TURNS = {"jax": (2, 10)}
HESSIANS = {"jax": 3}  # and over how many of these the Hessians, which cost more there than all else
PERIOD = 60  # a multiple of all turns, also of those of half types and of their primitives


def due(primitive: str, backend: str, dtype: str, share: float = 1.0, run: int | None = None) -> bool:
    """Whether a primitive alone has its turn in a run, of this seed if none is given, on a backend and in a precision
    that gets this share of the examples."""
    run = turn if run is None else run
    if share < 1 and not (primitive in CORE and (zlib.crc32(primitive.encode()) // 3 + run) % 4 == 0):
        return False
    if active.own:
        return primitive in OWN
    return not active.in_turns or primitive in OWN or in_turn(primitive, backend, [*PRECISIONS].index(dtype), run)


def next_turn(primitive: str, backend: str, dtype: str, share: float = 1.0) -> int | None:
    """The next seed with which a run looks at it there; None where none does."""
    step = len(HALF) if dtype in HALF and backend in TURNS else 1  # which take turns themselves
    later = range(turn + step, turn + PERIOD * step + 1, step)
    return next((run for run in later if due(primitive, backend, dtype, share, run)), None)


def in_turn(primitive: str, backend: str, place: int, run: int) -> bool:
    return (zlib.crc32(primitive.encode()) + place + run) % TURNS.get(backend, ONE_IN_TWO)[primitive not in CORE] == 0


def hessian_due(primitive: str, backend: str) -> bool:
    """Whether its Hessian has its turn too."""
    return not active.in_turns or hessian_in_turn(primitive, backend, turn)


def hessian_in_turn(primitive: str, backend: str, run: int) -> bool:
    turns_before = run // TURNS.get(backend, ONE_IN_TWO)[1]
    return primitive in CORE or (zlib.crc32(primitive.encode()) // 7 + turns_before) % HESSIANS.get(backend, 1) == 0


def first_turn(primitive: str, backend: str) -> int:
    """The first seed with which a run looks at the primitive alone, in the first precision, and at its Hessian."""
    return next(
        run
        for run in itertools.count()
        if in_turn(primitive, backend, 0, run) and hessian_in_turn(primitive, backend, run)
    )


def load(name: str) -> Profile:
    """Makes the profile the default of every test that is defined from now on."""
    global active
    active = PROFILES[name]
    settings.register_profile(
        f"gradlaws-{name}",
        settings(
            max_examples=active.examples,
            derandomize=False,  # a fixed seed instead, so that every backend meets the same functions
            database=DirectoryBasedExampleDatabase(".hypothesis/examples") if active.database else None,
            verbosity=settings.default.verbosity if settings.default else None,  # type: ignore[arg-type]
            phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink),
            stateful_step_count=50,
            report_multiple_bugs=False,  # one shrunk counterexample per test
            suppress_health_check=(HealthCheck.too_slow,),  # JAX compiles each new shape once
            deadline=None,  # for the same reason
            print_blob=False,  # the report's reproducers need no Hypothesis
            backend="hypothesis",
        ),
    )
    settings.load_profile(f"gradlaws-{name}")
    return active


def examples(weight: float) -> settings:
    """Settings for a test that deserves ``weight`` times the profile's examples."""
    return settings(max_examples=max(FEWEST, round(active.examples * weight)))


# JAX compiles each new function, and each new shape of each primitive: one of its examples costs as much as ten others.
SHARES = {"jax": 0.25}
LARGE_SHARES = {"jax": 0.5}
FEWEST = 4  # of a share; the first example is the simplest that there is
OWN_SHARES = {"jax": 0.5}  # of the examples of a plugin's primitive alone
MODES = {"jax": 2}
ALONE = {"jax": 1}  # every primitive is met alone, so its modes share the primitives among them
LARGE = ("U9", "U10")  # whose functions are compiled at shapes of their own, in few modes for that


def modes(backend: str, identity: str) -> int | None:
    """How many modes of a quantity meet one example, in rotation; None: all of them."""
    if active.modes is None:
        return None
    return min(active.modes, (ALONE if identity in ("alone", *LARGE) else MODES).get(backend, active.modes))


def shared(full: settings, backend: str, identity: str = "", own: bool = False, share: float = 1.0) -> settings:
    """The settings of a test on one backend, of a plugin's own primitive alone or any other, in a precision that gets
    this share of the examples."""
    if own and active.own:
        return settings(full, max_examples=round(active.own * OWN_SHARES.get(backend, 1.0)))
    if identity != "alone":  # which is met in few shapes instead
        share *= (LARGE_SHARES if identity in LARGE else SHARES).get(backend, 1.0)
    return settings(full, max_examples=max(min(FEWEST, full.max_examples), round(full.max_examples * share)))


def pick_of(backend: str) -> int | None:
    """Which shapes of a primitive alone are met in this run, beside the simplest; None: all."""
    return zlib.crc32(str(turn).encode()) if active.in_turns and backend in SHARES else None


def precisions(backend: str, offered: Sequence[str]) -> dict[str, float]:
    """Those that a run looks at if none is named, and the share of the examples that each gets; on JAX half types
    take turns in the gate."""
    wide = {name: 1.0 for name in offered if name in WIDE}
    half = [name for name in offered if name in HALF] if active.half else []
    if active.in_turns and backend in TURNS and half:
        half = [half[turn % len(half)]]
    extended = [name for name in offered if name in EXTENDED] if active.half else []
    return wide | dict.fromkeys(half + extended, active.half)
