"""People's own names for units: read, checked, and where they stand."""

import json
import re
import shutil
from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.site import assembling
from atlas.site.given_names import GivenNames, read_names
from atlas.site.info import SiteContents, SiteInfo
from atlas.site.links import check
from atlas.site.writing import write_pages
from tests.support.documents import edit_atlas, show_all

ODD = 'Flügel & "<b>'


def labels(folder: Path, text: str) -> GivenNames:
    path = folder / "labels.csv"
    path.write_text(text, "utf-8")
    return read_names(path)


@pytest.fixture(scope="module")
def all_units(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of an atlas that shows all of its network."""
    out = tmp_path_factory.mktemp("all")
    shutil.copytree(few, out, dirs_exist_ok=True)
    show_all(out / "small")
    return out


def whole(out: Path, found: GivenNames, *expected: str) -> assembling.Whole:
    contents = SiteContents(SiteInfo(names=found), atlases=expected)
    return assembling.whole(out, contents=contents)


def test_addresses_and_names_are_read_as_spreadsheets_write_them(tmp_path: Path) -> None:
    text = '﻿Address,Name\r\nconv5/49, faces\r\n\r\n"small:conv3/7","wheels, mostly"\r\nb/fc.1/0,x'
    found = labels(tmp_path, text)
    assert [(one.atlas, one.layer, one.unit, one.name, one.line) for one in found.names] == [
        ("", "conv5", 49, "faces", 2),
        ("small", "conv3", 7, "wheels, mostly", 4),
        ("b", "fc.1", 0, "x", 5),
    ]
    assert found.of("small") == {("conv5", 49): "faces", ("conv3", 7): "wheels, mostly"}
    assert found.of("other") == {("conv5", 49): "faces"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("conv5/49", 1, "an address and a name are wanted, not 1 fields"),
        ("a/1, b\nconv5/49, faces, noses", 2, "not 3 fields"),
        ("conv5, faces", 1, "'conv5' is not the address of a unit"),
        ("conv5/-1, faces", 1, "is not the address of a unit"),
        ("conv5/49,", 1, "conv5/49 has no name"),
        ('conv5/49, "faces', 1, "unexpected end of data"),
        ("conv5/4, a\nconv5/5, b\nconv5/4, c", 3, "conv5/4: line 1 names this unit already"),
        ("conv5/4, a\nconv5/04, c", 2, "line 1 names this unit already"),
    ],
)
def test_a_line_that_cannot_be_meant_is_told(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(AtlasError, match=rf"labels\.csv:{line}: .*{words}"):
        labels(tmp_path, text)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes("conv5/1, Flügel".encode("latin-1"))
    with pytest.raises(AtlasError, match=r"labels\.csv can't be read: .*utf-8"):
        read_names(tmp_path / "labels.csv")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("conv5/4, a\nconv9/1, b", 2, "conv9/1: there is no layer conv9; nearest: conv"),
        ("conv1/99, a", 1, "conv1/99: conv1 has units 0 to 47"),
        ("small:conv9/1, a", 1, "there is no layer conv9"),
        ("conv5/4, a\nsmall:conv5/4, b", 2, "line 1 names this unit already"),
    ],
)
def test_a_unit_that_is_not_there_or_has_two_names_is_told(
    all_units: Path, tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(AtlasError, match=rf"labels\.csv:{line}: .*{words}"):
        whole(all_units, labels(tmp_path, text))


def test_with_several_atlases_an_address_says_which_where_both_have_the_unit(
    few: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(few, out)
    shutil.copytree(few / "small", out / "twin")
    edit_atlas(out / "twin", name="twin")
    with pytest.raises(
        AtlasError, match=r"which atlas\? Write one of small:conv5/24, twin:conv5/24"
    ):
        whole(out, labels(tmp_path, "conv5/24, a"))
    found = labels(tmp_path, "small:conv5/24, honeycombs\ntwin:conv5/24, wheels")
    assert whole(out, found).waiting == 0
    for name in ("small", "twin"):
        write_pages(out / name, info=SiteInfo(names=found))
    assert "honeycombs" in (out / "small/conv5/24.html").read_text()
    twin = (out / "twin/conv5/24.html").read_text()
    assert "wheels" in twin and "honeycombs" not in twin


def test_names_wait_for_atlases_that_are_not_there_yet(all_units: Path, tmp_path: Path) -> None:
    assert whole(all_units, labels(tmp_path, "vgg:conv9/1, a")).waiting == 1
    found = labels(tmp_path, "conv9/1, a\nconv5/1, b")
    assert whole(all_units, found, "small", "vgg").waiting == 1
    with pytest.raises(AtlasError, match="no layer conv9"):
        whole(all_units, found, "small")


@pytest.fixture(scope="module")
def named(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site with three names, one of them odd."""
    folder = tmp_path_factory.mktemp("named")
    text = f'conv5/24, honeycombs\nsmall:conv2/20, "{ODD.replace(chr(34), 2 * chr(34))}"\n'
    found = labels(folder, text + "conv5/48, wheels\n")
    out = folder / "site"
    shutil.copytree(few, out)
    notes = folder / "notes"
    notes.mkdir()
    (notes / "a.md").write_text("See [[conv5/24]].\n\n[[conv5/48]]\n")
    info = SiteInfo(names=found, base="https://example.org/")
    write_pages(out / "small", info=info)
    contents = SiteContents(info, notes=notes)
    assembled = assembling.whole(out, contents=contents)
    check(assembled.files, info.base)
    (out / "notes").mkdir()
    (out / "notes/a.html").write_text(assembled.files.text("notes/a.html"))
    return out


def test_a_name_stands_in_titles_cards_and_links(named: Path) -> None:
    tag = """<i class="called" title="The authors' name for it">“honeycombs”</i>"""
    page = (named / "small/conv5/24.html").read_text()
    assert "<title>conv5/24 “honeycombs” · " in page
    assert tag in page and "what this site's authors call it" in page
    assert tag in (named / "small/conv5/index.html").read_text()
    assert "one that this site's authors gave" in (named / "small/conv5/index.html").read_text()
    assert tag in (named / "small/conv5/embed/24.html").read_text()
    card = json.loads((named / "small/conv5/24.oembed.json").read_text())
    assert card["title"] == "conv5/24 “honeycombs” of small"
    before = (named / "small/conv5/0.html").read_text()
    assert '<a rel="next" href="24.html"><span>conv5/24 “honeycombs”</span> →</a>' in before
    note = (named / "notes/a.html").read_text()
    assert '<a href="../small/conv5/24.html">conv5/24 “honeycombs”</a>' in note
    assert "“wheels”" in note and 'alt="conv5/48 “wheels”: ' in note
    images = [path.read_text() for path in (named / "small/images").rglob("*.html")]
    assert any(tag in text for text in images)
    assert sum("“honeycombs”" in path.read_text() for path in named.rglob("conv?/*.html")) > 3


def test_a_unit_without_a_name_has_none(named: Path, few: Path) -> None:
    assert "called" not in (named / "small/conv3/28.html").read_text()
    assert "authors gave" not in (named / "small/conv3/index.html").read_text()
    assert not [p for p in few.rglob("*.html") if 'class="called" title' in p.read_text()]


def test_a_name_is_a_text_and_no_markup(named: Path) -> None:
    for file in ("conv2/20.html", "conv2/index.html", "conv2/embed/20.html"):
        page = (named / "small" / file).read_text()
        assert "“Flügel &amp; &#34;&lt;b&gt;”" in page and ODD not in page


def test_the_search_finds_a_name_once_and_says_whose_it_is(named: Path) -> None:
    text = (named / "small/search/0.js").read_text()
    shard = json.loads(re.fullmatch(r'atlasIndex\("small",(.*)\);\n', text)[1])  # type: ignore[index]
    rows = {(layer, row[0]): row for layer, units in shard["layers"] for row in units}
    ours = {unit: shard["classes"][row[-2]] for unit, row in rows.items() if row[-1] == -1}
    assert ours == {("conv5", 24): "honeycombs", ("conv5", 48): "wheels", ("conv2", 20): ODD}


def test_the_data_are_as_they_were_computed(named: Path, few: Path) -> None:
    documents = [path for path in (few / "small").rglob("*.json") if "[" in path.read_text()]
    for path in documents:
        if not path.name.startswith("."):
            assert path.read_bytes() == (named / path.relative_to(few)).read_bytes()
