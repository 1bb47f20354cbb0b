"""The house is as docs/architecture.md shows it: rooms, arrows that point down, modules that can be read at once."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
HOUSES = ("benchmarks", "gradlaws", "records", "reports", "strategies", "suite")
FLOORS = [
    re.sub(r"gradlaws\.(?=suite|records|strategies)", "", floor).split(" | ")
    for floor in CONTRACTS["contracts"][0]["layers"]
]
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
LINES, FUNCTION = 350, 60  # of a module of suite/, and of a function, at most


def linted(folder: Path) -> tuple[int, str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_every_arrow_points_down_and_none_in_a_circle() -> None:
    status, said = linted(ROOT)
    assert status == 0, said


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("suite/truth/floats.py", "from gradlaws.suite.checking import verdict", "every arrow points down"),
        ("suite/clock.py", "def late():\n    from gradlaws.suite import profiles", "every arrow points down"),
        ("suite/bound/taylor.py", "from gradlaws.suite.bound import partials", "no circle"),
        ("reports/numerals.py", "import gradlaws.suite.vocabulary", "what is checked knows of no report"),
        ("strategies/precision.py", "import torch", "knows no framework"),
    ],
)
def test_what_is_against_the_plan_is_seen(file: str, line: str, broken: str, tmp_path: Path) -> None:
    for house in HOUSES:
        aside = shutil.ignore_patterns("out", "results", "*.toml")
        shutil.copytree(ROOT / house, tmp_path / house, symlinks=True, ignore=aside)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as text:
        text.write(f"\n{line}\n")
    status, said = linted(tmp_path)
    assert status != 0
    assert re.search(rf"{broken}.* BROKEN", said), said


def rooms() -> set[str]:
    """The folders of suite/, and the modules that stand in none of them."""
    inside = [path for path in (ROOT / "suite").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return {f"suite.{path.stem}" for path in inside} - {"suite.__init__"}


def test_every_room_has_its_floor() -> None:
    assert rooms() == {room for floor in FLOORS for room in floor if room.startswith("suite.")}
    assert len(rooms()) <= 28 and len([room for room in rooms() if (ROOT / room.replace(".", "/")).is_dir()]) <= 20


def test_the_page_shows_every_room_from_the_top_floor_down() -> None:
    lines = [re.split(r"\s{3,}", line.strip("│├─ "))[0] for line in PAGE.split("```")[1].splitlines()]
    shown = [{name.removeprefix("suite.") for name in line.split(", ")} for line in lines if line]
    floors = [{room.removeprefix("suite.") for room in floor} for floor in FLOORS]
    places = [[place for place, names in enumerate(shown) if names & floor] for floor in floors]
    assert [floor for floor in floors if not floor <= set().union(*shown)] == []
    assert places == sorted(places) and len(set(map(tuple, places))) == len(places)


def test_every_path_that_the_page_names_is_there() -> None:
    named = re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:py|toml|ini|md))`", PAGE)
    assert len(named) > 40
    assert [path for path in named if not (ROOT / path).exists() and not path.startswith("reports/out")] == []


def modules() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "suite").rglob("*.py")):
        yield path.relative_to(ROOT), path.read_text("utf-8")


def test_modules_and_functions_can_be_read_at_once() -> None:
    long = [f"{path}: {lines} lines" for path, text in modules() if (lines := len(text.splitlines())) > LINES]
    for path, text in modules():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= FUNCTION:
                long.append(f"{path}: {node.name}")
    assert long == []


def test_conftest_only_wires() -> None:
    assert len((ROOT / "conftest.py").read_text().splitlines()) <= 20
