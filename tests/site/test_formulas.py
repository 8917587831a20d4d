import re
import xml.etree.ElementTree as etree

import pytest

from atlas.site.render.base import TEMPLATES
from atlas.site.render.formulas import _DECLARATIONS, Formulas

STYLED = (
    r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
    r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}",
    r"\begin{array}{|l|c:r|} \hline a & b & c \end{array}",
    r"\begin{equation} a \end{equation}",
    r"\begin{multline} a \\ b \end{multline}",
    r"a \! b + \color{red} c + \cramped{x^2} + \cfrac{a}{b} + \mathop{A}_x",
)


def test_a_formula_is_mathml_as_its_tex_says() -> None:
    formula = etree.fromstring(Formulas().mathml(r"\frac{a_1}{2}", display=False))
    assert [part.tag for part in formula.iter()] == ["math", "mfrac", "msub", "mi", "mn", "mn"]
    assert "".join(formula.itertext()) == "a12"
    assert 'display="block"' in Formulas().mathml("x", display=True)


@pytest.mark.parametrize("tex", STYLED)
def test_no_formula_has_a_style_of_its_own(tex: str) -> None:
    markup = Formulas().mathml(tex, display=True)
    assert not re.search(r"\sstyle=", markup)
    assert re.search(r'class="tex-', markup)


@pytest.mark.parametrize("tex", [*STYLED, r"\dfrac{a}{b}", r"\displaystyle x", r"x_{\dfrac{a}{b}}"])
def test_levels_stand_where_mathml_3_has_them(tex: str) -> None:
    root = etree.fromstring(Formulas().mathml(tex, display=False))
    for element in root.iter():
        assert element.tag == "mstyle" or "scriptlevel" not in element.attrib
        assert element.tag in ("mstyle", "mtable") or "displaystyle" not in element.attrib
    plain = etree.fromstring(Formulas().mathml(tex.replace("dfrac", "frac"), display=False))
    assert "".join(root.itertext()) == "".join(plain.itertext())


def test_colour_is_an_attribute() -> None:
    assert 'mathcolor="#FF0000"' in Formulas().mathml(r"\color{red} x", display=False)


def test_the_style_sheet_says_what_the_style_attributes_said() -> None:
    sheet = (TEMPLATES / "style.css").read_text()
    for declaration, name in _DECLARATIONS.items():
        if name:
            rule = re.search(rf"\.{name} {{ ([\w-]+): ([^;]+); }}", sheet)
            said, meant = rule and rule.groups(), declaration.split(":")
            assert said and said[0] == meant[0], name
            assert meant[1].startswith(said[1]) or _length(said[1]) == pytest.approx(
                _length(meant[1]), abs=0.07
            )


def _length(text: str) -> float:
    return float(text.removesuffix("em"))


def test_numbered_equations_count_on_through_a_note() -> None:
    formulas = Formulas()
    equation = r"\begin{equation} a \label{one} \end{equation}"
    assert "(1)" in formulas.mathml(equation, display=True)
    assert "(2)" in formulas.mathml(equation.replace("one", "two"), display=True)
    assert 'href="#one"' in formulas.mathml(r"\eqref{one}", display=False)


@pytest.mark.parametrize(
    ("tex", "why"),
    [
        (r"\foo", r'unknown command "\\foo"'),
        (r"\frac{1}", "expected argument"),
        ("x_1_2", "duplicate subscript"),
        ("a & b", "only appear in a table"),
        (r"\left( x", "expected closing token"),
        (" ", "the formula is empty"),
        (r"\cancel{x}", "no strokes through"),
        (r"\hspace{-3em} x", "no style for margin-left: -3em"),
    ],
)
def test_what_cannot_be_set_is_told(tex: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Formulas().mathml(tex, display=True)
