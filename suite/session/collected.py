"""Which systems meet which tests, and which tests are left."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import pytest

from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.precision import WIDE
from gradlaws.suite import profiles
from gradlaws.suite.corpus.cases import Case, Damaged
from gradlaws.suite.known import conventions, ledger
from gradlaws.suite.known.claims import CLAIMS
from gradlaws.suite.session.items import gathers_evidence, identity_of, parameters_of, system_of
from gradlaws.suite.session.session import Session


def parametrise(metafunc: pytest.Metafunc, session: Session) -> None:
    """Gives a test that takes a system all those that it is about, by its markers."""
    if metafunc.definition.get_closest_marker("ledger"):
        # Each row on the backend that it speaks of, in the first of its precisions.
        met = [(f"{row.backend}-{row.dtypes[0]}", row) for row in ledger.rows()]
        met = [(system, row) for system, row in met if system in session.systems]
        metafunc.parametrize(("system", "row"), met, indirect=["system"], ids=[row.id for _, row in met])
    elif metafunc.definition.get_closest_marker("convention"):
        met_at = [(s, row) for s in session.systems for row in conventions.rows() if s in conventions.SYSTEMS]
        names = [f"{s}-{row.case}" for s, row in met_at]
        metafunc.parametrize(("system", "convention"), met_at, indirect=["system"], ids=names)
    elif metafunc.definition.get_closest_marker("corpus"):
        asked = list(stored(session))
        names = [f"{system}-{case}" for system, case in asked]
        metafunc.parametrize(("system", "case"), asked, indirect=["system"], ids=names)
    elif "system" in metafunc.fixturenames:
        metafunc.parametrize("system", list(concerned(metafunc.definition, session)), indirect=True, scope="session")


def concerned(test: pytest.Item, session: Session) -> Iterator[str]:
    """The systems that a test is about: those of its backends, in its precisions, of which its claim speaks."""
    marker = test.get_closest_marker("backends")
    identity = test.get_closest_marker("identity")
    claim = CLAIMS.get(identity.args[0]) if identity else None
    dtypes = test.get_closest_marker("dtypes")
    for name, system in session.systems.items():
        if (
            (marker is None or system.backend.name in marker.args)
            and (dtypes is None or system.precision.name in dtypes.args)
            and (claim is None or not claim.why_not(system.backend))
        ):
            yield name


def stored(session: Session) -> Iterator[tuple[str, Case | Damaged]]:
    """The cases that the profile asks for, on each system that they concern; a damaged line on the first."""
    for case in session.cases:
        if isinstance(case, Damaged):
            yield next(iter(session.systems)), case
            continue
        claim = CLAIMS.get(case.identity)
        for name, system in session.systems.items():
            recorded = not case.recorded or system.backend.name in case.recorded
            if system.precision.name == case.dtype and recorded and not (claim and claim.why_not(system.backend)):
                yield name, case


def asked(items: Sequence[pytest.Item], session: Session) -> list[pytest.Item]:
    """The tests that the options and the profile ask for, of all shards."""
    wanted = set(session.identities)
    if not profiles.active.alone:
        wanted -= {"alone"}
    return [
        item
        for item in items
        if not nowhere(item)
        and not (profiles.active.stored and "case" not in parameters_of(item))
        and (identity_of(item) not in CLAIMS or (identity_of(item) in wanted and due(item, session)))
    ]


def of_the_shard(items: Sequence[pytest.Item], session: Session) -> list[pytest.Item]:
    k, n = session.shard
    return [item for item in items if zlib.crc32(item.nodeid.encode()) % n == k - 1]


def nowhere(item: pytest.Item) -> bool:
    """Whether the test is about systems, and none is left for it: pytest then gives it a token of its own."""
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "system" in callspec.params and not system_of(item)


def due(item: pytest.Item, session: Session) -> bool:
    """Whether the profile looks at this precision there, and the turn of a primitive of the breadth has come."""
    primitive = parameters_of(item).get("primitive")
    system = system_of(item)
    if gathers_evidence(item) and not profiles.active.document:
        return False
    if not system:
        return True
    backend, dtype = system.split("-")
    if backend in profiles.active.one_precision and dtype != session.dtypes[0]:
        return False
    if gathers_evidence(item) and dtype not in WIDE:
        return False
    if primitive is None:
        return True
    spelled = backend in PRIMITIVES[primitive].spellings
    return spelled and profiles.due(primitive, backend, dtype, session.systems[system].share)
