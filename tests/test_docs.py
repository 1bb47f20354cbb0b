"""The documentation: every command in it is one that exists, the cheap ones are run and print what the page shows."""

from __future__ import annotations

import argparse
import configparser
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from docs import generate
from gradlaws.__main__ import REPORTS, RUNS, SUITE, commands

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^(`{3,})([^\n]*)\n(.*?)^\1\s*$", re.DOTALL | re.MULTILINE)
HERE = ("pip", "tox", "git", "cd", "bash", "mypy", "ruff")  # what else a page may ask for, and no test runs
MODULES = ("suite", "suite.reproduce", "reports", "records.schema", "tox", "pip", "pytest", "sphinx",
           "benchmarks.certify", "benchmarks.faults", "benchmarks.history", "benchmarks.sensitivity", "benchmarks.soak",
           "benchmarks.survey")  # fmt: skip
CHEAP = (
    r"gradlaws( \w+)? --(help|version)", r"gradlaws (compare|show|check|replay|reproduce --(count|print)) .*",
    r"gradlaws reproduce --count",
    r"gradlaws gate --plugin .* -k .*",
    r"python -m suite\.reproduce --(count|print .*)", r"python -m reports compare .*",
)  # fmt: skip
DEAR = "not run here"  # said of a block whose commands need what no test makes
TIME_LIMIT = 600


@dataclass
class Command:
    """A line that begins with `$ `, and what the page shows below it."""

    page: Path
    text: str
    output: list[str] = field(default_factory=list)
    dear: bool = False

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text}"

    @property
    def words(self) -> list[str]:
        words = shlex.split(self.text, comments=True)
        while words and re.fullmatch(r"\w+=\S*", words[0]):
            words = words[1:]
        return words

    @property
    def is_cheap(self) -> bool:
        return not self.dear and any(re.fullmatch(pattern, shlex.join(self.words)) for pattern in CHEAP)


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(head, body) for _, head, body in BLOCK.findall(page.read_text("utf-8"))]


def commands_of(page: Path) -> list[Command]:
    found = []
    for head, body in blocks(page):
        if not head.strip().startswith(("console", "{code-block} console")):
            continue
        own: list[Command] = []
        for line in body.splitlines():
            if line.startswith("$ "):
                own.append(Command(page, line[2:], dear=DEAR in head))
            elif line.startswith("> ") and own and own[-1].text.endswith("\\"):
                own[-1].text = own[-1].text[:-1] + line[2:]
            elif own:
                own[-1].output.append(line)
        found += own
    return found


ALL = [command for page in PAGES for command in commands_of(page)]


def files_of(page: Path) -> dict[str, str]:
    """The files that a page has its reader write: code blocks with a caption that is a file's name; or has it show."""
    found = {}
    for head, body in blocks(page):
        if included := re.match(r"\{literalinclude\} (examples/(\w+\.py))$", head):
            found[included[2]] = (ROOT / "docs" / included[1]).read_text("utf-8")
            continue
        if caption := re.match(r":caption: (\w+\.py)\n+", body):
            assert head.startswith("{code-block}")
            found[caption[1]] = body[caption.end() :]
    return found


def test_there_are_pages_with_commands() -> None:
    assert len(PAGES) > 15 and len(ALL) > 30 and sum(command.is_cheap for command in ALL) >= 8


def test_a_console_block_is_the_only_place_of_a_command() -> None:
    """A line that begins with `$ ` elsewhere would be seen by no test."""
    for page in PAGES:
        for head, body in blocks(page):
            if not head.strip().startswith(("console", "{code-block} console")):
                assert not re.search(r"^\s*\$ ", body, re.MULTILINE), f"{page}: {body}"


@pytest.mark.parametrize("command", ALL, ids=str)
def test_a_command_exists(command: Command) -> None:
    words = command.words
    for part in " ".join("&&" if word == "&&" else shlex.quote(word) for word in words).split(" && "):
        assert (why := unknown(shlex.split(part))) == "", f"{command}: {why}"


def unknown(words: list[str]) -> str:
    """Why there is no such command; empty where there is."""
    program, *rest = words
    if program == "gradlaws":
        return unknown_verb(rest)
    if program == "python":
        if rest[0] == "-m":
            if rest[1] not in MODULES:
                return f"no module {rest[1]} is run so"
            if rest[1] == "tox":
                return unknown_environment(rest[2:])
            if rest[1] == "suite":
                return "" if rest[2] in SUITE else f"no command {rest[2]}"
            if rest[1] == "reports":
                return unknown_verb(["judge" if rest[2] == "gate" else rest[2], *rest[3:]])
            return ""
        return "" if (ROOT / rest[0]).is_file() else f"no file {rest[0]}"
    if program == ".ci/run":
        return "" if {*rest} <= environments() else "no such environment"
    return "" if program in HERE else f"{program} is none of the programs that the pages use"


def unknown_verb(words: list[str]) -> str:
    name, *rest = words
    if name in ("--help", "--version"):
        return ""
    if name not in commands():
        return f"no verb {name}"
    options = [word.partition("=")[0] for word in rest[: rest.index("--") if "--" in rest else None]]
    known = generate.help_of([name, "--help"]) + " " + (pytest_options() if name in RUNS else "")
    for option in (word for word in options if word.startswith("-") and word not in ("-", "--help")):
        if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known):
            return f"{name} has no option {option}"
    return ""


def pytest_options() -> str:
    """pytest's own short ones that the pages use, Hypothesis's seed, and the suite's."""
    from gradlaws.suite.session import options

    class Options(argparse.ArgumentParser):
        def getgroup(self, *_: object) -> Options:
            return self

        def addoption(self, *names: str, **rest: object) -> None:
            said.extend(names)

    said: list[str] = ["-k", "-n", "-x", "--hypothesis-seed"]
    options.add(Options())  # type: ignore[arg-type]
    return " ".join(said)


def environments() -> set[str]:
    read = configparser.ConfigParser(interpolation=None)
    read.read(ROOT / "tox.ini")
    return {name.removeprefix("testenv:") for name in read.sections() if name.startswith("testenv:")}


def unknown_environment(words: list[str]) -> str:
    if words == ["list"]:
        return ""
    name = words[words.index("-e") + 1]
    if name in (*RUNS, "measure") and "--" in words:
        return unknown_verb(["gate", *words[words.index("--") + 1 :]])
    factors = re.fullmatch(r"(py\d+)-([a-z]+)(\d+)-gate", name)
    if factors:
        lists = [known for known in environments() if f"-{factors[2]}{{" in known]
        inside = any(re.search(rf"[{{,]{factors[3]}[,}}]", known) for known in lists)
        return "" if inside else f"no environment {name}"
    return "" if name in environments() else f"no environment {name}"


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": generate.WIDTH, "OMP_NUM_THREADS": "1"}


WITH_CHEAP = [page for page in PAGES if any(command.is_cheap for command in commands_of(page))]


@pytest.mark.parametrize("page", WITH_CHEAP, ids=lambda page: page.stem)
def test_the_cheap_commands_of_a_page_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    """In their order, in one folder, with the files that the page has its reader write; `python -m` in the checkout."""
    for name, text in files_of(page).items():
        (tmp_path / name).write_text(text, "utf-8")
    for command in commands_of(page):
        if not command.is_cheap:
            continue
        words = command.words
        words = [sys.executable, *(["-m", "gradlaws", *words[1:]] if words[0] == "gradlaws" else words[1:])]
        done = subprocess.run(
            words,
            cwd=ROOT if command.words[0] == "python" else tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
        assert done.returncode in (0, 1), f"{command}\n{done.stdout}{done.stderr}"
        if shown := "\n".join(command.output).strip("\n"):
            said = f"{command} prints\n{done.stdout}\n{done.stderr}\nand not\n{shown}"
            assert matches(shown, done.stdout.rstrip()), said


def matches(shown: str, said: str) -> bool:
    """`…` stands for anything on a line, and on a line of its own for lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*?") + r"\s*?\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, said + "\n") is not None


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("got 1", "got 1", True), ("got 1", "got 2", False), ("took … s", "took 3.1 s", True),
        ("a\n…\nb", "a\nx\ny\nb", True), ("a\n…", "a", True), ("a\n…\nc", "a\nx\nb", False), ("a", "a\nb", False),
    ],
)  # fmt: skip
def test_what_a_page_shows_is_compared(shown: str, said: str, same: bool) -> None:
    assert matches(shown, said) is same


@pytest.mark.parametrize(
    "text", ["gradlaws chekc x", "gradlaws compare --no-such", "python -m tox -e nowhere",
             "python -m tox -e gate -- --nothing",
             "python -m tox -e py311-jax999-gate",
             "python -m suite nothing", "curl example.org"],
)  # fmt: skip
def test_a_command_that_is_none_is_seen(text: str) -> None:
    assert unknown(shlex.split(text)) != ""


def test_the_numbers_of_the_readme_are_those_of_the_project() -> None:
    numbers, text = generate.numbers(), (ROOT / "README.md").read_text("utf-8")
    said = {
        "primitives": r"(\d+)\s+primitives", "core": r"(\d+)\s+of\s+every\s+kind", "claims": r"(\d+)\s+claims",
        "torch": r"torch (\d[\d.]*\d)", "jax": r"jax (\d[\d.]*\d)", "numpy": r"numpy (\d[\d.]*\d)",
    }  # fmt: skip
    for name, pattern in said.items():
        found = re.findall(pattern, text)
        assert found and {*found} == {numbers[name]}, f"README has {found} for {name}, which is {numbers[name]}"


def test_no_page_has_a_number_of_the_catalogue_by_hand() -> None:
    """They are written as {{ primitives }}; docs/generate.py knows them."""
    counted = r"\b\d+\s+(?:primitives|claims|identities|deviations|rows of the ledger|planted faults)\b"
    for page in (ROOT / "docs").glob("*.md"):
        prose = BLOCK.sub("", page.read_text("utf-8"))
        assert re.findall(counted, prose) == [], page
        unknown_names = {*re.findall(r"\{\{ (\w+) \}\}", prose)} - {*generate.numbers()}
        assert unknown_names == set(), page


def test_every_link_to_a_file_is_to_one_that_exists() -> None:
    for page in PAGES:
        prose = BLOCK.sub("", page.read_text("utf-8"))
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose):
            if not target.startswith(("http", "mailto")):
                assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_verb_is_in_the_help_that_the_pages_show() -> None:
    text = generate.commands()
    assert [name for name in (*RUNS, *SUITE, *REPORTS) if f"### gradlaws {name}\n" not in text] == []


def test_every_public_name_has_a_docstring() -> None:
    import gradlaws

    bare = [name for name in gradlaws.__all__ if not name.startswith("__") and not getattr(gradlaws, name).__doc__]
    assert bare == []


def test_the_site_is_built_without_a_warning_and_names_no_other_host(tmp_path: Path) -> None:
    if any(importlib.util.find_spec(name) is None for name in ("sphinx", "myst_parser", "furo")):
        pytest.skip("the documentation's tools are not installed: pip install -r .ci/constraints/docs.txt")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-d", str(tmp_path / "doctrees"),
               str(ROOT / "docs"), str(tmp_path / "site")]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIME_LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = re.compile(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=\"((?:https?:)?//[^\"]+)")
    for page in (tmp_path / "site").rglob("*.html"):
        assert loaded.findall(page.read_text("utf-8")) == [], page
