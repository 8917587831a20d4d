import functools
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from msgspec import structs

from atlas.data.documents import read_layer
from atlas.site.assembling import whole
from atlas.site.pages import PAGES
from atlas.site.publishing import write_shared
from atlas.site.render.base import Renderer
from atlas.site.render.units import unit_page
from atlas.site.render.view import AtlasView
from tests.support.documents import edit_unit, silence_unit
from tests.support.sites import UNITS

VOID = {"meta", "link", "img", "br", "input", "hr", "image", "path", "use"}


class Page(HTMLParser):
    """Collects links, and checks that elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.text = "".join(self.texts)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag == "img":
            # beside the words of a link, of an item or of a drawing, a picture needs none
            named = dict(attrs).get("alt") or {"a", "li", "svg"} & set(self.open)
            assert named, "a picture without words"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.texts.append(text)


def named_pages(site: Path) -> int:
    """How many pages classes, concepts, experiments and layers' figures have, with their lists, the
    live page and the claims.
    """
    kinds = ("classes", "concepts", "experiments")
    charts = len(list((site / "small").glob("*/figures.html")))
    assert charts == 6
    return 2 + charts + sum(1 for kind in kinds for _ in (site / "small" / kind).rglob("*.html"))


def test_every_link_of_every_page_is_relative_and_leads_to_a_file(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    images = len(list((site / "small" / "images").rglob("*.webp")))
    # with a quiz for every layer
    assert len(pages) == 3 + 1 + 6 + 6 + 2 * UNITS + images + named_pages(site)
    papers = (
        "https://arxiv.org/", "https://doi.org/", "https://cs231n.github.io/",
        "https://distill.pub/", "https://research.google/",
    )  # fmt: skip

    @functools.cache
    def leads_somewhere(folder: Path, link: str) -> bool:
        target, _, anchor = link.partition("#")
        if ":" in target or target.startswith("/") or not (folder / target).is_file():
            return False
        text = (folder / target).read_text("utf-8") if anchor else ""
        return not anchor or f'id="{anchor}"' in text or "data-state-in-fragment" in text

    for path in pages:
        for link in Page(path.read_text("utf-8")).links:
            if path.name != "404.html" and not link.startswith((*papers, "#")):
                assert leads_somewhere(path.parent, link), (path, link)


def test_units_are_linked_in_a_row(site: Path) -> None:
    layer = site / "small" / "conv2"
    assert 'rel="prev"' not in (layer / "0.html").read_text()
    middle = (layer / "11.html").read_text()
    assert re.search(r'<a rel="prev" href="5.html">', middle)
    assert re.search(r'<a rel="next" href="17.html">', middle)
    assert 'rel="next"' not in (layer / "74.html").read_text()
    index = (layer / "index.html").read_text()
    assert '<a rel="next" href="../conv3/index.html">' in index
    (dead,) = (unit for unit in read_layer(site / "small", "conv2").top if not unit.nine)
    assert dead.unit == 74 and "1 of those is never active" in index


def test_dead_units_say_so_and_rare_ones_how_many(few: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(few / "small", folder)
    silence_unit(folder, "conv4", 28)
    nine = read_layer(folder, "conv4").unit(56).nine
    edit_unit(folder, "conv4", 56, fired=2, nine=nine[:2])
    view = AtlasView.read(folder, Renderer())
    pages = dict(file for kind in PAGES for file in kind.files(view))
    assert "never active" in Page(pages["conv4/28.html"]).text
    assert 'href="28.webp"' not in pages["conv4/28.html"]
    assert "never active" in pages["conv4/index.html"]
    dead = sum(not unit.nine for unit in view.layers["conv4"].top)
    said = f"{dead} of those {'is' if dead == 1 else 'are'} never active"
    assert dead and said in Page(pages["conv4/index.html"]).text
    rare = Page(pages["conv4/56.html"]).text
    assert "Only 2 images" in rare and "Active in 4 % of images" in " ".join(rare.split())
    assert pages["conv4/56.html"].count('<div class="pair" role="group"') == 2


def test_names_are_escaped(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(site / "small", folder)
    first, *others = read_layer(folder, "conv5").unit(0).nine
    named = structs.replace(first, label="<b>x</b>", file='"><script>')
    edit_unit(folder, "conv5", 0, nine=(named, *others))
    view = AtlasView.read(folder, Renderer())
    layer = view.layers["conv5"]
    page = unit_page(view, layer, layer.top[0])
    assert "<script>" not in page and "<b>x" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page


def test_rendering_again_gives_the_same_bytes_and_does_not_import_torch(
    site: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "small"
    shutil.copytree(site / "small", folder, ignore=shutil.ignore_patterns("*.html", ".pages.json"))
    code = (
        "import sys; from pathlib import Path; from atlas.site.writing import write_pages; "
        "print(write_pages(Path(sys.argv[1]))); assert 'torch' not in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    images = len(list((site / "small" / "images").rglob("*.webp")))
    tables = len(list((site / "small").glob("units.*")))
    assert int(ran.stdout) == 4 + 6 + 6 + 6 + 3 * UNITS + images + named_pages(site) + tables
    for path in (site / "small").rglob("*.html"):
        assert (folder / path.relative_to(site / "small")).read_bytes() == path.read_bytes()


def test_an_atlas_that_can_not_be_read_keeps_no_other_from_being_published(
    site: Path, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    shutil.copytree(site, out)
    (out / "old").mkdir()
    (out / "old" / "atlas.json").write_text('{"schema": 0}')
    (out / "odd" / "conv1").mkdir(parents=True)
    shutil.copy(site / "small" / "atlas.json", out / "odd")
    (out / "odd" / "conv1" / "layer.json").write_text('{"schema": 2}')
    site_ = whole(out)
    write_shared(out, site_.files.texts)
    assert len(site_.unreadable) == 2
    assert "odd/conv1/layer.json doesn't have the form" in site_.unreadable[0]
    assert "schema 0" in site_.unreadable[1]
    assert 'href="small/conv4/index.html"' in (out / "index.html").read_text()
