"""What an author gives the site: a style, templates, a logo, a footer."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from atlas.errors import AtlasError, UsageError
from atlas.site import assembling, own_files
from atlas.site.info import SiteContents, SiteInfo
from atlas.site.links import Files, check
from atlas.site.own_files import OwnFile, OwnTemplate
from atlas.site.publishing import write_shared
from atlas.site.render.base import Renderer, check_templates
from atlas.site.render.cards import card_page, oembed
from atlas.site.render.footer import footer_html
from atlas.site.render.layers import layer_page
from atlas.site.render.units import unit_page
from atlas.site.render.view import AtlasView
from atlas.site.writing import are_current, write_pages

PAGE, CARD, LAYER = "small/conv3/0.html", "small/conv3/embed/0.html", "small/conv3/index.html"


def rendered(few: Path, folder: Path, info: SiteInfo) -> dict[str, str]:
    """The texts of what all atlases share, and of some pages of the small one; links are checked.

    In ``folder`` stand the author's notes.
    """
    (folder / "notes").mkdir(exist_ok=True)
    (folder / "notes" / "a.md").write_text("# A note\n\nWords.\n")
    contents = SiteContents(info, notes=folder / "notes")
    shared = assembling.whole(few, contents=contents).files.texts
    view = AtlasView.read(few / "small", Renderer(info))
    layer = view.layers["conv3"]
    own = {
        PAGE: unit_page(view, layer, layer.unit(0)),
        CARD: card_page(view, layer, layer.unit(0)),
        LAYER: layer_page(view, layer),
    }
    if info.base:  # and each page's card is described
        own[CARD.replace("embed/0.html", "0.oembed.json")] = oembed(view, layer, layer.unit(0))
    files = Files({**shared, **own}, {}, few)
    check(files, info.base)
    return {address: files.text(address) for address in files.texts if address != "logo.png"}


def templates(folder: Path, **sources: str) -> tuple[OwnTemplate, ...]:
    (folder / "mine").mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / "mine" / f"{name}.html").write_text(source)
    return own_files.read_templates(folder / "mine")


def test_the_style_comes_after_the_sites_own_on_every_page(few: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.css").write_text("h1 { color: teal; }")
    style = own_files.read_style(tmp_path / "mine.css")
    texts = rendered(few, tmp_path, SiteInfo(style=style, base="https://example.org/"))
    assert texts["own.css"] == "h1 { color: teal; }"
    pages = [address for address in texts if address.endswith(".html")]
    assert len(pages) == 7
    for page in pages:
        links = re.findall(r'<link rel="stylesheet" href="([^"]*)"', texts[page])
        assert [link.rpartition("/")[2] for link in links] == ["style.css", "own.css"], page
    assert 'href="https://example.org/own.css"' in texts["404.html"]


def test_a_style_that_names_what_is_not_there_is_refused(few: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.css").write_text("h1 { background: url(paper.png); }")
    style = own_files.read_style(tmp_path / "mine.css")
    with pytest.raises(AtlasError, match=r"own\.css links to paper\.png, which isn't there"):
        rendered(few, tmp_path, SiteInfo(style=style))


def test_the_logo_stands_in_every_header(few: Path, tmp_path: Path) -> None:
    Image.new("RGB", (60, 20)).save(tmp_path / "mine.PNG", format="png")
    logo = own_files.read_logo(tmp_path / "mine.PNG")
    texts = rendered(few, tmp_path, SiteInfo(title="Seeing", logo=logo))
    picture = '<img src="../../logo.png" width="60" height="20" alt="Seeing">'
    assert f'<a class="logo" href="../../index.html">{picture}</a>' in texts[PAGE]
    assert 'src="../logo.png"' in texts["notes/a.html"] and "logo.png" not in texts[CARD]
    write_shared(tmp_path / "out", {logo.address: logo.content})
    assert (tmp_path / "out/logo.png").read_bytes() == (tmp_path / "mine.PNG").read_bytes()


def test_a_drawn_logo_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "mine.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    logo = own_files.read_logo(tmp_path / "mine.svg")
    assert (logo.address, logo.size) == ("logo.svg", None)


def test_what_is_no_picture_is_no_logo(tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_text("words")
    with pytest.raises(AtlasError, match=r"mine\.png can't be read as a picture"):
        own_files.read_logo(tmp_path / "mine.png")
    with pytest.raises(UsageError, match=r"mine\.pdf: a logo ends in one of \.svg, \.gif"):
        own_files.read_logo(tmp_path / "mine.pdf")


def test_the_footer_is_markdown_whose_links_start_at_the_root(few: Path, tmp_path: Path) -> None:
    text = "By *us*: [a note](notes/a.html), [us](https://example.org/), [mail](mailto:a@b.c)"
    texts = rendered(few, tmp_path, SiteInfo(footer=text))
    assert "By <em>us</em>" in texts[PAGE] and "By <em>us</em>" not in texts[CARD]
    assert '<a href="../../notes/a.html">a note</a>' in texts[PAGE]
    for link in ('<a href="https://example.org/">us</a>', '<a href="mailto:a@b.c">mail</a>'):
        assert link in texts[PAGE]
    assert '<a href="notes/a.html">a note</a>' in texts["index.html"]
    with pytest.raises(AtlasError, match=r"links to (\.\./)*no\.html, which isn't there"):
        rendered(few, tmp_path, SiteInfo(footer="[gone](no.html)"))


def test_a_footer_leaves_other_addresses_alone() -> None:
    html = footer_html('[a](#b) ![c](d.png) <a id="x" href="e/f.html">e</a> [g](/h)', "../")
    assert re.findall(r'(?:href|src)="([^"]*)"', html) == ["#b", "../d.png", "../e/f.html", "/h"]


def test_a_template_replaces_the_one_of_its_name_and_may_extend_it(
    few: Path, tmp_path: Path
) -> None:
    own = templates(
        tmp_path,
        note='{% extends "original/note.html" %}{% block footer %}<p>Ours.</p>{% endblock %}',
        atlas="<!doctype html><title>{{ base.title }}</title><p>All ours.</p>",
    )
    texts = rendered(few, tmp_path, SiteInfo(templates=own))
    note = texts["notes/a.html"]
    assert "<p>Ours.</p>" in note and "<h1>A note</h1>" in note
    assert texts["index.html"].startswith("<!doctype html><title>")  # one atlas: home is its page
    assert texts["index.html"].endswith("</title><p>All ours.</p>")
    assert "<p>Ours" not in texts[PAGE]


def test_the_styles_and_scripts_are_replaced_like_templates(few: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "style.css").write_text("/* all mine */")
    own = own_files.read_templates(tmp_path / "mine")
    assert rendered(few, tmp_path, SiteInfo(templates=own))["style.css"] == "/* all mine */"


def test_a_file_that_replaces_nothing_is_told_with_the_right_names(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"units\.html: did you mean unit\.html\? the templates "):
        templates(tmp_path, units="")
    (tmp_path / "mine" / "units.html").unlink()
    (tmp_path / "mine" / ".unit.html.swp").write_text("")
    (tmp_path / "mine" / "unit.html~").write_text("")
    assert own_files.read_templates(tmp_path / "mine") == ()


def test_what_is_wrong_in_a_template_is_told_with_file_and_line(few: Path, tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"mine/unit\.html:2: Encountered unknown tag 'fi'"):
        check_templates(templates(tmp_path, unit="\n{% fi %}"))
    broken = {
        "\n\n{{ page.nothing }}": r"mine/note\.html:3: .* no attribute 'nothing'",
        "\n{{ 1 + 'a' }}": r"mine/note\.html:2: unsupported operand",
        "\n{% include 'none.html' %}": r"mine/note\.html:2: .*none\.html",
    }
    (tmp_path / "mine" / "unit.html").unlink()
    for source, words in broken.items():
        own = templates(tmp_path, note=source)
        check_templates(own)
        with pytest.raises(AtlasError, match=words):
            rendered(few, tmp_path, SiteInfo(templates=own))


def test_a_usual_template_that_fails_for_an_own_one_is_told(few: Path, tmp_path: Path) -> None:
    own = templates(tmp_path, macros="{# none left #}")
    with pytest.raises(AtlasError, match=r"templates/\w+\.html:[0-9]+: .* no attribute '\w+'"):
        rendered(few, tmp_path, SiteInfo(templates=own))


def test_pages_are_rendered_again_for_what_decides_them_alone(few: Path, tmp_path: Path) -> None:
    out = tmp_path / "small"
    shutil.copytree(few / "small", out)

    def current(info: SiteInfo) -> bool:
        return are_current(out, info=info)

    style, own = OwnFile("own.css", b"a"), templates(tmp_path, note="{# #}")
    for info in (SiteInfo(style=style), SiteInfo(footer="x"), SiteInfo(templates=own)):
        assert not current(info)
    write_pages(out, info=SiteInfo(style=style, templates=own))
    assert current(SiteInfo(style=style, templates=own))
    assert current(SiteInfo(style=OwnFile("own.css", b"other"), templates=own))  # linked, not held
    moved = tuple(OwnTemplate(one.name, one.source, "/elsewhere") for one in own)
    assert current(SiteInfo(style=style, templates=moved))
    (out / "conv3/0.html").write_text("other")
    assert not current(SiteInfo(style=style, templates=own))
