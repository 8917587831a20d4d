"""A kind of page from outside the package: written, linked, found, counted, listed and checked."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from atlas.data.documents import Document
from atlas.data.extras import NAMES
from atlas.data.plan import LayerPlan, Plan
from atlas.errors import AtlasError
from atlas.site.assembling import Whole, whole
from atlas.site.links import check
from atlas.site.pages import PAGES, Page
from atlas.site.published_addresses import keep_addresses
from atlas.site.render.base import Crumb, Entry
from atlas.site.render.notes import NotePage
from atlas.site.render.view import AtlasView
from atlas.site.writing import write_pages


class Brightness(Struct, frozen=True):
    """How bright the images of a layer's units are."""

    mean: float


LAYER_BRIGHTNESS = Document("brightness", Brightness)


def brightness_files(view: AtlasView) -> Iterator[tuple[str, str | bytes]]:
    bright = {
        name: view.document(LAYER_BRIGHTNESS, name).mean
        for name in view.layers
        if view.has(LAYER_BRIGHTNESS, name)
    }
    if not bright:
        return
    head = view.head(
        "brightness/index.html",
        title="Brightness",
        description="How bright images are",
        crumbs=(Crumb("brightness"),),
    )
    items = "".join(f'<li><a href="../{name}/index.html">{name}</a>: {mean}</li>'
                    for name, mean in bright.items())  # fmt: skip
    page = NotePage("Brightness", None, f"<ul>{items}</ul>")
    yield "brightness/index.html", view.renderer.page("note.html", head, page)
    yield "brightness/values.json", json.dumps(bright).encode()


BRIGHTNESS = Page(
    "brightness",
    brightness_files,
    title="Brightness of images",
    address="brightness/index.html",
    estimate=lambda plan: 100 * len(plan.layers),
    entries=lambda view: [
        Entry("Images by brightness", view.address("brightness/index.html"), "dark"),
    ],
)
WITH_BRIGHTNESS = (*PAGES, BRIGHTNESS)


@pytest.fixture
def folder(few: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    shutil.copytree(few / "small", folder)
    for layer, mean in (("conv2", 0.25), ("conv3", 0.5)):
        LAYER_BRIGHTNESS.write(folder, Brightness(mean), layer)
    return folder


def whole_with(few: Path, folder: Path) -> Whole:
    return whole(few, name="small", folder=folder, pages=WITH_BRIGHTNESS)


def test_a_page_reads_documents_and_stands_for_itself(few: Path, folder: Path) -> None:
    count = write_pages(folder)
    assert write_pages(folder, pages=WITH_BRIGHTNESS) == count + 2
    page = (folder / "brightness" / "index.html").read_text()
    assert '<a href="../conv2/index.html">conv2</a>: 0.25' in page
    overview = (folder / "index.html").read_text()
    assert "<h2>More</h2>" in overview
    assert '<a href="brightness/index.html">Brightness of images</a>' in overview
    index = whole_with(few, folder).files.texts["search.js"]
    pages = json.loads(index.removeprefix("siteIndex(").removesuffix(");\n"))["pages"]
    # a list of pages that are found by themselves is found by its title alone
    assert ["Brightness of images", "small/brightness/index.html", "small", ""] in pages
    assert ["Images by brightness", "small/brightness/index.html", "", "dark"] in pages
    keep_addresses(folder, published=few / "small")
    assert "brightness/index.html" in (folder / "addresses.txt").read_text().splitlines()


def test_its_links_are_checked(few: Path, folder: Path) -> None:
    write_pages(folder)
    links = check(whole(few, name="small", folder=folder).files)
    write_pages(folder, pages=WITH_BRIGHTNESS)
    assert check(whole_with(few, folder).files) > links
    page = folder / "brightness" / "index.html"
    page.write_text(page.read_text().replace("../conv2/", "../conv9/"))
    with pytest.raises(AtlasError, match=r"brightness/index\.html links to \.\./conv9/index\.html"):
        check(whole_with(few, folder).files)


def test_an_atlas_without_its_documents_has_no_such_page(few: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(few / "small", folder)
    write_pages(folder, pages=WITH_BRIGHTNESS)
    assert "Brightness" not in (folder / "index.html").read_text()
    assert "Brightness" not in whole_with(few, folder).files.texts["search.js"]
    assert not (folder / "brightness").exists()


def test_its_page_follows_its_documents(folder: Path) -> None:
    write_pages(folder, pages=WITH_BRIGHTNESS)
    LAYER_BRIGHTNESS.write(folder, Brightness(0.75), "conv2")
    write_pages(folder, pages=WITH_BRIGHTNESS)
    assert "0.75" in (folder / "brightness" / "index.html").read_text()


@pytest.mark.parametrize("lean", [False, True])
def test_pages_estimate_their_own_size(lean: bool) -> None:
    kept = frozenset() if lean else frozenset(NAMES)
    plan = Plan((LayerPlan(100, (40, 40)), LayerPlan(372, (9, 9))), 96, (96, 96), kept=kept)
    total = sum(page.estimate(plan) for page in PAGES)
    assert total == pytest.approx(plan.units * (18_000 if lean else 37_000), rel=0.15)
    assert BRIGHTNESS.estimate(plan) == 200
