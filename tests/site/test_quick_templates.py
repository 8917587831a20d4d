"""What is escaped sooner is escaped as Jinja escapes it."""

import jinja2
import pytest
from markupsafe import Markup, escape

from atlas.site.render.quick_templates import QuickEnvironment, escaped


class Html:
    def __repr__(self) -> str:
        return "Html()"  # the same in every process

    def __html__(self) -> str:
        return "<b>own</b>"


class Text(str):
    pass


VALUES = [
    *("", "plain", "<script>&\"'", "é∂\u2028", Markup("<i>kept</i>"), Text("<sub>"), Html()),
    *(0, -7, 1.5, True, None, ["<", 1]),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_escaped_as_usual(value: object) -> None:
    assert str(escaped(value)) == str(escape(value))


def test_templates_make_the_same() -> None:
    source = (
        "{% macro each(x, y='<') %}<li>{{ x }}{{ y }}{{ caller() if caller }}</li>{% endmacro %}"
        "{% for one in values %}{{ one }}|{{ each(one) }}|{{ one | string | upper }}|"
        "{% call each(one) %}{{ one }}{% endcall %}{% endfor %}"
        "{% set held %}<p>{{ values[2] }}</p>{% endset %}{{ held }}{{ '<' ~ held }}{{ '<&' }}"
        "{% autoescape false %}{{ values[2] }}{% endautoescape %}{{ values[2] | safe }}"
    )
    usual = jinja2.Environment(autoescape=True).from_string(source)
    quick = QuickEnvironment(autoescape=True).from_string(source)
    assert quick.render(values=VALUES) == usual.render(values=VALUES)
