"""Every experiment's page in a real browser: one visit answers many questions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.data.experiments.table import NAMES
from tests.support.browsers import (
    COLOURS,
    NEEDED,
    OPENED,
    SETTLED,
    SMALL,
    WATCH_MOVES,
    Watched,
    barriers,
    served,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = NEEDED
WIDTHS = {320: 640, 390: 844, 1440: 900, 3840: 2160}
PAGES = {name: f"experiments/{name}.html" for name in NAMES} | {
    "list": "experiments/index.html",
    "unit map": "experiments/maps/conv1.html",
    "unit during training": "conv1/{unit}.html",
}
# texts of drawings that reach out of them, or lie on the one before
CROWDED = """[...document.querySelectorAll("main svg")].flatMap(drawing => {
    const around = drawing.getBoundingClientRect();
    const texts = [...drawing.querySelectorAll("text")].filter(one => one.textContent.trim());
    const boxes = texts.map(one => one.getBoundingClientRect());
    const isOut = box => box.left < around.left - 1 || box.right > around.right + 1
        || box.top < around.top - 1 || box.bottom > around.bottom + 1;
    const shared = (one, other, from, to) => Math.min(one[to], other[to])
        - Math.max(one[from], other[from]);
    const isOn = (one, other) => shared(one, other, "left", "right") > 1
        && shared(one, other, "top", "bottom") > 2;
    return texts.filter((_, at) => around.width
        && (isOut(boxes[at]) || (at && isOn(boxes[at - 1], boxes[at]))))
        .map(one => `${drawing.getAttribute("aria-label")}: ${one.textContent}`);
})"""


@pytest.fixture(scope="module")
def address(experimented: Path) -> Iterator[str]:
    """The site from a server whose pictures come late."""
    with served(experimented / "site", late=0.1) as base:
        yield base


@pytest.fixture(scope="module")
def window(browser: "playwright.Browser", address: str) -> Iterator[Watched]:
    """A window that one page after the other is shown in; it may be touched."""
    with browser.new_context(color_scheme="light", has_touch=True) as context:
        context.add_init_script(WATCH_MOVES)
        yield Watched(context, address)


def url(address: str, experimented: Path, kind: str) -> str:
    units = sorted((experimented / "site" / "small" / "conv1").glob("[0-9]*.html"))
    return f"{address}/small/{PAGES[kind].format(unit=units[0].stem)}"


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_of_an_experiment_can_be_shown(
    window: Watched, experimented: Path, address: str, kind: str
) -> None:
    """In every width; the scheme decides colours, and nothing else."""
    page = window.page
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
    window.open(url(address, experimented, kind))
    assert page.evaluate("window.moved") == 0, "something moves while the page loads"
    page.evaluate(OPENED)
    if kind in NAMES:
        text = page.locator("main").inner_text()
        strange = ("None", "nan", "NaN", "inf ", "undefined", "{{", "not made", "<")
        assert [word for word in strange if word in text] == []
    keys = page.locator("main .key")
    assert keys.count() == page.locator("main .key:visible").count()
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(SETTLED)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{kind} scrolls sideways at {width} pixels"
        if kind in NAMES:
            assert page.evaluate(CROWDED) == [], f"at {width} pixels"
        if width == 390:
            assert page.evaluate(SMALL) == []
    assert barriers(page) == []
    page.emulate_media(color_scheme="dark")
    assert barriers(page, COLOURS) == []
    assert window.told() == []


@pytest.mark.parametrize("kind", PAGES)
def test_without_a_script_a_page_of_an_experiment_reads(
    plain: Watched, experimented: Path, address: str, kind: str
) -> None:
    page = plain.page
    page.goto(url(address, experimented, kind))
    assert page.locator("h1").is_visible()
    assert page.locator(".scripted:visible").count() == 0
    if kind in NAMES:
        assert page.locator(".findings li:visible").count() >= 1
        assert page.locator("main img:visible, main svg:visible").count() >= 1
    assert plain.told() == []


def test_a_map_is_enlarged_and_moved_and_a_slider_turns_the_moments(
    browser: "playwright.Browser", experimented: Path, address: str
) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        watched = Watched(context, address)
        page = watched.page
        watched.open(url(address, experimented, "maps"))
        drawing = page.locator(".map svg").first

        def seen() -> tuple[float, ...]:
            return tuple(map(float, drawing.get_attribute("viewBox").split()))

        _, _, width, height = whole = seen()
        page.get_by_label("Closer").click()
        assert seen() == pytest.approx((width / 6, height / 6, width / 1.5, height / 1.5), abs=0.01)
        page.keyboard.press("ArrowRight")
        assert seen()[0] == pytest.approx(width / 6 + 0.2 * width / 1.5, abs=0.01)
        page.get_by_role("button", name="Whole map").click()
        assert seen() == whole
        watched.open(url(address, experimented, "unit during training"))
        current = page.locator(".moments li.current b")
        assert current.all_inner_texts() == ["the end"]
        page.get_by_label("Moment of the training").fill("0")
        assert current.all_inner_texts() == ["step 21"]
        assert page.locator(".slide output").inner_text().startswith("step 21 · ")
        assert watched.wrong == []
