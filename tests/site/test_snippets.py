"""What others paste, embed and link to."""

import dataclasses
import html
import json
import shutil
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import markdown
import pytest
from markdown_it import MarkdownIt
from msgspec import structs
from msgspec.structs import replace
from PIL import Image, ImageStat

from atlas.commands import cli
from atlas.data import addresses, documents
from atlas.data.records import LayerData
from atlas.site.info import SiteInfo
from atlas.site.render import cards, snippets
from atlas.site.render.base import Renderer
from atlas.site.render.inventory import inventory
from atlas.site.render.view import AtlasView
from tests.support.documents import edit_layer
from tests.support.sites import UNITS


@pytest.fixture(scope="module")
def view(site: Path) -> AtlasView:
    info = SiteInfo(author="A. Lecturer", base="https://example.org/sub/")
    return AtlasView.read(site / "small", Renderer(info))


def test_snippets_of_a_unit(view: AtlasView) -> None:
    layer = view.layers["conv3"]
    texts = {one.name: one.text for one in snippets.of_unit(view, layer, layer.unit(16))}
    url = "https://example.org/sub/small/conv3/16.html"
    picture = "https://example.org/sub/small/conv3/16.jpg"
    assert texts["Link"] == url
    assert (
        texts["Markdown"].startswith("[![conv3/16: ")
        and f"]({picture})]({url})" in texts["Markdown"]
    )
    assert f'href="{url}"' in texts["HTML"] and f'src="{picture}"' in texts["HTML"]
    assert "\\includegraphics[width=\\linewidth]{16.jpg}" in texts["LaTeX"]
    assert f"\\url{{{url}}}" in texts["LaTeX"]
    assert 'src="https://example.org/sub/small/conv3/embed/16.html"' in texts["iframe"]
    assert f"url = {{{url}}}" in texts["BibTeX"] and "author = {A. Lecturer}" in texts["BibTeX"]
    assert texts["BibTeX"].startswith("@misc{small-conv3-16,\n")


def test_without_an_address_of_its_own_a_site_shows_a_placeholder(site: Path) -> None:
    page = (site / "small" / "conv3" / "16.html").read_text()
    assert "https://your.site/small/conv3/16.html" in page
    assert "canonical" not in page and "og:image" not in page


def test_the_inventory_lists_every_layer_and_unit(site: Path) -> None:
    head, _, body = (site / "small" / addresses.INVENTORY).read_bytes().partition(b"zlib.\n")
    assert head.startswith(b"# Sphinx inventory version 2\n# Project: small\n")
    lines = zlib.decompress(body).decode().splitlines()
    assert "small.conv3.16 std:doc -1 conv3/16.html conv3/16" in lines
    assert len(lines) == 1 + 6 + UNITS


@pytest.mark.parametrize("form", ["rst", "md"])
def test_sphinx_and_myst_link_to_units_by_name(site: Path, tmp_path: Path, form: str) -> None:
    text = {
        "rst": "See :external+small:doc:`conv3/16 <small.conv3.16>`.",
        "md": "See [conv3/16](inv:small#small.conv3.16).",
    }[form]
    page = sphinx_page(tmp_path, form, text, {"small": site / "small" / "objects.inv"})
    assert 'href="https://example.org/small/conv3/16.html"' in page


def sphinx_page(folder: Path, form: str, text: str, projects: dict[str, Path]) -> str:
    """A page of Sphinx that links to other projects, by their inventories, as it comes out."""
    mapping = {name: (f"https://example.org/{name}/", str(at)) for name, at in projects.items()}
    (folder / "conf.py").write_text(
        "project = 'lecture'\n"
        "extensions = ['sphinx.ext.intersphinx', 'myst_parser']\n"
        f"smartquotes, intersphinx_mapping = False, {mapping}\n"
    )
    head = {"rst": "Lecture\n=======\n\n", "md": "# Lecture\n\n"}[form]
    (folder / f"index.{form}").write_text(f"{head}{text}\n", "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-q", str(folder), str(folder / "out")],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return (folder / "out" / "index.html").read_text("utf-8")


def test_a_card_for_other_peoples_pages_is_small_and_has_no_script(site: Path) -> None:
    for unit in (0, 40, 68):
        text = (site / "small" / "conv2" / "embed" / f"{unit}.html").read_text()
        assert len(text.encode()) <= 6000 and "<script" not in text
        assert 'target="_top"' in text and f'src="../{unit}.webp"' in text


