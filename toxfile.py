"""One environment for every command, installed once: tox would rebuild it whenever it is entered under another name."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from tox.plugin import impl
from tox.tox_env.info import Info
from tox.tox_env.python.virtual_env.runner import VirtualEnvRunner
from tox.tox_env.register import ToxEnvRegister


class SharedInfo(Info):
    """What tox remembers of an environment, except which name it was entered under."""

    def compare(
        self, value: Any, section: str, sub_section: str | None = None
    ) -> AbstractContextManager[tuple[bool, Any]]:
        nameless = {**value, "name": "shared"} if isinstance(value, dict) and "name" in value else value
        return super().compare(nameless, section, sub_section)


class SharedRunner(VirtualEnvRunner):
    """``runner = shared`` in tox.ini."""

    @staticmethod
    def id() -> str:
        return "shared"

    @property
    def cache(self) -> Info:
        return SharedInfo(self.env_dir)


@impl
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    register.add_run_env(SharedRunner)
