"""What others paste, embed and link to."""

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from atlas.commands import cli
from atlas.data import addresses, documents
from atlas.site.info import SiteInfo
from atlas.site.render import cards, snippets
from atlas.site.render.base import Renderer
from atlas.site.render.view import AtlasView


@pytest.fixture(scope="module")
def view(site: Path) -> AtlasView:
    info = SiteInfo(author="A. Lecturer", base="https://example.org/sub/")
    return AtlasView.read(site / "small", Renderer(info))


def test_snippets_of_a_unit(view: AtlasView) -> None:
    layer = view.layers["conv3"]
    texts = {one.name: one.text for one in snippets.of_unit(view, layer, layer.top[17])}
    url = "https://example.org/sub/small/conv3/17.html"
    picture = "https://example.org/sub/small/conv3/17.jpg"
    assert texts["Link"] == url
    assert (
        texts["Markdown"].startswith("[![conv3/17: ")
        and f"]({picture})]({url})" in texts["Markdown"]
    )
    assert f'href="{url}"' in texts["HTML"] and f'src="{picture}"' in texts["HTML"]
    assert "\\includegraphics[width=\\linewidth]{17.jpg}" in texts["LaTeX"]
    assert f"\\url{{{url}}}" in texts["LaTeX"]
    assert 'src="https://example.org/sub/small/conv3/embed/17.html"' in texts["iframe"]
    assert f"url = {{{url}}}" in texts["BibTeX"] and "author = {A. Lecturer}" in texts["BibTeX"]
    assert texts["BibTeX"].startswith("@misc{small-conv3-17,\n")


def test_without_an_address_of_its_own_a_site_shows_a_placeholder(site: Path) -> None:
    page = (site / "small" / "conv3" / "17.html").read_text()
    assert "https://your.site/small/conv3/17.html" in page
    assert "canonical" not in page and "og:image" not in page


def test_the_inventory_lists_every_layer_and_unit(site: Path) -> None:
    head, _, body = (site / "small" / addresses.INVENTORY).read_bytes().partition(b"zlib.\n")
    assert head.startswith(b"# Sphinx inventory version 2\n# Project: small\n")
    lines = zlib.decompress(body).decode().splitlines()
    assert "small.conv3.17 std:doc -1 conv3/17.html conv3/17" in lines
    assert len(lines) == 1 + 6 + 472


@pytest.mark.parametrize("form", ["rst", "md"])
def test_sphinx_and_myst_link_to_units_by_name(site: Path, tmp_path: Path, form: str) -> None:
    (tmp_path / "conf.py").write_text(
        "project = 'lecture'\n"
        "extensions = ['sphinx.ext.intersphinx', 'myst_parser']\n"
        f"intersphinx_mapping = {{'small': ('https://example.org/small/', "
        f"{str(site / 'small' / 'objects.inv')!r})}}\n"
    )
    text = {
        "rst": "Lecture\n=======\n\nSee :external+small:doc:`conv3/17 <small.conv3.17>`.\n",
        "md": "# Lecture\n\nSee [conv3/17](inv:small#small.conv3.17).\n",
    }[form]
    (tmp_path / f"index.{form}").write_text(text)
    ran = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-q", str(tmp_path), str(tmp_path / "out")],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert 'href="https://example.org/small/conv3/17.html"' in (
        (tmp_path / "out" / "index.html").read_text()
    )


def test_a_card_for_other_peoples_pages_is_small_and_has_no_script(site: Path) -> None:
    for unit in (0, 17, 79):
        text = (site / "small" / "conv2" / "embed" / f"{unit}.html").read_text()
        assert len(text.encode()) <= 6000 and "<script" not in text
        assert 'target="_top"' in text and f'src="../{unit}.webp"' in text


def test_plates_are_there_for_latex_and_slides(site: Path) -> None:
    layer = documents.read_layer(site / "small", "conv4")
    with Image.open(site / "small" / "conv4" / "30.jpg") as picture:
        assert picture.format == "JPEG" and picture.size == layer.plate.size[::-1]
        assert picture.getpixel((layer.plate.tile[1] + 1, 5)) > (240, 240, 240)  # gaps are paper


def test_figures_of_a_layer_stand_by_themselves(site: Path) -> None:
    atlas = documents.read_atlas(site / "small")
    representative = atlas.summary[atlas.layers.index("conv4")].representative
    svg = (site / "small" / "conv4" / "figure.svg").read_text()
    assert svg.count("data:image/jpeg;base64,") == len(representative) == 6
    for unit in representative:
        assert f">conv4/{unit}" in svg
    with Image.open(site / "small" / "conv4" / "figure.png") as picture:
        assert picture.format == "PNG" and picture.width > 1100


def test_a_figure_of_units_of_ones_own_choice(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    layer = str(site / "small" / "conv4")
    for form in ("svg", "png"):
        to = tmp_path / f"figure.{form}"
        assert cli.main(["figure", layer, "30", "7", "--to", str(to)]) == 0
    text = (tmp_path / "figure.svg").read_text()
    assert text.index(">conv4/30") < text.index(">conv4/7") and text.count("<image") == 2
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.width > 1100
    capfd.readouterr()
    for given, words in (
        ([layer, "3000", "--to", "x.png"], "shows no unit 3000"),
        ([str(site), "3", "--to", "x.png"], "no layer.json"),
        ([layer, "3", "--to", "x.gif"], ".png or .svg"),
        ([layer, "--to", "x.png"], "UNIT"),
    ):
        assert cli.main(["figure", *given]) == 2
        assert words in capfd.readouterr().err


def test_oembed_says_how_to_embed(view: AtlasView) -> None:
    layer = view.layers["conv3"]
    answer = json.loads(cards.oembed(view, layer, layer.top[17]))
    assert answer["version"] == "1.0" and answer["html"] == snippets.iframe(
        view, layer, layer.top[17]
    )


def test_names_are_fit_for_latex() -> None:
    assert snippets.latex("a_b & 50 %") == "a\\_b \\& 50 \\%"