def test_plates_are_there_for_latex_and_slides(site: Path) -> None:
    layer = documents.read_layer(site / "small", "conv4")
    with Image.open(site / "small" / "conv4" / "40.jpg") as picture:
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
        assert cli.main(["figure", layer, "40", "8", "--to", str(to)]) == 0
    text = (tmp_path / "figure.svg").read_text()
    assert text.index(">conv4/40") < text.index(">conv4/8") and text.count("<image") == 2
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


def test_a_lit_figure_is_darker_and_needs_patches(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    layer, means = site / "small" / "conv4", []
    for words in ([], ["--lit"]):
        to = tmp_path / "figure.png"
        assert cli.main(["figure", str(layer), "40", "8", "--to", str(to), *words]) == 0
        with Image.open(to) as picture:
            means.append(ImageStat.Stat(picture.convert("L")).mean[0])
    assert means[1] < means[0] - 10
    shutil.copytree(site / "small", tmp_path / "bare", ignore=shutil.ignore_patterns("images"))

    def without_patches(layer: LayerData) -> LayerData:
        return structs.replace(layer, plate=structs.replace(layer.plate, patches=False))

    edit_layer(tmp_path / "bare", "conv4", without_patches)
    bare = str(tmp_path / "bare" / "conv4")
    assert cli.main(["figure", bare, "30", "--to", "x.png", "--lit"]) == 2
    assert "no patches" in capfd.readouterr().err


def test_oembed_says_how_to_embed(view: AtlasView) -> None:
    layer = view.layers["conv3"]
    answer = json.loads(cards.oembed(view, layer, layer.unit(16)))
    assert answer["version"] == "1.0" and answer["html"] == snippets.iframe(
        view, layer, layer.unit(16)
    )


HOSTILE = "features_3.Müller & Söhne 100% #1~{x}\\^$`<b>|*[y](z)\"'--层é"
FAMILY = '\\section{A} % {B "ß" & <i>_层_~^$#'


@pytest.fixture(scope="module")
def hostile(view: AtlasView) -> AtlasView:
    """The same atlas with names full of what other languages mean something by."""
    layer, atlas = view.layers["conv3"], view.atlas
    nine = tuple(replace(one, label=FAMILY) for one in layer.unit(16).nine)
    top = (replace(layer.unit(16), nine=nine),)
    return dataclasses.replace(
        view,
        atlas=replace(
            atlas,
            name="a__b-",
            network=replace(atlas.network, name=FAMILY),
            images=replace(atlas.images, description=FAMILY),
            layers=(HOSTILE,),
            date="2026-01-01",
        ),
        layers={HOSTILE: replace(layer, layer=HOSTILE, top=top)},
        renderer=Renderer(
            SiteInfo(
                title="Müller & Söhne 100 % #1_{\\",
                author="É. Müller_ & 王小明 and {Söhne}, 100 % #1",
                base="https://example.org/~me/50%25/a_b&c;d#(1)/{ü}$^\\/",
            )
        ),
    )


def snippets_of(view: AtlasView, kind: str) -> list[str]:
    """All snippets of one kind that an atlas has."""
    all_of_them = [*snippets.of_atlas(view)]
    for layer in view.layers.values():
        all_of_them += snippets.of_layer(view, layer, figure=True)
        for unit in layer.top:
            all_of_them += snippets.of_unit(view, layer, unit)
    found = [one.text for one in all_of_them if one.name == kind]
    assert found
    return found


DOCUMENT = r"""
\documentclass{article}
\usepackage{PACKAGES}
\begin{document}
\listoffigures
\nocite{*}
FIGURES
\bibliographystyle{STYLE}
\bibliography{all}
\end{document}
"""


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX")
@pytest.mark.parametrize(
    ("packages", "style"),
    [
        ("graphicx,url,natbib", "plainnat"),
        ("graphicx,hyperref,natbib", "abbrvnat"),
        ("graphicx,hyperref,natbib", "alpha"),
    ],
)
def test_latex_compiles_with_any_names(
    site: Path, tmp_path: Path, view: AtlasView, hostile: AtlasView, packages: str, style: str
) -> None:
    for file in ("16.jpg", "figure.png"):
        shutil.copy(site / "small" / "conv3" / file, tmp_path)
    layer = view.layers["conv3"]
    usual = dataclasses.replace(view, layers={"conv3": replace(layer, top=(layer.unit(16),))})
    figures = [text for one in (usual, hostile) for text in snippets_of(one, "LaTeX")]
    document = DOCUMENT.replace("PACKAGES", packages).replace("STYLE", style)
    (tmp_path / "all.tex").write_text(document.replace("FIGURES", "\n\n".join(figures)), "utf-8")
    entries = [text for one in (usual, hostile) for text in snippets_of(one, "BibTeX")]
    (tmp_path / "all.bib").write_text("\n\n".join(entries), "utf-8")
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all"]
    for command in (latex, ["bibtex", "all"], latex, latex):
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True)
        assert ran.returncode == 0, ran.stdout.decode(errors="replace")[-3000:]
    log = (tmp_path / "all.log").read_text(errors="replace")
    assert "LaTeX Warning: Label" not in log and "multiply" not in log
    assert (tmp_path / "all.bbl").read_text().count("\\bibitem") == len(entries) == 6


