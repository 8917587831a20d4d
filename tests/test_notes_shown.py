"""Notes with formulas and lit figures in a real browser."""

import re
import shutil
from pathlib import Path

import pytest

from atlas.site.assembling import whole
from atlas.site.info import SiteContents
from atlas.site.publishing import write_shared
from tests.support.browsers import NEEDED, Watched, barriers

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = NEEDED

NOTE = r"""# Formulas

One in a line, $F_\ell^\top$, and a wide one,
$a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_{10} + a_{11} + a_{12} + a_{13} + a_{14}$.

- In a list: $a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_{10} + a_{11} + a_{12}$

## On their own

$$
\begin{aligned}
f &= a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_{10} + a_{11} + a_{12} + a_{13} \\
g_{long} &= \sum_{i=1}^{n} \frac{\color{red} x}{y}
\end{aligned}
$$

## Lit

[[conv4/16 lit|A wheel.]]

## Not lit

[[conv4/24]] [[conv4/32]]
"""


@pytest.fixture(scope="module")
def note(root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("noted")
    (folder / "notes").mkdir()
    (folder / "notes" / "f.md").write_text(NOTE)
    out = folder / "site"
    shutil.copytree(root, out, ignore=shutil.ignore_patterns("images", "embed", "tried"))
    contents = SiteContents(notes=folder / "notes")
    write_shared(out, whole(out, contents=contents).files.texts)
    return f"{out.as_uri()}/notes/f.html"


def test_formulas_are_set_are_accessible_and_scroll_by_themselves(
    browser: "playwright.Browser", note: str
) -> None:
    narrow = {"width": 320, "height": 640}
    with browser.new_context(viewport=narrow, color_scheme="light") as context:
        watched = Watched(context, note.rpartition("/notes/")[0])
        watched.open(note)
        page = watched.page
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        wide = "e => e.scrollWidth > e.clientWidth + 20"
        assert page.locator(".formula").evaluate(wide)
        assert [one.evaluate(wide) for one in page.locator(".math").all()] == [
            False, True, True,
        ]  # fmt: skip
        ink = "e => getComputedStyle(e).color"
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            text = page.locator(".note-text p").first.evaluate(ink)
            assert page.locator("math mi").first.evaluate(ink) == text
        right, left = (
            page.locator(f"mtd.tex-{side}").first.evaluate("e => getComputedStyle(e).textAlign")
            for side in ("right", "left")
        )
        assert (right, left) == ("right", "left")
        boxes = [cell.bounding_box() for cell in page.locator("mtd.tex-right").all()]
        ends = [box["x"] + box["width"] for box in boxes]
        assert ends == pytest.approx([ends[0]] * 2, abs=0.5)  # the two sides meet at the signs
        assert watched.wrong == []  # no style that the page's policy forbids
        assert barriers(page) == []


def test_a_figure_is_lit_where_the_note_says_so_and_plain_without_a_script(
    browser: "playwright.Browser", note: str
) -> None:
    for scripted in (True, False):
        with browser.new_context(java_script_enabled=scripted) as context:
            page = context.new_page()
            page.goto(note)
            page.locator("figcaption").scroll_into_view_if_needed()
            plates = page.locator(".plate")
            assert plates.count() == 3 and page.locator(".plate img").first.is_visible()
            if scripted:
                page.locator(".lighted .lit").wait_for()
            lit = page.locator(".lit:visible")
            assert lit.count() == int(scripted)
            said = "lit where its reconstruction is far from grey"
            assert (said in page.locator("figcaption").inner_text()) == scripted


def test_formulas_are_shown_in_a_presentation(browser: "playwright.Browser", note: str) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto(note)
        small = page.locator(".formula math").bounding_box()["height"]
        page.keyboard.press("p")
        page.keyboard.press("Home")
        for _ in range(10):
            if page.locator(".formula").is_visible():
                break
            page.keyboard.press("ArrowRight")
        assert page.locator("h2:visible").inner_text() == "On their own"
        assert page.locator(".formula math").bounding_box()["height"] > 1.3 * small
        page.keyboard.press("ArrowRight")
        assert re.fullmatch("Lit", page.locator("h2:visible").inner_text())
        page.locator(".lighted .lit").wait_for()
