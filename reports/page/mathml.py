"""Formulas as MathML, which browsers draw by themselves; made of LaTeX when the page is built."""

from __future__ import annotations

import re
from functools import cache
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markupsafe import Markup, escape

_SPACE = "{http://www.w3.org/1998/Math/MathML}"
# Elements of MathML Core, and attributes that only say how they look.
_CORE = re.compile(
    "math|mrow|mi|mn|mo|ms|mtext|mspace|msub|msup|msubsup|munder|mover|munderover|msqrt|mroot|mfrac|mtable|mtr|mtd|"
    "mstyle|mpadded|mphantom"
)
_ATTRIBUTES = re.compile(
    "display|xmlns|stretchy|fence|separator|form|lspace|rspace|movablelimits|accent|accentunder|mathvariant|width|"
    "height|depth|linethickness|columnalign|rowspacing|columnspacing|displaystyle|scriptlevel|minsize|maxsize|symmetric|"
    "largeop|columnlines"
)


@cache
def mathml(latex: str, plain: str = "") -> Markup:
    """The formula as a <math> element with `plain` for those who cannot see it; only escaped text where it fails.

    What the converter makes is taken only if it consists of MathML Core, and of no attribute that could do anything.
    """
    if not latex:
        return escape(plain)
    try:
        text = convert(latex, display="block")
        root = ElementTree.fromstring(text)
    except Exception:  # of a formula that is no LaTeX, the converter raises anything
        return escape(plain or latex)
    for element in root.iter():
        known = _CORE.fullmatch(element.tag.removeprefix(_SPACE)) and all(map(_ATTRIBUTES.fullmatch, element.attrib))
        if not known or (element.text or "").lstrip().startswith("\\"):
            return escape(plain or latex)
    label = escape(plain or latex)
    return Markup(re.sub(r"^<math\b", f'<math alttext="{label}"', text, count=1))
