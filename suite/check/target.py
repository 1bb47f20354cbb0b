"""What a command names: a function of the user's, as pkg.module:function or path/to/file.py:function, and its call."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from gradlaws.suite.check.leaves import CannotCheck
from gradlaws.suite.check.theirs import told
from gradlaws.suite.plugins import from_file


def imported(name: str) -> Any:
    """The function of that name. Raises CannotCheck."""
    module, _, attribute = name.rpartition(":") if ":" in name else name.rpartition(".")
    if not module or not attribute or name.endswith(".py"):
        raise CannotCheck(f"{name!r} names no function: write pkg.module:function, or path/to/file.py:function")
    home = found = module_of(module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [n for n in dir(found) if n[:1] != "_"], 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise CannotCheck(f"{module} has no {part!r}{hint}")
        found = getattr(found, part)
    if not callable(found):
        raise CannotCheck(f"{name} is no function, but {type(found).__name__} (of {home.__name__})")
    return found


def module_of(name: str) -> ModuleType:
    """Of a dotted name, or of a file; a file in a package as the package's, so that its relative imports work.

    The working folder, or the file's own, may be imported from. Raises CannotCheck: what the module raises is its own.
    """
    path = Path(name).absolute() if name.endswith(".py") or "/" in name else None
    try:
        if path is None:
            importable(Path.cwd())
            return importlib.import_module(name)
        if not path.is_file():
            raise CannotCheck(f"there is no file {name}")
        return of_file(path)
    except CannotCheck:
        raise
    except ModuleNotFoundError as error:
        if path is None and error.name and (name == error.name or name.startswith(error.name + ".")):
            raise CannotCheck(
                f"there is no module {error.name}: run this where it can be imported, or give its file"
            ) from error
        raise CannotCheck(told(error)) from error
    except (Exception, SystemExit) as error:
        raise CannotCheck(told(error)) from error


def of_file(path: Path) -> ModuleType:
    """The module of a file, which several names may ask for."""
    package = path.parent
    while (package / "__init__.py").exists():
        package = package.parent
    importable(package)
    if package != path.parent:
        return importlib.import_module(".".join(path.relative_to(package).with_suffix("").parts))
    known = sys.modules.get(path.stem)
    if known is not None and Path(str(getattr(known, "__file__", ""))) == path:
        return known
    return from_file(path)


def importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def call_of(file: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """(args, kwargs) as the file has them, or as its ``arguments()`` gives them. Raises CannotCheck."""
    module = module_of(file)
    if callable(made := getattr(module, "arguments", None)):
        try:
            given = made()
        except Exception as error:
            raise CannotCheck(told(error)) from error
        if not (isinstance(given, tuple) and len(given) == 2):
            raise CannotCheck(f"{file}: arguments() gives {type(given).__name__}; it is to give (args, kwargs)")
        args, kwargs = given
    elif hasattr(module, "args") or hasattr(module, "kwargs"):
        args, kwargs = getattr(module, "args", ()), getattr(module, "kwargs", {})
    else:
        raise CannotCheck(f"{file} defines no args (a tuple), no kwargs (a dict), nor arguments() -> (args, kwargs)")
    if not isinstance(args, tuple | list):
        raise CannotCheck(f"{file}: args is a {type(args).__name__}; write args = (x,) for one argument")
    if not isinstance(kwargs, Mapping):
        raise CannotCheck(f"{file}: kwargs is a {type(kwargs).__name__}; it is a dict, by the names of parameters")
    return tuple(args), dict(kwargs)


def spelling(name: str) -> tuple[str, str]:
    """How a function that is imported is called in a program, and the module that the call names."""
    module, _, attribute = name.rpartition(":") if ":" in name else name.rpartition(".")
    home = module_of(module).__name__
    return f"{home}.{attribute}", home


def absolute(name: str) -> str:
    """The same name from any folder."""
    module, _, attribute = name.rpartition(":")
    return f"{Path(module).absolute()}:{attribute}" if module.endswith(".py") else name
