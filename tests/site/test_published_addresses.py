import shutil
from pathlib import Path

from msgspec import structs

from atlas.data.documents import read_atlas, read_layer
from atlas.data.records import LayerData, Unit
from atlas.site.assembling import whole
from atlas.site.links import check
from atlas.site.published_addresses import add_listed, keep_addresses, listed
from atlas.site.writing import write_pages
from tests.support.documents import edit_atlas, edit_layer


def test_the_list_only_grows(tmp_path: Path) -> None:
    assert listed(tmp_path) == []
    (tmp_path / "conv1").mkdir()
    for page in ("index.html", "conv1/0.html"):
        (tmp_path / page).write_text("")
    add_listed(tmp_path, [])
    assert (tmp_path / "addresses.txt").read_text() == "conv1/0.html\nindex.html\n"
    (tmp_path / "conv1" / "0.html").unlink()
    add_listed(tmp_path, ["conv1/0.html", "conv2/0.html"])
    assert listed(tmp_path) == ["conv1/0.html", "conv2/0.html", "index.html"]


def first_nine_units(layer: LayerData) -> LayerData:
    """A layer with fewer units and no bond to those of conv1."""

    def apart(unit: Unit) -> Unit:
        below = tuple(link for link in unit.below if link[0] != "conv1")
        alike = tuple(link for link in unit.alike if link[0] != "conv1")
        return structs.replace(unit, below=below, alike=alike)

    return structs.replace(layer, top=tuple(apart(unit) for unit in layer.top[:9]))


def test_an_address_once_published_never_disappears(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(site / "small", folder)
    atlas = read_atlas(folder)
    summary = tuple(structs.replace(one, representative=(0,)) for one in atlas.summary[1:])
    edit_atlas(folder, layers=atlas.layers[1:], summary=summary)
    for name in atlas.layers[1:]:
        edit_layer(folder, name, first_nine_units)
    shutil.rmtree(folder / "conv1")
    write_pages(folder)
    assert not (folder / "conv2" / "9.html").exists()
    gone = keep_addresses(folder, published=site / "small")
    assert {"conv1/index.html", "conv1/0.html", "conv2/9.html"} <= set(gone)
    assert 'href="index.html">small/conv2<' in (folder / "conv2" / "9.html").read_text()
    assert 'href="../index.html">small<' in (folder / "conv1" / "0.html").read_text()
    for file in (site / "small" / "addresses.txt").read_text().splitlines():
        assert (folder / file).is_file()
    check(whole(site, name="small", folder=folder).files)
    last = tmp_path / "last"
    shutil.copytree(folder, last)
    write_pages(folder)
    assert not (folder / "conv2" / "9.html").exists()
    assert keep_addresses(folder, published=last) == []  # nothing new is gone
    assert (folder / "conv2" / "9.html").is_file()  # and what was says so build after build


def test_no_address_of_the_demo_may_move(site: Path) -> None:
    """What lecture notes may link to by now; only ever to be added to."""
    counts = {"conv1": 48, "conv2": 80, "conv3": 112, "conv4": 112, "conv5": 96, "scores": 24}
    there = set((site / "small" / "addresses.txt").read_text().splitlines())
    for name, units in counts.items():
        assert {f"{name}/index.html", *(f"{name}/{unit}.html" for unit in range(units))} <= there
        for unit in range(units):
            for form in ("webp", "jpg", "json"):
                if read_layer(site / "small", name).top[unit].nine or form == "json":
                    assert (site / "small" / name / f"{unit}.{form}").is_file()
            if unit > 3:
                break
