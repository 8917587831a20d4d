"""The site in Firefox, from ``file://``, where there is one: what it might do otherwise."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlas.data.documents import read_layer
from atlas.drawing import lit
from tests.support.drawing import face_drawn
from tests.support.firefox import Firefox, firefox

pytest.importorskip("websockets", reason="websockets is not installed")
FIREFOX = next((found for name in ("firefox-esr", "firefox") if (found := shutil.which(name))), "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not FIREFOX, reason="no Firefox: install Debian's firefox-esr to run these tests"
    ),
]
UNIT = "small/conv4/16.html"
SHOWN = """[...document.querySelector(".pair").children]
    .filter(one => getComputedStyle(one).visibility === "visible")
    .map(one => one.getAttribute("class").split(" ").pop())"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with firefox(FIREFOX, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(browser: Firefox, root: Path) -> Iterator[Firefox]:
    browser.said.clear()
    size = {"width": 1440, "height": 900}
    browser.page("setViewport", viewport=size, devicePixelRatio=2)
    browser.open(f"{root.as_uri()}/{UNIT}")
    browser.until("window.site && window.site.views")
    yield browser
    browser.value("localStorage.clear()")
    assert browser.said == []


def test_the_four_views(page: Firefox) -> None:
    shown = {
        "1": {"own", "patch"}, "2": {"lit", "patch"}, "3": {"marked", "patch"},
        "4": {"own", "twin", "patch"},
    }  # fmt: skip
    for key, kinds in shown.items():
        page.press(key)
        assert set(page.value(SHOWN)) - {"enlarge"} == kinds


def test_patches_are_lit_as_figures_are(page: Firefox, root: Path) -> None:
    layer = read_layer(root / "small", "conv4")
    with Image.open(root / "small" / "conv4" / "16.webp") as picture:
        plate = np.asarray(lit.lit_plate(layer.plate, picture.convert("RGBA"), 9))[..., :3]
    height, width = layer.plate.tile
    page.press("2")
    page.until('document.querySelector(".pair .lit")')
    shot = page.shot(".pair .lit").resize((width, height), Image.Resampling.BOX)
    difference = np.asarray(shot).astype(int) - plate[:height, :width]
    cells = difference.reshape(height // 8, 8, width // 8, 8, 3).mean((1, 3))[1:-1, 1:-1]
    assert np.abs(cells).mean() < 8 and np.abs(cells).max() < 40


def test_full_screen_and_back(page: Firefox) -> None:
    there = page.value("location.href")
    page.value('document.querySelectorAll(".enlarge")[1].click()')
    page.until('(document.querySelector("dialog.wall") || {}).open && location.hash === "#wall-2"')
    page.press("ArrowRight")
    page.until('location.hash === "#wall-3"')
    assert "3 of 9" in page.value('document.querySelector(".told").textContent')
    page.page("traverseHistory", delta=-1)
    page.until('!document.querySelector("dialog.wall").open')
    assert page.value("location.href") == there


def test_presentation_and_search(page: Firefox) -> None:
    page.press("p")
    page.until('document.querySelector(".stepper")')
    page.press("ArrowRight")
    assert page.value('document.querySelector(".stepper output").textContent').startswith("2 /")
    page.press("Escape")
    assert page.value('document.querySelector(".stepper")') is None
    page.press("/")
    page.until('document.activeElement.matches(".search input")')
    page.press(*"conv3/16")
    page.until('(document.querySelector(".results b") || {}).textContent === "conv3/16"')


def test_the_network_sees_a_face_that_is_drawn(page: Firefox, root: Path) -> None:
    page.open(f"{root.as_uri()}/small/live.html#conv5/54")
    page.until("document.getElementById('live').dataset.ready === 'yes'")
    page.until("document.getElementById('live').dataset.busy === 'no'")
    assert float(page.value("document.getElementById('live').dataset.difference")) < 2e-3
    bare, seeing, blind = face_drawn(page)
    assert seeing > 0.95 and bare < 0.9 and blind < seeing - 0.1
