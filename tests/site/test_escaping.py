import html
import re
from urllib.parse import unquote

import markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from atlas.site import escaping


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("conv3/17 of AlexNet (2012)", "conv3/17 of AlexNet (2012)"),
        ("features_3", "features\\_3"),
        ("a & 50 % #1 $x", "a \\& 50 \\% \\#1 \\$x"),
        ("\\x{y}~^", "\\textbackslash{}x\\textbraceleft{}y\\textbraceright{}"
         "\\textasciitilde{}\\textasciicircum{}"),
        ("a <b> | c", "a \\textless{}b\\textgreater{} \\textbar{} c"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("Müller, É. Dvořák", 'M{\\"u}ller, {\\\'E}. Dvo{\\v r}{\\\'a}k'),
        ("Mu\u0308ller", 'M{\\"u}ller'),
        ("Straße – œuvre", "Stra{\\ss}e -- {\\oe}uvre"),
        ("ế", "{\\'{\\^e}}"),
        ("层卷 1", "{\\ifdefined\\Umathchar 层卷\\else [U+5C42 U+5377]\\fi} 1"),
        ("a\n  b\tc\u00a0d\u200b\x07", "a b c d"),
    ],
)  # fmt: skip
def test_latex(text: str, tex: str) -> None:
    assert escaping.latex(text) == tex


@pytest.mark.slow
@given(st.text())
def test_what_latex_and_bibtex_take_for_commands_is_escaped(text: str) -> None:
    tex = escaping.latex(text)
    assert not re.search(r"(?<!\\)[&%$#_^~]", re.sub(r"\\[\^~]", "", tex))
    depth = 0
    for brace in re.findall(r"[{}]", tex):  # as BibTeX counts, which knows no "\{"
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert "\n" not in tex


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), min_size=1))
def test_text_survives_two_readers_of_markdown(text: str) -> None:
    wanted = escaping.folded(text)
    inline = MarkdownIt().parseInline(f"x{escaping.markdown(text)}x")[0]
    read = "".join(token.content for token in inline.children or ())
    assert read == f"x{wanted}x"
    assert not any(token.type.endswith("_open") for token in inline.children or ())


@pytest.mark.parametrize(
    "text", ["Müller & Söhne 100 % #1", "*a* `b` [c](d) <e> &lt; $f$ ~~g~~", "a_b_ \\{x}|", "![a]"]
)
def test_text_survives_pythons_markdown(text: str) -> None:
    found = re.fullmatch(
        '<p><a href="x"><img alt="([^"]*)" src="y"></a></p>',
        markdown.markdown(f"[![{escaping.markdown(text)}](y)](x)", output_format="html"),
    )
    assert found
    assert html.unescape(found[1]) == text


def test_keys_stay_and_others_differ() -> None:
    assert escaping.key("alexnet.features_3.17") == "alexnet.features_3.17"
    strange = [escaping.key(f"net.{name}.17") for name in ("a b", "a%b", "a#b", "层", "ä", "a-b")]
    assert len(set(strange)) == len(strange)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", one) for one in strange)


@pytest.mark.parametrize(
    ("url", "encoded"),
    [
        ("https://example.org/~me/50%25/", "https://example.org/~me/50%25/"),
        ("https://example.org/50%/", "https://example.org/50%25/"),
        ("http://[::1]:80/a?b=1&c#d", "http://[::1]:80/a?b=1&c#d"),
        ('https://example.org/ü (1) {2}\\"^`<>|', None),
    ],
)
def test_urls_hold_only_what_may_stand_in_one(url: str, encoded: str | None) -> None:
    made = escaping.url(url)
    assert re.fullmatch(r"[\w.~:/?#\[\]@!$&*+,;=%-]+", made, re.ASCII)
    assert made == encoded if encoded else unquote(made) == url
    assert escaping.url(made) == made
