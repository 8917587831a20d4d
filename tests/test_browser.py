"""The site in a real browser: Chromium, where there is one."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from PIL import Image

from atlas.data.documents import read_layer
from atlas.data.records import LayerData
from atlas.drawing import lit
from atlas.site.info import UNKNOWN
from atlas.site.pages import PAGES
from atlas.site.render import snippets
from atlas.site.render.base import Renderer
from atlas.site.render.view import AtlasView
from atlas.site.writing import write_pages
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
)  # fmt: skip
from tests.support.documents import edit_layer

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = NEEDED

KINDS = {
    "home": "index.html",
    "atlas": "small/index.html",
    "layer": "small/conv1/index.html",
    "unit": "small/conv4/16.html",
    "crisp unit": "small/conv1/17.html",
    "dead unit": "small/conv2/74.html",
    "card": "small/conv4/embed/16.html",
    "quiz": "small/conv4/quiz.html",
    "image": "small/images/0/{image}.html",
    "class": "small/classes/dog.html",
    "concept": "small/concepts/eye.html",
    "classes": "small/classes/index.html",
    "claims": "small/claims.html",
    "charts": "small/conv4/figures.html",
    "rules": "small/rules.html",
    "note": "notes/note.html",
    "comparison": "compare/small--small/index.html",
    "compared layer": "compare/small--small/conv2/index.html",
    "live": "small/live.html",
    "gone": "small/conv9/index.html",
    "reading": "how-to-read.html",
    "not found": "404.html",
}


DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
WIDTHS = {1440: 900, 3840: 2160, 320: 640, 390: 844}

# Pages are shown one after the other in the same windows: a new one takes twice as long as a page.


@pytest.fixture(scope="module")
def screen(browser: "playwright.Browser", root: Path) -> Iterator[Watched]:
    """A window of any width; pictures come when the rest of a page has been drawn."""
    with (
        served(root, late=0.2) as base,
        browser.new_context(base_url=base, color_scheme="light", has_touch=True) as context,
    ):
        context.add_init_script(WATCH_MOVES)
        yield Watched(context, base)


@pytest.fixture(scope="module")
def phone(browser: "playwright.Browser", address: str) -> Iterator[Watched]:
    """A window of a phone."""
    with browser.new_context(color_scheme="dark", viewport=PHONE, has_touch=True) as context:
        yield Watched(context, address)


@pytest.fixture(scope="module")
def desk_window(browser: "playwright.Browser", root: Path, address: str) -> Iterator[Watched]:
    """A window on a desk that shows the site from a file and over http."""
    with browser.new_context(color_scheme="light", viewport=DESK) as context:
        yield Watched(context, (address, root.as_uri()))


@pytest.fixture
def desk(desk_window: Watched) -> Iterator[Watched]:
    """The same, where nothing is remembered of what was done before."""
    yield desk_window
    desk_window.page.evaluate("localStorage.clear(), sessionStorage.clear()")
    desk_window.page.goto("about:blank")
    assert desk_window.told() == []


def address_of(kind: str, root: Path) -> str:
    image = next((root / "small" / "images" / "0").glob("*.html")).stem
    return KINDS[kind].format(image=image)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_page_can_be_shown(screen: Watched, root: Path, kind: str) -> None:
    """Nothing moves while it loads; it fits every width, may be touched, and keeps nobody out."""
    page = screen.page
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESK)
    screen.open(f"/{address_of(kind, root)}")
    assert page.evaluate("window.moved") == 0
    for width, height in WIDTHS.items():
        if width != DESK["width"]:
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(SETTLED)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{kind} scrolls sideways at {width} pixels"
    page.evaluate(OPENED)
    assert page.evaluate(SMALL) == []  # for a finger
    page.set_viewport_size({"width": 1280, "height": 720})
    told = barriers(page)
    page.emulate_media(color_scheme="dark")  # which decides colours, and nothing else
    told += barriers(page, COLOURS)
    # a card is shown within somebody's page
    assert [(rule, where) for rule, where in told if (kind, rule) != ("card", "region")] == []
    assert screen.told() == []


@pytest.mark.parametrize("over", ["http", "file"])
def test_keyboard_and_search(desk: Watched, root: Path, address: str, over: str) -> None:
    base = address if over == "http" else root.as_uri()
    page = desk.page
    page.goto(f"{base}/small/conv4/16.html")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/conv4/24.html")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/conv4/16.html")
    page.keyboard.press("ArrowUp")
    page.wait_for_url("**/conv4/index.html")
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Shortcuts").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.get_by_role("searchbox").fill("conv3/16")
    page.locator(".results b", has_text="conv3/16").first.wait_for()
    assert page.locator(".results b").first.inner_text() == "conv3/16"
    page.keyboard.press("Enter")
    page.wait_for_url("**/small/conv3/16.html")
    page.keyboard.press("/")
    page.get_by_role("searchbox").fill("dog")
    page.locator(".results li").first.wait_for()
    assert "dog" in page.locator(".results li").first.inner_text()
    page.get_by_role("searchbox").fill("a note")
    page.locator(".results b", has_text="A note").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.wait_for_url(re.compile(r"/small/(?!conv3/16\.)\w+/\d+\.html$"))


@pytest.mark.parametrize("over", ["http", "file"])
def test_units_are_sorted_and_filtered_and_the_address_says_how(
    desk: Watched, root: Path, address: str, over: str
) -> None:
    base = address if over == "http" else root.as_uri()
    units = read_layer(root / "small", "conv2").top
    strongest = max(units, key=lambda unit: unit.nine[0].value if unit.nine else 0)
    page = desk.page
    page.goto(f"{base}/small/conv2/index.html")
    titles = page.locator("#units .plate:visible b")
    assert titles.first.inner_text() == "0" and titles.count() == len(units)
    page.get_by_label("Order").select_option("strength")
    assert titles.first.text_content() == str(strongest.unit)
    page.get_by_label("Show").select_option("never")
    never = [str(unit.unit) for unit in units if not unit.nine]
    assert titles.all_text_contents() == never and "74" in never
    assert page.url.endswith("#sort=strength&show=never")
    told = page.url
    page.goto("about:blank")
    page.goto(told)
    assert titles.all_text_contents() == never
    assert page.locator("#count").inner_text() == f"{len(never)} of {len(units)}"


def test_the_switch_between_light_and_dark_is_remembered(desk: Watched, address: str) -> None:
    page = desk.page
    page.goto(f"{address}/index.html")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Light or dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.goto(f"{address}/small/conv3/16.html")
    assert page.evaluate(paper) == dark


def test_a_place_in_an_image_leaves_the_units_that_see_it(
    desk: Watched, root: Path, address: str
) -> None:
    page = desk.page
    page.goto(f"{address}/{address_of('image', root)}")
    entries = page.locator("[data-box]")
    boxes = [list(map(int, e.get_attribute("data-box").split())) for e in entries.all()]
    page.locator(".picture image").click(position={"x": 4, "y": 4})
    left = page.locator("[data-box]:visible")
    seen = [box for box in boxes if box[0] <= 0 < box[2] and box[1] <= 0 < box[3]]
    assert left.count() == len(seen) < len(boxes)
    page.goto(f"{page.url}#{page.locator('.picture g').first.get_attribute('id')}")
    assert page.locator(".picture g:target").is_visible()


def test_a_quiz_counts_what_was_right(desk: Watched, address: str) -> None:
    page = desk.page
    page.goto(f"{address}/small/conv4/quiz.html")
    questions = page.locator(".quiz li")
    assert questions.count() == 10
    rights = 0
    for question in questions.all():
        right = question.get_attribute("data-right")
        question.locator(".choice .tile").first.click(force=True)  # its button covers it
        rights += right == "A"
        assert question.locator(".choice.right b").inner_text() == right
        score = page.locator("#score")
        assert score.inner_text().startswith(f"{rights} of ")
        box = score.bounding_box()
        assert box and 0 <= box["y"] <= page.viewport_size["height"] - box["height"]
    assert 1 <= rights <= 9
    told = page.locator("#score").inner_text()
    assert told.startswith(f"{rights} of 10 right, and that was all.")
    page.goto(f"{address}/small/conv3/quiz.html")  # of these no answer counts there
    own, every = (page.locator(f'[data-own="{whose}"] td').last for whose in ("page", "all"))
    assert own.inner_text() == "" and every.inner_text() == f"{10 * rights} % of 10"
    page.locator("[data-answer]").first.focus()
    page.keyboard.press("Enter")
    assert own.inner_text().endswith("of 1") and every.inner_text().endswith("of 11")


def test_points_of_a_chart_lead_to_units_by_keyboard_and_without_a_script(
    desk: Watched, plain: Watched, address: str
) -> None:
    for page in (desk.page, plain.page):
        page.goto(f"{address}/{KINDS['charts']}")
        page.locator("svg a").first.focus()
        unit = page.locator("svg a").first.get_attribute("href")
        assert unit
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/small/conv4/{unit}")
        page.goto(f"{address}/{KINDS['claims']}")
        page.locator("main table a, main a").first.click()
        assert "claims.html" not in page.url and page.locator("h1").is_visible()


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_script_every_page_reads_and_links(
    plain: Watched, root: Path, address: str, kind: str
) -> None:
    page = plain.page
    page.goto(f"{address}/{address_of(kind, root)}")
    assert page.locator("h1").is_visible()
    assert page.locator(".scripted:visible").count() == 0
    assert page.locator("a[href]:visible").count() >= 1
    assert plain.told() == []


def test_a_visitor_walks_from_the_first_page_to_an_image_without_a_script(
    plain: Watched, address: str
) -> None:
    page = plain.page
    page.goto(f"{address}/index.html")
    page.locator("main a").first.click()
    assert re.search(r"/small/conv5/\d+\.html$", page.url)  # a telling unit, at once
    page.locator(".crumbs a", has_text="CNN Atlas").click()
    page.locator(".network h3 a", has_text="conv4").click()
    page.locator("#units .plate").nth(5).click()
    assert page.locator("h1").inner_text().startswith("conv4/40")
    page.locator(".about > a").first.click()
    page.locator(".picture g:target .box").wait_for()
    page.locator(".whose a b", has_text="40").first.click()
    page.locator(".crumbs a").first.click()
    assert "/index.html" in page.url


UNIT = "small/conv4/16.html"
VIEWS = ["reconstruction", "lit", "marks", "control"]


def seen(page: "playwright.Page", kind: str) -> bool:
    """Whether a tile of this kind of the first pair can be seen."""
    tile = page.locator(f".pairs .pair .{kind}").first
    return bool(tile.count()) and tile.is_visible()


@pytest.mark.parametrize("over", ["http", "file"])
def test_the_view_is_chosen_for_all_pages_and_nothing_moves(
    desk: Watched, root: Path, address: str, over: str
) -> None:
    base = address if over == "http" else root.as_uri()
    shown = {
        "reconstruction": {"own", "patch"},
        "lit": {"lit", "patch"},
        "marks": {"marked", "patch"},
        "control": {"own", "twin", "patch"},
    }
    page = desk.page
    desk.open(f"{base}/{UNIT}")
    places = "[...document.querySelectorAll('.pair, section')].map(e => e.offsetTop).join()"
    before = page.evaluate(places)
    for number, view in enumerate(VIEWS, 1):
        if number % 2:
            page.get_by_label(view.title(), exact=True).check()
        else:
            page.keyboard.press(str(number))
        kinds = {k for k in ("own", "lit", "marked", "twin", "patch") if seen(page, k)}
        assert kinds == shown[view]
        assert page.locator(f".said .in-{view}").is_visible()
        assert page.evaluate(places) == before
    page.keyboard.press("2")
    desk.open(f"{base}/small/conv5/20.html")
    assert page.get_by_label("Lit", exact=True).is_checked() and seen(page, "lit")
    for kind in ("layer", "home", "note", "compared layer")[: 1 if over == "http" else 4]:
        desk.open(f"{base}/{KINDS[kind]}")
        assert page.get_by_label("Lit", exact=True).is_checked()
        page.locator(".plate .lit").first.wait_for()
        page.get_by_label("Reconstruction", exact=True).check()
        assert page.locator(".plate .lit:visible").count() == 0
        page.get_by_label("Lit", exact=True).check()
    desk.open(f"{base}/small/conv2/index.html")
    assert 0 < page.locator(".plate .lit").count() < page.locator(".plate").count()
    page.keyboard.press("4")  # which plates don't have
    assert page.get_by_label("Lit", exact=True).is_checked()


def test_the_browser_lights_patches_as_figures_do(
    browser: "playwright.Browser", root: Path, address: str, tmp_path: Path
) -> None:
    layer = read_layer(root / "small", "conv4")
    with Image.open(root / "small" / "conv4" / "16.webp") as picture:
        plate = np.asarray(lit.lit_plate(layer.plate, picture.convert("RGBA"), 9))[..., :3]
    height, width = layer.plate.tile
    for kind in ("unit", "card"):
        with browser.new_context(device_scale_factor=4) as context:
            watched = Watched(context, address)
            if kind == "unit":
                watched.open(f"{address}/{UNIT}")
                watched.page.keyboard.press("2")
                shown = watched.page.locator(".pair .lit").first
            else:
                watched.open(f"{address}/{KINDS['card']}#lit")
                shown = watched.page.locator(".plate")
            shown.screenshot(path=tmp_path / "lit.png")
            assert watched.wrong == []
        with Image.open(tmp_path / "lit.png") as picture:
            size = (width, height) if kind == "unit" else layer.plate.size[::-1]
            drawn = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BOX))
        difference = drawn[:height, :width].astype(int) - plate[:height, :width]
        # by cells of 8 pixels within the tile: its edges fall between the screen's pixels
        cells = difference.reshape(height // 8, 8, width // 8, 8, 3).mean((1, 3))[1:-1, 1:-1]
        assert np.abs(cells).mean() < 6 and np.abs(cells).max() < 30


def test_one_pair_at_full_size(desk: Watched, root: Path) -> None:
    page = desk.page
    desk.open(f"{root.as_uri()}/{UNIT}")
    wall, told = page.locator("dialog.wall"), page.locator(".told")
    page.locator(".enlarge").nth(1).focus()
    page.keyboard.press("Enter")
    assert wall.is_visible() and "conv4/16 2 of 9" in told.inner_text()
    assert wall.locator(".patch").bounding_box()["width"] > 600
    for key, number in {"ArrowRight": 3, "ArrowLeft": 2, "PageDown": 3}.items():
        page.keyboard.press(key)
        assert f"{number} of 9" in told.inner_text()
    page.keyboard.press("2")
    assert wall.locator(".lit").is_visible()
    page.keyboard.press("4")
    assert wall.locator(".twin").is_visible() and wall.locator(".own").is_visible()
    page.keyboard.press("ArrowDown")
    page.wait_for_url("**/conv4/24.html#wall-3")
    assert "conv4/24 3 of 9" in told.inner_text()
    page.keyboard.press("ArrowUp")
    page.wait_for_url("**/conv4/16.html#wall-3")
    assert wall.locator(".twin").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_url("**/conv4/16.html")
    assert not wall.is_visible()
    page.locator(".pair").first.click()
    assert "1 of 9" in told.inner_text()
    desk.open(f"{root.as_uri()}/{KINDS['dead unit']}#wall-2")
    assert "never active" in wall.inner_text()


@pytest.mark.parametrize("over", ["http", "file"])
def test_back_leaves_full_screen_for_the_page_it_was_opened_on(
    desk: Watched, root: Path, address: str, over: str
) -> None:
    base = address if over == "http" else root.as_uri()
    page = desk.page
    desk.open(f"{base}/small/conv4/index.html")
    desk.open(f"{base}/{UNIT}")
    wall = page.locator("dialog.wall")
    page.locator(".pair").first.click()
    page.keyboard.press("ArrowRight")
    page.go_back()
    page.wait_for_url("**/conv4/16.html")
    wall.wait_for(state="hidden")
    assert page.locator("h1").is_visible()
    page.go_forward()
    page.wait_for_url("**/conv4/16.html#wall-2")
    wall.wait_for()
    page.keyboard.press("Escape")  # takes the step back, too
    page.wait_for_url("**/conv4/16.html")
    page.locator(".pair").first.click()
    page.keyboard.press("ArrowDown")
    page.wait_for_url("**/conv4/24.html#wall-1")
    page.go_back()
    page.wait_for_url("**/conv4/16.html")
    wall.wait_for(state="hidden")
    page.go_back()
    page.wait_for_url("**/conv4/index.html")


def test_full_size_and_presentation_by_touch(phone: Watched, address: str) -> None:
    page = phone.page
    page.goto(f"{address}/{UNIT}")
    page.locator(".pair").first.tap()
    wall = page.locator("dialog.wall")
    wall.get_by_label("Pair after").tap()
    wall.get_by_label("Lit", exact=True).tap()
    assert "2 of 9" in wall.inner_text() and wall.locator(".lit").is_visible()
    wall.get_by_label("Close").tap()
    assert not wall.is_visible()
    page.get_by_role("button", name="Present").tap()
    page.get_by_label("After", exact=True).tap()
    assert page.locator(".stepper output").inner_text().startswith("2 /")
    assert not page.locator(".pairs").is_visible()
    page.get_by_label("Leave the presentation").tap()
    assert page.locator(".pairs").is_visible()
    page.evaluate("localStorage.clear()")


@pytest.mark.parametrize("kind", ["unit", "layer", "note"])
def test_presentation_shows_one_part_at_a_time(desk: Watched, root: Path, kind: str) -> None:
    page = desk.page
    desk.open(f"{root.as_uri()}/{KINDS[kind]}")
    before = page.url
    small = page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
    page.keyboard.press("p")
    steps = page.locator(".stepper output")
    count = int(steps.inner_text().split("/")[1])
    assert count > 1 and not page.locator(".top").is_visible()
    assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") > 1.5 * small
    if kind == "unit":  # all nine at once
        assert page.locator(".pair").last.bounding_box()["y"] < 800
    seen = []
    for _ in range(count):
        seen.append(page.locator("main").inner_text())
        page.keyboard.press("ArrowRight")
    assert len(set(seen)) == count and steps.inner_text() == f"{count} / {count}"
    page.keyboard.press("Home")
    for _ in range(60):  # by the clicker, through what is taller than the screen
        if steps.inner_text() == f"{count} / {count}":
            break
        page.keyboard.press("PageDown" if _ % 2 else " ")
    assert steps.inner_text() == f"{count} / {count}"
    page.keyboard.press("ArrowLeft")
    assert steps.inner_text() == f"{count - 1} / {count}" and page.url == before
    page.keyboard.press("Escape")
    assert page.locator(".top").is_visible() and page.locator(".away").count() == 0
    page.keyboard.press("/")
    page.get_by_role("searchbox").press_sequentially("p2")
    assert page.locator(".stepper").count() == 0


def test_without_a_script_a_pair_shows_its_reconstruction_and_what_needs_no_script(
    plain: Watched, address: str
) -> None:
    page = plain.page
    page.goto(f"{address}/{UNIT}")
    assert seen(page, "own") and seen(page, "patch") and not seen(page, "twin")
    assert not page.get_by_label("Lit", exact=True).is_visible()
    page.get_by_label("Control", exact=True).check()
    assert seen(page, "own") and seen(page, "twin") and seen(page, "patch")


def test_full_size_and_presentation_are_accessible(desk: Watched, address: str) -> None:
    page = desk.page
    page.goto(f"{address}/{UNIT}")
    for key in ("2", "4", "p"):  # lit, with controls, and these in a presentation
        page.keyboard.press(key)
        assert barriers(page) == [], key
    page.goto(f"{address}/small/conv4/24.html#wall-1")
    page.keyboard.press("Tab")
    assert barriers(page) == []


def test_a_row_shows_its_box_and_a_button_shows_all_again(
    phone: Watched, root: Path, address: str
) -> None:
    page = phone.page
    page.goto(f"{address}/{address_of('image', root)}")
    clear = page.get_by_role("button", name="Show all")
    rows, boxes = page.locator("[data-box]"), page.locator(".picture g:visible")
    count = rows.count()
    assert not clear.is_visible() and boxes.count() == 0
    rows.last.locator("span").tap()
    assert boxes.count() == 1 and clear.is_visible()
    page.locator(".picture image").tap(position={"x": 4, "y": 4})
    clear.tap()
    assert boxes.count() == 0 and page.locator("[data-box]:visible").count() == count
    assert not clear.is_visible() and "#" not in page.url
    for target in page.locator(".whose a, .picture button, .tools button:visible").all():
        box = target.bounding_box()
        assert box is None or min(box["width"], box["height"]) >= 32


def loaded(watched: Watched, url: str) -> int:
    """Open a page; returns the bytes that it takes before anybody scrolls."""
    responses: list[playwright.Response] = []
    watched.page.on("response", lambda response: responses.append(response))
    watched.open(url)
    return sum(len(response.body()) for response in responses)


def first_view(browser: "playwright.Browser", url: str) -> int:
    """The bytes of a page for somebody who comes to the site."""
    with browser.new_context(viewport=DESK) as context:
        return loaded(Watched(context, url), url)


def test_a_first_view_of_a_unit_is_light(browser: "playwright.Browser", address: str) -> None:
    assert first_view(browser, f"{address}/small/conv5/20.html") <= 170_000


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_home_opens_with_lit_units_and_is_light(
    browser: "playwright.Browser", address: str, size: dict[str, int]
) -> None:
    with browser.new_context(viewport=size) as context:
        watched = Watched(context, address)
        assert loaded(watched, f"{address}/index.html") <= 250_000
        boxes = [one.bounding_box() for one in watched.page.locator(".stage .lights").all()]
        assert len(boxes) == 6
        assert all(box and box["y"] + box["height"] <= size["height"] for box in boxes)


def test_a_desk_shows_the_way_on_beside_a_units_name_and_all_else_in_one_row(
    desk: Watched, address: str
) -> None:
    page = desk.page
    page.goto(f"{address}/small/conv4/16.html")
    crumbs, menu, tools, way, name = (
        page.locator(one).bounding_box() for one in (".crumbs", ".menu", ".tools", ".steps", "h1")
    )
    assert crumbs["y"] == menu["y"] == tools["y"]
    assert name["y"] < way["y"] and way["y"] + way["height"] < name["y"] + name["height"]
    assert name["x"] + name["width"] < way["x"]


def test_a_phone_shows_a_unit_within_a_few_screens(phone: Watched, address: str) -> None:
    page = phone.page
    for unit in (20, 48):
        page.goto(f"{address}/small/conv5/{unit}.html")
        assert page.evaluate("document.documentElement.scrollHeight") <= 4_500


def test_a_phone_shows_a_layer_in_two_columns(phone: Watched, address: str) -> None:
    page = phone.page
    page.goto(f"{address}/small/conv5/index.html")
    first, second, third = (page.locator("#units .plate").nth(n).bounding_box() for n in range(3))
    assert first["y"] == second["y"] < third["y"] and first["x"] < second["x"]


def test_a_first_view_of_many_units_is_light(
    browser: "playwright.Browser", root: Path, tmp_path: Path
) -> None:
    for path in root.glob("*.*"):
        shutil.copy(path, tmp_path)
    with_many_units(root / "small", tmp_path / "small", 512)
    with served(tmp_path) as base:
        assert first_view(browser, f"{base}/small/conv5/index.html") <= 700_000


def with_many_units(atlas: Path, copy: Path, count: int) -> None:
    """Layers' pages of an atlas whose conv5 has so many units, all with plates of their own."""
    shutil.copytree(
        atlas, copy, ignore=shutil.ignore_patterns("images", "*.html", "*.jpg", ".pages.json")
    )

    def repeated(layer: LayerData) -> LayerData:
        some = [unit for unit in layer.top if unit.nine]
        for number in range(count):
            plate = atlas / "conv5" / f"{some[number % len(some)].unit}.webp"
            shutil.copy(plate, copy / "conv5" / f"{number}.webp")
        top = tuple(structs.replace(some[n % len(some)], unit=n) for n in range(count))
        return structs.replace(layer, shape=(count, *layer.shape[1:]), top=top)

    edit_layer(copy, "conv5", repeated)
    write_pages(copy, pages=[page for page in PAGES if page.name == "layers"])


