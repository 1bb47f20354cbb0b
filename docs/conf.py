"""The site of docs/: `python -m tox -e docs`. It is built, and read, without a network."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
import generate  # noqa: E402

generate.main()
project = "gradlaws"
author = "the authors of gradlaws"
myst_substitutions = generate.numbers()
release = version = myst_substitutions["version"]
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_generated"]
myst_enable_extensions = ["attrs_inline", "deflist", "dollarmath", "amsmath", "substitution"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# numbers are drawn as MathML, which browsers have: MathJax would be fetched from elsewhere
html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"gradlaws {release}"
html_static_path = ["style"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
nitpicky = False


def inline(self: Any, node: Any) -> None:
    self.body.append(convert(node.astext()))
    raise SkipNode


def displayed(self: Any, node: Any) -> None:
    """With the number that the page gives it; the environments are the one that the converter knows."""
    text = re.sub(r"\\(begin|end)\{(?:aligned|align|split)\}", r"\\\1{align*}", node.astext().strip())
    if r"\\" in text and r"\begin" not in text:
        text = rf"\begin{{align*}}{text}\end{{align*}}"
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    self.body.append(f'<div class="math">{number}{convert(text, display="block")}</div>')
    raise SkipNode


def readable(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Our docstrings are plain text: what reStructuredText would take for markup is shown as it is."""
    for at, line in enumerate(lines):
        parts = re.split(r"(``.*?``)", line)
        lines[at] = "".join(part if part.startswith("``") else escaped(part) for part in parts)


def escaped(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"``\1``", re.sub(r"([*|_])", r"\\\1", text))


def setup(app: Any) -> None:
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    app.connect("autodoc-process-docstring", readable)
