import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from atlas.data import records
from atlas.errors import UsageError
from atlas.site import render
from atlas.site import site as site_
from atlas.site.info import SiteInfo
from atlas.site.publishing import write_shared
from atlas.site.render.units import unit_page

VOID = {"meta", "link", "img", "br", "input", "hr", "image", "path", "rect", "use"}


class Page(HTMLParser):
    """Collects links, and checks that elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag == "img":
            assert dict(attrs).get("alt"), "a picture without words"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.text += text


def test_every_link_of_every_page_is_relative_and_leads_to_a_file(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    images = len(list((site / "small" / "images").rglob("*.webp")))
    # with a quiz for every layer but the scores, whose median images are silent
    assert len(pages) == 3 + 1 + 6 + 5 + 2 * 472 + images
    for path in pages:
        for link in Page(path.read_text("utf-8")).links:
            papers = ("https://arxiv.org/", "https://doi.org/")
            if path.name == "404.html" or link.startswith((*papers, "#")):
                continue
            target, _, anchor = link.partition("#")
            assert ":" not in target and not target.startswith("/"), (path, link)
            assert (path.parent / target).is_file(), (path, link)
            if anchor:
                assert f'id="{anchor}"' in (path.parent / target).read_text("utf-8")


def test_units_are_linked_in_a_row(site: Path) -> None:
    layer = site / "small" / "conv2"
    assert 'rel="prev"' not in (layer / "0.html").read_text()
    middle = (layer / "7.html").read_text()
    assert re.search(r'<a rel="prev" href="6.html">', middle)
    assert re.search(r'<a rel="next" href="8.html">', middle)
    assert 'rel="next"' not in (layer / "79.html").read_text()
    assert '<a rel="next" href="../conv3/index.html">' in (layer / "index.html").read_text()


def test_dead_units_say_so_and_rare_ones_how_many(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(site / "small", folder)
    path = folder / "conv4" / "layer.json"
    layer = json.loads(path.read_text())
    layer["top"][3] = {
        **layer["top"][3],
        "fired": 0,
        "effective": None,
        "levels": [0, []],
        "nine": [],
    }
    layer["top"][4] = {**layer["top"][4], "fired": 2, "nine": layer["top"][4]["nine"][:2]}
    path.write_text(json.dumps(layer))
    shelf = render.AtlasView.of(
        records.read_atlas(folder), folder, SiteInfo(), render.environment()
    )
    pages = dict(render.atlas_files(shelf))
    assert "never fired" in Page(pages["conv4/3.html"]).text
    assert 'href="3.webp"' not in pages["conv4/3.html"]
    assert "never fired" in pages["conv4/index.html"]
    assert "1 of them never fired" in Page(pages["conv4/index.html"]).text
    rare = Page(pages["conv4/4.html"]).text
    assert "Only 2 images" in rare and "Fired for 2 of 96" in " ".join(rare.split())
    assert pages["conv4/4.html"].count('class="pair found"') == 2


def test_names_are_escaped(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(site / "small", folder)
    path = folder / "conv5" / "layer.json"
    layer = json.loads(path.read_text())
    layer["top"][0]["nine"][0].update({"class": "<b>x</b>", "file": '"><script>'})
    path.write_text(json.dumps(layer))
    shelf = render.AtlasView.of(
        records.read_atlas(folder), folder, SiteInfo(), render.environment()
    )
    layer = shelf.layers["conv5"]
    found = unit_page(shelf, layer, layer.top[0])
    assert "<script>" not in found and "<b>x" not in found
    assert "&lt;b&gt;x&lt;/b&gt;" in found


def test_rendering_does_not_import_torch(site: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from atlas.site import site; "
        "print(site.write_pages(Path(sys.argv[1]))); assert 'torch' not in sys.modules"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(site / "small")], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    images = len(list((site / "small" / "images").rglob("*.webp")))
    assert int(ran.stdout) == 3 + 6 + 5 + 2 * 472 + images


def test_rendering_again_gives_the_same_bytes(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(site / "small", folder)
    for path in folder.rglob("*.html"):
        path.unlink()
    site_.write_pages(folder)
    for path in (site / "small").rglob("*.html"):
        assert (folder / path.relative_to(site / "small")).read_bytes() == path.read_bytes()


def test_a_failed_build_leaves_the_site_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "atlas.json").write_text("old")

    def build() -> None:
        with site_.staging(tmp_path, "one") as stage:
            (stage.folder / "atlas.json").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        build()
    assert (tmp_path / "one" / "atlas.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_what_is_no_atlas_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("precious")
    with pytest.raises(UsageError, match="won't be replaced"), site_.staging(tmp_path, "thesis"):
        pass
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "precious"
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"), site_.staging(tmp_path, "file"):
        pass
    for name in ("..", "a/b", "", ".hidden"):
        with pytest.raises(UsageError, match="--name"), site_.staging(tmp_path, name):
            pass


def test_an_atlas_that_can_not_be_read_keeps_no_other_from_being_published(
    site: Path, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    shutil.copytree(site, out)
    (out / "old").mkdir()
    (out / "old" / "atlas.json").write_text('{"schema": 0}')
    facts = json.loads((site / "small" / "atlas.json").read_text())
    (out / "odd").mkdir()
    (out / "odd" / "atlas.json").write_text(json.dumps(facts))
    (out / "odd" / "conv1").mkdir()
    (out / "odd" / "conv1" / "layer.json").write_text("{}")
    whole = site_.whole(out)
    write_shared(out, whole.files.texts)
    assert len(whole.unreadable) == 2
    assert "odd/conv1/layer.json doesn't have the form" in whole.unreadable[0]
    assert "schema 0" in whole.unreadable[1]
    assert 'href="small/index.html"' in (out / "index.html").read_text()