def test_markdown_and_html_show_any_name(hostile: AtlasView) -> None:
    layer = hostile.layers[HOSTILE]
    alts = [f"Units of {HOSTILE}: ", f"{HOSTILE}/16: "]
    pages = [hostile.info.url(hostile.address(file)) for file in
             (addresses.layer_page(HOSTILE), addresses.unit_page(HOSTILE, 16))]  # fmt: skip
    rendered = [markdown.markdown(text) for text in snippets_of(hostile, "Markdown")]
    rendered += [MarkdownIt().render(text) for text in snippets_of(hostile, "Markdown")]
    for text in (*rendered, *snippets_of(hostile, "HTML")):
        read = Elements(text)
        [link], [image] = read.found["a"], read.found["img"]
        number = pages.index(str(link["href"]))
        assert str(image["alt"]).startswith(alts[number])
        assert set(read.found) <= {"p", "a", "img"}
        assert str(image["src"]).startswith("https://example.org/~me/50%25/a_b&c;d#%281%29/")
    assert f"{len(layer.top[0].nine)} of 9 {FAMILY}" in str(image["alt"])
    [frame] = Elements(snippets_of(hostile, "iframe")[0]).found["iframe"]
    assert frame["title"] == f"{HOSTILE}/16 of a__b-"
    assert frame["src"] == hostile.info.url(hostile.address(addresses.embed_page(HOSTILE, 16)))


@pytest.mark.parametrize(("form", "kind"), [("rst", "Sphinx"), ("md", "MyST")])
def test_sphinx_and_myst_link_to_any_name(
    hostile: AtlasView, tmp_path: Path, form: str, kind: str
) -> None:
    (tmp_path / "objects.inv").write_bytes(inventory(hostile))
    [text] = snippets_of(hostile, kind)
    page = sphinx_page(tmp_path, form, text, {"a_b": tmp_path / "objects.inv"})
    [link] = [one for one in Elements(page).found["a"] if "external" in str(one.get("class"))]
    assert link["href"] == "https://example.org/a_b/" + quote(addresses.unit_page(HOSTILE, 16))
    assert f"{HOSTILE}/16" in html.unescape(page)


class Elements(HTMLParser):
    """The attributes of a page's elements, by their names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[dict[str, str | None]]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.setdefault(tag, []).append(dict(attrs))


def test_without_jpeg_there_is_no_picture_for_latex(view: AtlasView) -> None:
    atlas = replace(view.atlas, settings={**view.atlas.settings, "jpeg": False})
    layer = view.layers["conv3"]
    without = snippets.of_unit(dataclasses.replace(view, atlas=atlas), layer, layer.unit(16))
    assert "LaTeX" not in {one.name for one in without}


@pytest.mark.parametrize(
    ("author", "names"),
    [
        ("A. Lecturer", "A. Lecturer"),
        ("Lecturer, A. and B. Other", "Lecturer, A. and B. Other"),
        ("A, B, C", "{A, B, C}"),
        ("Institute of X, ", "{Institute of X,}"),
        ("and", "{and}"),
    ],
)
def test_authors_are_what_bibtex_can_read(view: AtlasView, author: str, names: str) -> None:
    info = SiteInfo(author=author)
    entry = snippets.bibtex(dataclasses.replace(view, renderer=Renderer(info)), "", "index.html")
    assert f"  author = {{{names}}},\n" in entry
