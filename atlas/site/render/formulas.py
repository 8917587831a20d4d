"""Formulas of notes: TeX, set as MathML when the site is built.

math-core reads TeX and writes MathML Core. What it says of alignment in style attributes, which a
page's security policy forbids, the style sheet says of classes; what only MathML Core allows is
said as MathML 3 has it, too.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as etree
from html.entities import html5

from math_core import LatexError, LatexToMathML

_DECLARATIONS = {
    "text-align:left": "tex-left",
    "text-align:right": "tex-right",
    "justify-items:start": "",  # the same again, for layouts that no browser has
    "justify-items:end": "",
    "padding-left:0": "tex-near-left",
    "padding-left:0.1em": "tex-thin-left",
    "padding-left:1em": "tex-far-left",
    "padding-right:0": "tex-near-right",
    "padding-right:0.1em": "tex-thin-right",
    "padding-right:0.1667em": "tex-thin-right",
    "padding-top:0": "tex-near-top",
    "padding-top:0.1667em": "tex-thin-top",
    "padding-bottom:0": "tex-near-bottom",
    "margin-left:-0.16666667em": "tex-back",
    "width:100%": "tex-whole",
    "width:50%": "tex-half",
    "width:7.5%": "tex-edge",
    "math-shift:compact": "tex-compact",
    **{
        f"border-{side}:0.05em {line} currentcolor": f"tex-{line}-{side}"
        for side in ("top", "left", "right")
        for line in ("solid", "dashed")
    },
}
_LEVELS = ("displaystyle", "scriptlevel")  # attributes of any element, for which checkers have two
_XML = ("amp", "lt", "gt", "quot", "apos")


class Formulas:
    """Sets the formulas of one note; numbered equations count on from one to the next."""

    def __init__(self) -> None:
        self._converter = LatexToMathML(fancy_error=False)

    def mathml(self, tex: str, *, display: bool) -> str:
        """A formula as a ``<math>`` element, within a line or on its own.

        Raises ``ValueError`` that says what is wrong with the TeX.
        """
        if not tex.strip():
            raise ValueError("the formula is empty")
        try:
            markup = self._converter.convert_with_global_state(tex, displaystyle=display)
        except LatexError as error:
            raise ValueError(_reason(str(error))) from None
        root = etree.fromstring(re.sub(r"&(\w+);", _character, markup))
        for element in list(root.iter()):
            _restyle(element)
            for place, child in enumerate(element):
                element[place] = _levelled(child)
        return etree.tostring(root, encoding="unicode")


def _reason(message: str) -> str:
    """What math-core says, without its place and its full stop, to follow a colon."""
    said = re.sub(r"\A\d+: ", "", message).rstrip(".")
    return said[:1].lower() + said[1:]


def _character(found: re.Match[str]) -> str:
    """The character that HTML has a name for, where XML has none."""
    return found[0] if found[1] in _XML else html5[f"{found[1]};"]


def _restyle(element: etree.Element) -> None:
    """Have classes and attributes say what a style attribute says."""
    if element.tag == "menclose" and element.get("notation") != "box":
        raise ValueError("pages have no strokes through formulas")
    classes = []
    for declaration in filter(None, map(str.strip, element.attrib.pop("style", "").split(";"))):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "color":
            element.set("mathcolor", value)
        elif f"{name}:{value}" in _DECLARATIONS:
            classes.append(_DECLARATIONS[f"{name}:{value}"])
        else:
            raise ValueError(f"pages have no style for {name}: {value}")
    if any(classes):
        element.set("class", " ".join(filter(None, classes)))


def _levelled(element: etree.Element) -> etree.Element:
    """An element within another that has the attributes of ``_LEVELS``, if it has any."""
    if element.tag == "mstyle":
        return element
    levels = {name: element.attrib.pop(name) for name in _LEVELS if name in element.attrib}
    if element.tag == "mtable":  # begins with the text's size anyway
        element.set("displaystyle", levels.get("displaystyle", "false"))
        return element
    if not levels:
        return element
    outer = etree.Element("mstyle", levels)
    outer.append(element)
    return outer
