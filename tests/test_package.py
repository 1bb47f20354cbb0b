"""The wheel in somebody's project: one name, which costs nothing until it is used, and leaves theirs alone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import gradlaws
from gradlaws.suite.vocabulary import SUPPORTED, VERSION
from tests.package_fixtures import (
    LINKS,
    ROOT,
    Environment,
    build,
    checkout,
    fresh,
    installed,
    ran,
    wheel,
)

__all__ = ["installed", "wheel"]
IMPORT_SECONDS, ENTRY_SECONDS = 0.150, 0.050
FRAMEWORKS = ("torch", "jax")
HEAVY = ("numpy", "scipy", "torch", "jax", "hypothesis", "mpmath", "pytest")


def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as files:
        (name,) = [name for name in files.namelist() if name.endswith("dist-info/METADATA")]
        return Parser().parsestr(files.read(name).decode())


def needs(metadata: Message, extra: str) -> dict[str, str]:
    """By library, the range that is asked for; of an extra, what it adds."""
    every = [Requirement(line) for line in metadata.get_all("Requires-Dist") or []]
    chosen = [one for one in every if (one.marker.evaluate({"extra": extra}) if one.marker else not extra)]
    return {one.name: str(one.specifier) for one in chosen}


# What is in it


def test_the_wheel_has_one_top_level_name_and_nothing_of_the_workshop(wheel: Path) -> None:
    assert {name.split("/")[0] for name in names(wheel)} == {"gradlaws", f"gradlaws-{VERSION}.dist-info"}
    folders = {name.split("/")[1] for name in names(wheel) if name.count("/") > 1 and name.startswith("gradlaws/")}
    assert folders == {*LINKS}
    assert not [name for name in names(wheel) if name.endswith((".png", ".pyc")) or "/out/" in name]


def test_the_wheel_has_all_of_the_suite_and_is_typed(wheel: Path) -> None:
    wanted = {
        f"gradlaws/{path.relative_to(ROOT).as_posix()}"
        for folder in LINKS
        for path in (ROOT / folder).rglob("*.*")
        if path.is_file() and path.suffix not in (".pyc", ".png") and "out" not in path.relative_to(ROOT).parts
    }
    assert len(wanted) > 200 and wanted <= names(wheel)
    assert "gradlaws/py.typed" in names(wheel)


def test_frameworks_are_extras_and_numpy_is_not_forced_up(metadata: Message) -> None:
    assert metadata["Version"] == VERSION == gradlaws.__version__
    assert {*(metadata.get_all("Provides-Extra") or [])} == {"torch", "jax", "report", "quad", "all"}
    assert not {*FRAMEWORKS, "jaxlib", "optax", "jinja2"} & {*needs(metadata, "")}
    assert needs(metadata, "")["numpy"] == SUPPORTED["numpy"] == ">=1.26"
    assert {*needs(metadata, "all")} == {"torch", "jax", "optax", "jinja2", "latex2mathml"}


def test_what_is_asked_for_is_what_is_said_to_be_supported(metadata: Message) -> None:
    asked = {"python": metadata["Requires-Python"], **needs(metadata, ""), **needs(metadata, "all")}
    assert {name: asked[name] for name in SUPPORTED} == SUPPORTED


# What it costs


def seconds(installed: Environment, statement: str, cwd: Path, before: str = "pass") -> float:
    """That an import takes, the least of several: the rest is noise."""
    code = f"import time; {before}; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    return min(float(installed.run("-c", code, cwd=cwd).stdout) for _ in range(5))


def test_importing_it_takes_no_time(installed: Environment, tmp_path: Path) -> None:
    assert seconds(installed, "import gradlaws, gradlaws.strategies", tmp_path) < IMPORT_SECONDS


def test_importing_it_imports_and_changes_nothing(installed: Environment, tmp_path: Path) -> None:
    code = f"""
