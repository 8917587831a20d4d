"""What pages lead to, read by pattern and, as a second opinion, by Python's own parser."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.site import markup


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ('<a href="x.html">', ["x.html"]),
        ("<a href='x.html'>", ["x.html"]),
        ("<a href=x.html>", ["x.html"]),
        ("<A HREF = x.html >", ["x.html"]),
        ("<a\n\thref\n=\n'x.html'>", ["x.html"]),
        ('<a class=b href="x.html"title="a > b">', ["x.html"]),
        ('<a href="x.html" href="y.html">', ["x.html"]),
        ("<a title='href=\"no.html\"' href=x.html>", ["x.html"]),
        ('<a title="<a href=no.html>" href=x.html>', ["x.html"]),
        ('<a data-href="no.html" nohref="no.html">', []),
        ("<img src=x.png/>", ["x.png/"]),
        ("<img/src=x.png>", ["x.png"]),
        ("<video poster=x.jpg><source src=x.webm>", ["x.jpg", "x.webm"]),
        ('<object data="x.svg"></object><p data="no.svg">', ["x.svg"]),
        ('<a href="x.html?a=1&amp;b=2#c&#39;d">', ["x.html?a=1&b=2#c'd"]),
        ('<a href="x?a=1&copy=2&lt=3&notin;&amp">', ["x?a=1&copy=2&lt=3∉&"]),
        ('<a href=" x.html\n">', ["x.html"]),
        ("<a href=''>", [""]),
        ("<a href= >", [""]),
        ('<a href="x.html"><a href="y.html"><a href="x.html">', ["x.html", "y.html"]),
        ("a < b <a href=x.html>", ["x.html"]),
        ('<img srcset="a.png, b.png 2x,c.png 3x">', ["a.png", "b.png", "c.png"]),
        ('<img srcset="a,b.png 1x , c.png 100w (x, y) 5h, d.png,">', ["a,b.png", "c.png", "d.png"]),
        ('<link rel=preload imagesrcset="a.png 1x">', ["a.png"]),
        ('<p style="background: url(a.png), url(&quot;b c.png&quot;)">', ["a.png", "b c.png"]),
        ('<path fill="url(#shade)" d="url(#no)">', ["#shade"]),
        ("<style>p { background: url('a.png') }</style>", ["a.png"]),
        ('<meta property="og:image" content="https://a.b/x.jpg">', ["https://a.b/x.jpg"]),
        ('<meta name="description" content="x.jpg">', []),
        ('<meta http-equiv="refresh" content="0; url=x.html">', ["x.html"]),
    ],
)
def test_links_of_a_tag(text: str, links: list[str]) -> None:
    assert list(markup.of_page(text).links) == links


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- {} -->",
        "<!-- > -- {} --!>",
        "<!DOCTYPE html>",
        "<!-->",
        "<script>'{}'</script>",
        "<SCRIPT>'{}' </scripted> {}</Script >",
        "<textarea>{}</textarea>",
        "<title>{}</title>",
        "<style>/* {} url(no.png) */</style>",
        "<template>{}</template>",
        "<template><template></template>{}</template>",
        '<p title="<!-- -->{}</a>"></p>'.replace("{}", "<a href=no.html id=no>"),
        '</p title="<a href=no.html>">',
        "<?php {} ?>".replace("{}", "href=no.html"),
    ],
)
def test_what_is_no_part_of_the_page_has_no_links(hidden: str) -> None:
    no = '<a href="no.html" id="no">'
    read = markup.of_page('<a href="x.html">' + hidden.replace("{}", no) + '<a href="y.html" id=b>')
    assert read.links == ("x.html", "y.html")
    assert read.ids == {"b"}


def test_the_source_of_a_script_is_a_link() -> None:
    assert markup.of_page('<script src="x.js">a = "<a href=no>"</script>').links == ("x.js",)


def test_a_comment_that_does_not_end_hides_the_rest() -> None:
    assert markup.of_page("<a href=x><!-- <a href=no>").links == ("x",)


def test_places_of_a_page() -> None:
    text = "<p id=a><P ID='b'><p id=\"x&amp;y\"><a name=c><meta name=no><p data-id=no><p id='é f'>"
    assert markup.of_page(text).ids == {"a", "b", "x&y", "c", "é f"}


def test_the_first_base_counts() -> None:
    assert markup.of_page("<base target=_top><base href='../'><base href=x/>").base == "../"


@pytest.mark.parametrize(
    ("style", "links"),
    [
        ("a { b: url(x.png) } c { d: URL( 'y z.png' ) }", ["x.png", "y z.png"]),
        ('@import "x.css"; @import url(y.css);', ["x.css", "y.css"]),
        ("/* url(no.png) */ a { content: 'url(no.png)' }", []),
        (r"a { b: url(x\(1\).png); c: url('\78\79 z') }", ["x(1).png", "xyz"]),
        ("a { b: url() }", []),
    ],
)
def test_links_of_a_style_sheet(style: str, links: list[str]) -> None:
    assert list(markup.of_style(style)) == links


class Parser(HTMLParser):
    """The links and ids of a page as ``html.parser`` finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in reversed(attrs):  # the first of a name counts
            if name == "href":
                self.links.append(value or "")
            if name == "id" and value:
                self.ids.add(value)


WORDS = st.sampled_from(
    ["x", "y.html", "#z", "a b", "&amp;", "&lt;", "&#228;", "é", "<b>", "=", "/", ""]
)
TEXT = st.lists(WORDS, max_size=3).map("".join)
SPACE = st.sampled_from([" ", "\n", "\t", "  "])
ATTRIBUTE = st.one_of(
    st.builds('{}{}="{}"'.format, SPACE, st.sampled_from(["href", "id", "title", "HREF"]), TEXT),
    st.builds("{}{}='{}'".format, SPACE, st.sampled_from(["href", "id", "alt"]), TEXT),
    st.builds("{}{} = {}".format, SPACE, st.sampled_from(["href", "id"]), st.sampled_from("xyz")),
    st.builds("{}{}".format, SPACE, st.sampled_from(["hidden", "disabled"])),
)


def unique(attributes: list[str]) -> list[str]:
    return list({one.strip().lower()[:2]: one for one in attributes}.values())


TAG = st.builds(
    "<{}{}{}>".format,
    st.sampled_from(["p", "a", "IMG", "svg"]),
    st.lists(ATTRIBUTE, max_size=3).map(unique).map("".join),
    st.sampled_from(["", " ", " /"]),
)
PIECE = st.one_of(
    TAG,
    TEXT,
    TAG.map("<!-- {} -->".format),
    TAG.map("<script>{}</script>".format),
    st.sampled_from(["</p>", "< ", "&", "<!doctype html>"]),
)


@given(st.lists(PIECE, max_size=8).map("".join))
def test_two_parsers_agree(text: str) -> None:
    parser = Parser()
    parser.feed(text)
    parser.close()
    read = markup.of_page(text)
    assert (set(read.links), read.ids) == ({link.strip() for link in parser.links}, parser.ids)
