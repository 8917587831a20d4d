import shutil
from pathlib import Path

from msgspec import structs

from atlas.data.addresses import unit_page
from atlas.data.documents import read_atlas, read_layer
from atlas.data.records import LayerData, Unit
from atlas.site.assembling import whole
from atlas.site.files import renew
from atlas.site.links import check
from atlas.site.published_addresses import add_listed, are_whole, keep_addresses, listed
from atlas.site.writing import write_pages
from tests.support.documents import edit_atlas, edit_layer
from tests.support.sites import EACH


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


def test_a_list_that_was_damaged_is_made_again_of_the_pages_that_stand_there(
    tmp_path: Path,
) -> None:
    for page in ("index.html", "conv1/0.html", "conv1/1.html"):
        renew(tmp_path / page, "")
    add_listed(tmp_path, [])
    whole, digest = tmp_path / "addresses.txt", tmp_path / ".addresses.json"
    for path in (whole, digest):
        content = path.read_bytes()
        for changed in (content.replace(b"1", b"q"), content[:5], b"\xff", b""):
            path.write_bytes(changed)
            assert not are_whole(tmp_path)
            assert listed(tmp_path) == ["conv1/0.html", "conv1/1.html", "index.html"]
        path.write_bytes(content)
        assert are_whole(tmp_path)
    whole.unlink()
    assert not are_whole(tmp_path) and len(listed(tmp_path)) == 3
    digest.unlink()
    assert are_whole(tmp_path) and listed(tmp_path) == []  # of an older version, without a list


def test_no_address_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    strange = ["../x.html", "/etc/x.html", "a/../../x.html", "a//x.html", "./x.html", "x.txt", ""]
    (folder / "addresses.txt").write_text("\n".join([*strange, "conv1/0.html", ""]))
    assert listed(folder) == ["conv1/0.html"]


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
    assert not (folder / "conv2" / "74.html").exists()
    gone = keep_addresses(folder, published=site / "small")
    assert {"conv1/index.html", "conv1/0.html", "conv2/74.html"} <= set(gone)
    assert 'href="index.html">small/conv2<' in (folder / "conv2" / "74.html").read_text()
    assert 'href="../index.html">small<' in (folder / "conv1" / "0.html").read_text()
    for file in (site / "small" / "addresses.txt").read_text().splitlines():
        assert (folder / file).is_file()
    check(whole(site, name="small", folder=folder).files)
    last = tmp_path / "last"
    shutil.copytree(folder, last)
    write_pages(folder)
    assert not (folder / "conv2" / "74.html").exists()
    assert keep_addresses(folder, published=last) == []  # nothing new is gone
    assert (folder / "conv2" / "74.html").is_file()  # and what was says so build after build


def test_no_address_of_the_demo_may_move(site: Path) -> None:
    """What lecture notes may link to by now; only ever to be added to."""
    counts = {"conv1": 48, "conv2": 80, "conv3": 112, "conv4": 112, "conv5": 96, "scores": 24}
    there = set((site / "small" / "addresses.txt").read_text().splitlines())
    for name, units in counts.items():
        for unit in range(units):
            assert unit_page(name, unit) == f"{name}/{unit}.html"
        shown = [unit * units // EACH for unit in range(EACH)]
        assert {f"{name}/index.html", *(f"{name}/{unit}.html" for unit in shown)} <= there
        for unit in shown[:4]:
            for form in ("webp", "jpg", "json"):
                if read_layer(site / "small", name).unit(unit).nine or form == "json":
                    assert (site / "small" / name / f"{unit}.{form}").is_file()
