"""What is left of HTML that a site's author wrote."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.site.authors_html import shown_only
from atlas.site.render.footer import footer_html


@pytest.mark.parametrize(
    "html",
    [
        '<p class="a" id="b" title="c">text <em>and</em> <a href="../a/b.html#c">a link</a></p>',
        '<a href="https://example.org/?a=1&amp;b=2">x</a><a href="mailto:a@b.c">y</a>',
        '<img src="a.png" alt="b" width="3" height="4">',
        '<table><thead><tr><th style="text-align:right">1</th></tr></thead></table>',
        '<sup id="fnref:1"><a class="footnote-ref" href="#fn:1">1</a></sup>',
        '<span class="math" tabindex="0" role="group" aria-label="Formula">x</span>',
        "<details open=\"\"><summary>a</summary>b</details>",
        '<video src="a.mp4" controls="" poster="a.png"></video>',
        "a &lt;b&gt; &amp; c",
    ],
)  # fmt: skip
def test_what_shows_something_stays(html: str) -> None:
    assert shown_only(html) == html


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("a<script>alert(1)</script>b", "ab"),
        ("a<style>p{}</style>b", "ab"),
        ('<p onclick="x()">a</p>', "<p>a</p>"),
        ('<a href="javascript:x()">a</a>', "<a>a</a>"),
        ('<a href=" java\nscript:x()">a</a>', "<a>a</a>"),
        ('<a href="data:text/html,x">a</a>', "<a>a</a>"),
        ('<img src="x" onerror="y">', '<img src="x">'),
        ('<iframe src="https://a.b"></iframe>', ""),
        ('<form action="https://a.b"><input name="c"><button>d</button></form>', "d"),
        ('<p style="position:fixed;color:red">a</p>', "<p>a</p>"),
        ('<td style="text-align:left;position:fixed">a</td>', "a"),
        ('<base href="https://a.b/"><meta http-equiv="refresh" content="0;url=x">', ""),
        ("<svg><script>x</script></svg><math><mtext><img src=x onerror=y>", None),
        ("<noscript><p title='</noscript><img src=x onerror=y>'>", None),
        ("<!-- a -->b", "b"),
    ],
)
def test_what_a_browser_would_run_goes(html: str, left: str | None) -> None:
    found = shown_only(html)
    assert left is None or found == left
    assert shown_only(found) == found


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


PARTS = st.sampled_from(
    ["<", ">", "/", '"', "'", "=", " ", "<script>", "</script>", "<p ", "onload=", "<svg", "<!--",
     "-->", "style", "<iframe", "href=javascript:", "<a ", "<math>", "]]>", "&lt;", "\n", "x"]
)  # fmt: skip


@given(st.lists(PARTS, max_size=20).map("".join))
def test_whatever_is_written_nothing_runs(html: str) -> None:
    seen = Seen()
    seen.feed(shown_only(html))
    assert not seen.tags & {"script", "style", "iframe", "svg", "math", "object", "form", "base"}
    assert not [name for name in seen.attributes if name.startswith("on") or name == "srcdoc"]


def test_a_footer_is_looked_through_unless_the_site_says_otherwise() -> None:
    text = "*a* <b onclick='x()'>b</b> [c](d)<script>e</script>"
    assert footer_html(text, "../") == '<p><em>a</em> <b>b</b> <a href="../d">c</a></p>'
    assert "<script>e</script>" in footer_html(text, "../", raw=True)