def test_a_row_of_an_image_shows_the_tiles_of_its_unit(
    desk: Watched, root: Path, address: str
) -> None:
    desk.open(f"{address}/{address_of('image', root)}")
    row = desk.page.locator("[data-box]").last
    row.scroll_into_view_if_needed()
    desk.page.evaluate(SETTLED)
    unit = desk.page.locator("[data-box] a b").last.inner_text()
    layer = desk.page.locator(".stimulus h2").last.inner_text()
    layout = read_layer(root / "small", layer).plate
    plate = Image.open(root / "small" / layer / f"{unit}.webp").convert("RGB")
    # that of the plate; the other is cut from the image that the page holds already
    for tile in row.locator(".seen svg:has(foreignObject)").all():
        left, top, width, height = map(int, tile.get_attribute("viewBox").split())
        shot = Image.open(io.BytesIO(tile.screenshot())).convert("RGB")

        def distance(corner: tuple[int, int], of: Image.Image = shot) -> float:
            box = (corner[1], corner[0], corner[1] + width, corner[0] + height)  # noqa: B023
            meant = plate.crop(box).resize(of.size)
            return float(np.abs(np.subtract(of, meant, dtype=float))[3:-3, 3:-3].mean())

        places = [layout.place(rank, patch) for rank in range(9) for patch in (False, True)]
        assert min(places, key=distance) == (top, left) and distance((top, left)) < 12


def test_the_script_makes_the_snippets_that_the_program_says(
    desk: Watched, root: Path, address: str
) -> None:
    view = AtlasView.read(root / "small", Renderer())
    layer = view.layers["conv4"]
    page = desk.page
    page.goto(f"{address}/small/conv4/16.html")
    page.locator(".kit summary").click()
    page.locator(".kit h3", has_text="BibTeX").wait_for()
    texts = page.locator(".kit pre").all_text_contents()
    made = dict(zip(page.locator(".kit h3").all_text_contents(), texts, strict=True))
    said = snippets.of_unit(view, layer, layer.unit(16))
    assert made == {one.name: one.text.replace(UNKNOWN, f"{address}/") for one in said}
