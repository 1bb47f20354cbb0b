"""Your own primitives and backends: `--plugin pkg.module`, or `--plugin path/to/file.py`.

A plugin is a Python module with any of

    PRIMITIVES = [unary("my_op", mp.expm1, interval(-5, 5), torch="my_module.my_op")]
        rows as in strategies/catalogue: the mathematics, where it is defined and smooth, and how each framework calls
        it; the module can name itself and whatever it lists in LIBRARIES. The definition is a function of mpmath
        numbers (unary, binary), an expression of arrays (kind="arithmetic"), or, for `structured`, a reference
        implementation against an array namespace: definition(xp, *arrays). They are composed with all others, and
        drawn as often as these together, so that every identity, mode and report has them.
    BACKEND = Backend("autograd", version, array, numbers, ...)
        another framework: suite/backends/backend.py says what its functions take and give, `@BACKEND.mode(quantity,
        name)` registers each way to a derivative, and SPELLINGS maps names of primitives to its calls. Primitives that
        it does not spell are not asked of it.
    CONTRACTS = [{"backends": ["torch"], "primitives": ["my_op"], "ulps": [8, 8, 8], "reason": "..."}]
        rows as in suite/bound/contracts.toml, where the default of 4 ulps is not what an operation promises.
    LEDGER = "my_backend.toml"
        its known deviations, as rows of suite/known/ledger.toml; a path from the module's folder.
    LIBRARIES = ("autograd.numpy",)
        modules that the calls name.

Examples: suite/examples/.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from gradlaws.strategies import lint
from gradlaws.strategies.catalogue import PRIMITIVES
from gradlaws.strategies.primitive import Primitive
from gradlaws.suite.backends.backend import Backend
from gradlaws.suite.bound import contracts
from gradlaws.suite.known import ledger
from gradlaws.suite.run import Run
from gradlaws.suite.tables import table

NAMES = ("PRIMITIVES", "BACKEND", "CONTRACTS", "LEDGER")


class PluginError(ValueError):
    """A plugin cannot be used; the message is one line that says why."""


def load(run: Run, name: str) -> ModuleType:
    """Imports the plugin, and adds what it declares to the run in force. Raises PluginError. It is done once."""
    if name in run.plugins:
        return run.plugins[name]
    try:
        module = from_file(Path(name), run.files) if name.endswith(".py") else importlib.import_module(name)
    except (Exception, SystemExit) as error:
        told = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PluginError(f"--plugin {name}: cannot be imported: {type(error).__name__}: {told}") from error
    if not any(hasattr(module, kind) for kind in NAMES):
        raise PluginError(f"--plugin {name}: declares none of {', '.join(NAMES)}; see suite/plugins.py")
    run.libraries.extend(library for library in (module.__name__, *getattr(module, "LIBRARIES", ())))
    try:
        add_primitives(run, getattr(module, "PRIMITIVES", ()))
        if hasattr(module, "BACKEND"):
            add_backend(run, module)
        contracts.add(run, getattr(module, "CONTRACTS", ()), f"--plugin {name}")
        if hasattr(module, "LEDGER"):
            ledger.add(run, Path(str(module.__file__)).with_name(module.LEDGER))
    except (ValueError, TypeError, AttributeError) as error:
        raise PluginError(f"--plugin {name}: {error}") from error
    run.plugins[name] = module
    return module


def from_file(path: Path, files: list[str] | None = None) -> ModuleType:
    """A module that is called as its file is, so that the functions under test can name it, and noted in ``files``."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or not path.is_file():
        raise ModuleNotFoundError(f"no file {path}")
    if path.stem in sys.modules:
        raise ImportError(f"there is a module {path.stem} already; give the file another name")
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    if files is not None:
        files.append(path.stem)
    sys.path.insert(0, str(path.absolute().parent))  # what it imports may stand beside it
    try:
        # not its cached bytecode, which is told from a stale one by whole seconds and size alone
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[path.stem]  # half a module is none
        raise
    finally:
        sys.path.remove(str(path.absolute().parent))
    return module


def add_primitives(run: Run, rows: Iterable[Any]) -> None:
    for row in rows:
        if not isinstance(row, Primitive):
            raise TypeError(f"PRIMITIVES holds {row!r}, which is no row such as unary(...) of strategies/primitive.py")
        if wrong := lint.complaint(row):
            raise ValueError(f"PRIMITIVES: {wrong}")
        run.catalogue.include(row)


def add_backend(run: Run, module: ModuleType) -> None:
    backend = module.BACKEND
    if not isinstance(backend, Backend):
        raise TypeError(f"BACKEND is {backend!r}, which is no Backend of suite/backends/backend.py")
    if backend.name in run.modules or not backend.name.isidentifier():
        raise ValueError(f"BACKEND is called {backend.name!r}, which is taken, or no identifier")
    spellings = getattr(module, "SPELLINGS", {})
    if unknown := sorted(set(spellings) - set(PRIMITIVES)):
        raise ValueError(f"SPELLINGS has unknown primitives {', '.join(unknown)}")
    for name, text in spellings.items():
        run.catalogue.replace_row(with_spelling(PRIMITIVES[name], backend.name, text))
    run.modules[backend.name] = module.__name__


def with_spelling(primitive: Primitive, backend: str, text: str) -> Primitive:
    return replace(primitive, spellings={**primitive.spellings, backend: text})


def contracts_like(backend: str, name: str, *primitives: str) -> list[dict[str, Any]]:
    """For a framework that computes as another does: the other's rows, all of them or of these primitives."""
    rows = [row for row in table(contracts.DATA, "contract") if backend in row["backends"]]
    return [
        {key: value for key, value in row.items() if key != "modes"} | {"backends": [name], "primitives": names}
        for row in rows
        if (names := [one for one in row["primitives"] if not primitives or one in primitives])
    ]


def spellings_like(backend: str, change: Callable[[str], str]) -> dict[str, str]:
    """For a framework that imitates another: the other's calls, rewritten; an empty one is left out."""
    rewritten = {name: change(p.spellings[backend]) for name, p in PRIMITIVES.items() if backend in p.spellings}
    return {name: text for name, text in rewritten.items() if text}