import os, sys, warnings
state = lambda: (dict(os.environ), [*sys.path], [*warnings.filters], sys.excepthook, [*sys.meta_path])
before = state()
import gradlaws, gradlaws.strategies
assert state() == before
assert "site-packages" in gradlaws.__file__, gradlaws.__file__
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""
    done = installed.run("-c", code, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.parametrize("module", ["gradlaws", "gradlaws.strategies"])
def test_every_name_resolves_without_a_framework(module: str, installed: Environment, tmp_path: Path) -> None:
    code = f"""
import importlib, sys
module = importlib.import_module({module!r})
assert dir(module) == sorted(module.__all__)
for name in module.__all__:
    assert getattr(module, name) is not None
    assert name == "__version__" or getattr(module, name).__doc__, name
print(*[name for name in {FRAMEWORKS!r} if name in sys.modules])
try:
    module.nonsense
except AttributeError as error:
    print(error)
"""
    done = installed.run("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    frameworks, error = done.stdout.splitlines()
    assert frameworks == ""
    assert error.startswith(f"module {module!r} has no 'nonsense'; it has ")


def test_the_entry_point_costs_a_project_that_does_not_use_it_nothing(installed: Environment, tmp_path: Path) -> None:
    assert seconds(installed, "import gradlaws.entry_point", tmp_path, "import pytest") < ENTRY_SECONDS
    code = "import sys, pytest; before = {*sys.modules}; import gradlaws.entry_point; print(*{*sys.modules} - before)"
    assert {*installed.run("-c", code, cwd=tmp_path).stdout.split()} == {"gradlaws", "gradlaws.entry_point"}


# In somebody's project

THEIRS = {
    "conftest.py": """
def pytest_addoption(parser):
    for option in ("--profile", "--out", "--backends"):
        parser.addoption(option, default="theirs")
""",
    "suite/__init__.py": "WHOSE = 'theirs'\n",
    "strategies/__init__.py": "WHOSE = 'theirs'\n",
    "reports/__init__.py": "WHOSE = 'theirs'\n",
    "records.py": "WHOSE = 'theirs'\n",
    "tests/test_theirs.py": """
import math

import mpmath
import pytest
from hypothesis import given, settings

import gradlaws
import records, reports, strategies, suite
from gradlaws.strategies import FLOAT64, PRIMITIVES, alone, float_values, scalar_functions


@pytest.mark.parametrize("module", [records, reports, strategies, suite])
def test_modules_of_those_names_are_theirs(module):
    assert module.WHOSE == "theirs"


@pytest.mark.parametrize("option", ["--profile", "--out", "--backends"])
def test_options_of_those_names_are_theirs(option, request):
    assert request.config.getoption(option) == "theirs"


@settings(max_examples=10, deadline=None)
@given(scalar_functions(FLOAT64, max_steps=3))
def test_a_function_is_drawn_where_it_has_a_value(drawn):
    program, point = drawn
    assert math.isfinite(float_values(program, point)[-1])


@settings(max_examples=10, deadline=None)
@given(alone(FLOAT64, PRIMITIVES["exp"]))
def test_a_primitive_is_met_by_itself(drawn):
    program, point = drawn
    assert program.primitives == ("exp",)


def test_a_row_and_a_backend_can_be_declared():
    row = gradlaws.unary("my_expm1", mpmath.expm1, gradlaws.interval(-5, 5), torch="torch.expm1")
    backend = gradlaws.Backend("mine", "1", lambda x, dtype: x, lambda x: x, "x", (gradlaws.Unsupported,))
    backend.mode("value", "called")(lambda f, x: f(*x))
    assert row.name == "my_expm1" and [mode.name for mode in backend.modes] == ["called"]
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in THEIRS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("options", [("-n", "2"), ("-p", "no:xdist")], ids=" ".join)
def test_it_works_beside_their_own_names(options: tuple[str, ...], installed: Environment, project: Path) -> None:
    done = installed.run("-m", "pytest", "-q", "tests", *options, cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 passed" in done.stdout


def test_its_options_there_all_begin_with_its_name(installed: Environment, project: Path) -> None:
    def options(*more: str) -> set[str]:
        done = installed.run("-m", "pytest", "--help", *more, cwd=project)
        return {*re.findall(r"^  (--?[\w-]+)", done.stdout, re.MULTILINE)}

    added = options() - options("-p", "no:gradlaws")
    assert added == {"--gradlaws-configure"}


def test_measuring_as_its_own_runs_do_is_an_option(installed: Environment, project: Path) -> None:
    code = "from gradlaws.suite import configuration\ndef test_measures():\n    assert configuration.measures"
    (project / "tests" / "test_measures.py").write_text(code)
    run = ("-m", "pytest", "-q", "-p", "no:xdist", "tests/test_measures.py")
    assert installed.run(*run, cwd=project).returncode == pytest.ExitCode.TESTS_FAILED
    assert installed.run(*run, "--gradlaws-configure", cwd=project).returncode == 0


def test_their_module_is_type_checked_against_it(installed: Environment, tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(
        "import gradlaws\n"
        "from gradlaws.strategies import FLOAT64, scalar_functions\n"
        "drawn = scalar_functions(FLOAT64)\n"
        "row = gradlaws.unary('half', lambda x: x / 2)\n"
        "reveal_type(drawn)\n"
        "reveal_type(row)\n"
    )
    check = ("-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "--python-executable", installed.python)
    done = ran([sys.executable, *check, "user.py"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "gradlaws.strategies.program.Program" in done.stdout and "gradlaws.strategies.primitive." in done.stdout


# However it is installed


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A checkout as on Windows, where a link may be a text file that holds where it leads."""
    folder = checkout(tmp_path / "plain")
    for link in LINKS:
        (folder / "gradlaws" / link).unlink()
        (folder / "gradlaws" / link).write_text(f"../{link}")
    return folder


def test_an_sdist_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    done = ran([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path], ROOT)
    assert done.returncode == 0, done.stderr
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as files:
        held = {name.split("/")[1] for name in files.getnames()}
    assert {"suite", "tests", "LICENSE", "README.md"} <= held
    assert names(build(sdist, tmp_path / "again")) == names(wheel)


def test_a_checkout_without_links_gives_the_same_wheel_and_works(wheel: Path, plain: Path, tmp_path: Path) -> None:
    code = "import gradlaws.suite.places, gradlaws.strategies; print(gradlaws.strategies.FLOAT64.name)"
    done = ran([sys.executable, "-c", code], cwd=plain)
    assert done.stdout.strip() == "float64", done.stderr
    assert names(build(plain, tmp_path / "again")) == names(wheel)


def test_an_editable_install_works(tmp_path: Path) -> None:
    environment = fresh(tmp_path / "venv")
    environment.install("--editable", checkout(tmp_path / "copy"))
    done = environment.gradlaws("--version", cwd=tmp_path)
    assert done.stdout == f"gradlaws {VERSION}\n", done.stderr
    code = "import gradlaws.suite.places as places; print(places.SUITE)"
    assert environment.run("-c", code, cwd=tmp_path).stdout.strip() == str(tmp_path / "copy" / "suite")


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_it_installs_from_a_repository(wheel: Path, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "repository")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("init", "--quiet"), ("add", "--all"), (*author, "commit", "--quiet", "--message", "all")):
        subprocess.run(["git", *command], cwd=folder, check=True, timeout=120)
    assert names(build(f"git+{folder.as_uri()}", tmp_path / "built")) == names(wheel)


def test_the_version_is_said_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "suite/vocabulary.py"
    assert re.search(rf"^## \[{re.escape(VERSION)}\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
