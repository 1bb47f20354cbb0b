"""The wheel, built once, in fresh environments that see the libraries of the running one. Nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKS = ("records", "reports", "strategies", "suite")
LIBRARIES = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def command(self) -> Path:
        return self.python.with_name("gradlaws" + self.python.suffix)

    def run(self, *arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Its Python, outside of the checkout and of what pytest and tox have set."""
        return ran([self.python, *arguments], cwd, **environment)

    def gradlaws(self, *arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return ran([self.command, *arguments], cwd, **environment)

    def install(self, *what: object) -> None:
        """Without what it needs, which is there, and without an environment to build in, which would be downloaded."""
        pip("--python", self.python, "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", *what)


def ran(command: Sequence[object], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = ("PYTEST", "PYTHONPATH", "COV", "GRADLAWS_")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    settings = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, env={**outside, **settings, **environment}, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip


def pip(*arguments: object) -> None:
    done = ran([sys.executable, "-m", "pip", *arguments], ROOT, PIP_DISABLE_PIP_VERSION_CHECK="1")
    assert done.returncode == 0, done.stdout + done.stderr


def build(source: object, into: Path) -> Path:
    """The wheel of a checkout, an sdist or an address."""
    pip("wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", into, source)
    (wheel,) = into.glob("*.whl")
    return wheel


def fresh(folder: Path) -> Environment:
    """A new environment, which sees the libraries of the running one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=300)
    made = Environment(folder)
    own = made.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip()
    Path(own, "libraries.pth").write_text("".join(f"{path}\n" for path in LIBRARIES))
    return made


def checkout(into: Path) -> Path:
    """A copy of the checkout, with its links."""
    aside = shutil.ignore_patterns(".*", "out", "__pycache__", "shared")
    shutil.copytree(ROOT, into, symlinks=True, ignore=aside)
    return into


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel in it."""
    made = fresh(tmp_path_factory.mktemp("environment") / "venv")
    made.install(wheel)
    return made


def without(folder: Path, *modules: str) -> str:
    """A PYTHONPATH with which these modules cannot be imported, as where they are not installed."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Nowhere:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {modules!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Nowhere())\n"
    )
    return str(folder)


def with_version(folder: Path, name: str, version: str) -> str:
    """A PYTHONPATH with which that version of a library seems to be installed."""
    record = folder / f"{name}-{version}.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return str(folder)
