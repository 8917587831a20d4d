import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from atlas.data import records
from atlas.errors import AtlasError, UsageError
from atlas.site import render
from atlas.site import site as site_
from atlas.site.info import NO_INFO, SiteContents, SiteInfo
from atlas.site.links import Files, check
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


def files_of(site: Path, folder: Path, about: SiteInfo = NO_INFO) -> Files:
    return site_.whole(site, SiteContents(about), "small", folder).files


def test_broken_links_and_fragments_are_found(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(site / "small", folder)
    assert check(files_of(site, folder)) > 5000
    page = folder / "conv3" / "5.html"
    whole = page.read_text()
    page.write_text(whole.replace("#conv3-5", "#conv3-6000"))
    with pytest.raises(AtlasError, match=r"small/conv3/5\.html links to .*has no such place"):
        check(files_of(site, folder))
    page.write_text(whole)
    (folder / "conv3" / "5.webp").unlink()
    with pytest.raises(AtlasError, match=r"links to .*5\.webp, which isn't there"):
        check(files_of(site, folder))


def test_links_through_the_sites_own_address_are_followed(site: Path, tmp_path: Path) -> None:
    about = SiteInfo(base="https://example.org/sub/")
    folder = tmp_path / "small"
    shutil.copytree(site / "small", folder)
    site_.write_pages(folder, about)
    whole = site_.whole(site, SiteContents(about), "small", folder)
    assert check(whole.files, about.base) > 5000
    unit = (folder / "conv3" / "5.html").read_text()
    assert '<link rel="canonical" href="https://example.org/sub/small/conv3/5.html">' in unit
    assert 'property="og:image" content="https://example.org/sub/small/conv3/5.jpg"' in unit
    said = json.loads((folder / "conv3" / "5.oembed.json").read_text())
    assert said["type"] == "rich" and "small/conv3/embed/5.html" in said["html"]
    assert (
        "<loc>https://example.org/sub/small/conv3/5.html</loc>" in whole.files.texts["sitemap.xml"]
    )
    assert 'href="https://example.org/sub/style.css"' in whole.files.texts["404.html"]
    (folder / "conv3" / "5.html").write_text(unit.replace("conv3/5.html", "conv3/5000.html"))
    with pytest.raises(AtlasError, match=r"5000\.html"):
        check(files_of(site, folder, about), about.base)


def test_an_address_once_published_never_disappears(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(site / "small", folder)
    facts = json.loads((folder / "atlas.json").read_text())
    facts["layers"], facts["summary"] = facts["layers"][1:], facts["summary"][1:]
    for summary in facts["summary"]:
        summary["representative"] = [0]
    (folder / "atlas.json").write_text(json.dumps(facts))
    for name in facts["layers"]:
        path = folder / name / "layer.json"
        layer = json.loads(path.read_text())
        layer["top"] = [
            {**u, **{key: [c for c in u[key] if c[0] != "conv1"] for key in ("below", "alike")}}
            for u in layer["top"][:9]
        ]
        path.write_text(json.dumps(layer))
    shutil.rmtree(folder / "conv1")
    site_.write_pages(folder)
    assert not (folder / "conv2" / "9.html").exists()
    gone = site_.keep_addresses(folder, site / "small")
    assert {"conv1/index.html", "conv1/0.html", "conv2/9.html"} <= set(gone)
    assert 'href="index.html">small/conv2<' in (folder / "conv2" / "9.html").read_text()
    assert 'href="../index.html">small<' in (folder / "conv1" / "0.html").read_text()
    for file in (site / "small" / "addresses.txt").read_text().splitlines():
        assert (folder / file).is_file()
    check(files_of(site, folder))
    last = tmp_path / "last"
    shutil.copytree(folder, last)
    site_.write_pages(folder)
    assert not (folder / "conv2" / "9.html").exists()
    assert site_.keep_addresses(folder, last) == []  # nothing new is gone
    assert (folder / "conv2" / "9.html").is_file()  # and what was says so build after build


def test_no_address_of_the_demo_may_move(site: Path) -> None:
    """What lecture notes may link to by now; only ever to be added to."""
    counts = {"conv1": 48, "conv2": 80, "conv3": 112, "conv4": 112, "conv5": 96, "scores": 24}
    there = set((site / "small" / "addresses.txt").read_text().splitlines())
    for name, units in counts.items():
        assert {f"{name}/index.html", *(f"{name}/{unit}.html" for unit in range(units))} <= there
        for unit in range(units):
            for form in ("webp", "jpg", "json"):
                if records.read_layer(site / "small", name).top[unit].nine or form == "json":
                    assert (site / "small" / name / f"{unit}.{form}").is_file()
            if unit > 3:
                break


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


def test_a_second_atlas_joins_the_first(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    shutil.copytree(site, out)
    with site_.staging(out, "other") as stage:
        folder = stage.folder
        for path in (site / "small").iterdir():
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, folder / path.name)
        facts = json.loads((folder / "atlas.json").read_text())
        (folder / "atlas.json").write_text(json.dumps({**facts, "name": "other"}))
        site_.write_pages(folder)
        whole = site_.whole(out, name="other", folder=folder)
        assert whole.unreadable == []
        site_.publish(folder, out, "other", whole)
    home = (out / "index.html").read_text()
    assert 'href="small/index.html"' in home and 'href="other/index.html"' in home
    assert (out / "other" / "conv1" / "0.html").is_file()
    assert not list(out.glob(".building-*")) and not list(out.glob(".replaced-*"))


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
    site_.write_shared(out, whole)
    assert len(whole.unreadable) == 2
    assert "odd/conv1/layer.json doesn't have the form" in whole.unreadable[0]
    assert "schema 0" in whole.unreadable[1]
    assert 'href="small/index.html"' in (out / "index.html").read_text()
