import json
import posixpath
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.site import links
from atlas.site.assembling import whole
from atlas.site.info import NO_INFO, SiteContents, SiteInfo
from atlas.site.links import Files, check
from atlas.site.writing import write_pages

BASE = "https://example.org/sub/"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A site with an atlas of two pages, ``a/index.html`` and ``a/conv1/0.html``."""
    (tmp_path / "new" / "conv1").mkdir(parents=True)
    (tmp_path / "new" / "index.html").write_text('<p id="x&amp;y"><a href="conv1/0.html">')
    (tmp_path / "new" / "conv1" / "0.html").write_text('<p id="é">', "utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "style.css").write_text("")
    return Files({"index.html": ""}, {"a/": tmp_path / "new"}, tmp_path / "out")


def with_home(files: Files, link: str) -> Files:
    return Files({"index.html": f'<h1 id="top"><a href="{link}">'}, files.folders, files.out)


@pytest.mark.parametrize(
    "link",
    [
        "a/index.html",
        "a/./conv1/../index.html#x&amp;y",
        "a/conv1/0.html#%C3%A9",
        "#top",
        "style.css",
        "https://elsewhere.org/nothing",
        "mailto:a@b.org",
        f"{BASE}",
        f"{BASE}a/index.html#x&amp;y",
    ],
)
def test_links_that_lead_somewhere(files: Files, link: str) -> None:
    assert check(with_home(files, link), BASE) == 2


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("b/index.html", "isn't there"),
        ("a", "isn't there"),
        ("../index.html", "isn't there"),
        (f"{BASE}b/index.html", "isn't there"),
        ("#bottom", "index.html has no such place"),
        ("a/index.html#x", "a/index.html has no such place"),
        (f"{BASE}#bottom", "index.html has no such place"),
    ],
)
def test_links_that_lead_nowhere(files: Files, link: str, wrong: str) -> None:
    with pytest.raises(AtlasError, match=rf"^index\.html links to .*{wrong}$"):
        check(with_home(files, link), BASE)


def test_links_after_any_white_space_are_checked(files: Files) -> None:
    for space in (" ", "\n", "\t", "\n  "):
        wrong = Files({"index.html": f'<a{space}href="nowhere">'}, files.folders, files.out)
        with pytest.raises(AtlasError, match=r"^index\.html links to nowhere, which isn't there$"):
            check(wrong)


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("<a href='b.html'>", "b.html"),
        ("<a href=b.html>", "b.html"),
        ('<img srcset="style.css 1x, b.png 2x">', "b.png"),
        ('<a href="b.html?x=1&amp;y=2">', "b.html?x=1&y=2"),
        ('<p style="background: url(b.png)">', "b.png"),
        ("<!-- > --><a href=b.html>", "b.html"),
    ],
)
def test_links_are_found_as_a_browser_finds_them(files: Files, page: str, link: str) -> None:
    with pytest.raises(AtlasError) as raised:
        check(Files({"index.html": page}, files.folders, files.out))
    assert str(raised.value) == f"index.html links to {link}, which isn't there"


@pytest.mark.parametrize(
    "page",
    [
        "<!-- <a href=b.html> -->",
        "<script>'<a href=\"b.html\">'</script>",
        "<template><img src=b.png></template>",
        "<p title='<a href=b.html>'>",
        '<a href="style.css?v=1&amp;w=2"><a href="//elsewhere.org/x">',
    ],
)
def test_what_a_browser_does_not_follow_is_no_link(files: Files, page: str) -> None:
    check(Files({"index.html": page}, files.folders, files.out))


def test_a_place_within_a_comment_is_none(files: Files) -> None:
    page = "<!-- <p id=x> --><a href='#x'>"
    with pytest.raises(AtlasError, match=r"links to #x, and index\.html has no such place"):
        check(Files({"index.html": page}, files.folders, files.out))


def test_style_sheets_are_checked_from_their_own_place(files: Files) -> None:
    assert check(Files({"c/x.css": "p { b: url(../a/index.html) }"}, files.folders, files.out)) == 2
    with pytest.raises(AtlasError, match=r"^c/x\.css links to b\.png"):
        check(Files({"c/x.css": "p { b: url('b.png') }"}, files.folders, files.out))


def test_a_page_with_a_base_is_refused(files: Files) -> None:
    with pytest.raises(AtlasError, match=r"^index\.html has <base>"):
        check(Files({"index.html": "<base href='a/'>"}, files.folders, files.out))


def test_links_of_an_atlas_lead_from_its_place_on_the_site(files: Files) -> None:
    assert list(files.pages()) == ["index.html", "a/conv1/0.html", "a/index.html"]
    (files.path("a/conv1/0.html")).write_text('<a href="../../style.css"><a href="../../a.css">')
    with pytest.raises(AtlasError, match=r"^a/conv1/0\.html links to \.\./\.\./a\.css"):
        check(files)


def files_of(site: Path, folder: Path, info: SiteInfo = NO_INFO) -> Files:
    return whole(site, contents=SiteContents(info), name="small", folder=folder).files


def test_broken_links_and_fragments_are_found(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    shutil.copytree(site / "small", folder)
    assert check(files_of(site, folder)) > 1500
    page = folder / "conv3" / "8.html"
    text = page.read_text()
    page.write_text(text.replace("#conv3-8", "#conv3-6000"))
    with pytest.raises(AtlasError, match=r"small/conv3/8\.html links to .*has no such place"):
        check(files_of(site, folder))
    page.write_text(text)
    (folder / "conv3" / "8.webp").unlink()
    with pytest.raises(AtlasError, match=r"links to .*8\.webp, which isn't there"):
        check(files_of(site, folder))


def test_links_through_the_sites_own_address_are_followed(few: Path, tmp_path: Path) -> None:
    info = SiteInfo(base="https://example.org/sub/")
    folder = tmp_path / "small"
    shutil.copytree(few / "small", folder)
    write_pages(folder, info=info)
    files = files_of(few, folder, info)
    assert check(files, info.base) > 2500
    unit = (folder / "conv3" / "0.html").read_text()
    assert '<link rel="canonical" href="https://example.org/sub/small/conv3/0.html">' in unit
    assert 'property="og:image" content="https://example.org/sub/small/conv3/0.jpg"' in unit
    answer = json.loads((folder / "conv3" / "0.oembed.json").read_text())
    assert answer["type"] == "rich" and "small/conv3/embed/0.html" in answer["html"]
    assert "<loc>https://example.org/sub/small/conv3/0.html</loc>" in files.texts["sitemap.xml"]
    assert 'href="https://example.org/sub/style.css"' in files.texts["404.html"]
    (folder / "conv3" / "0.html").write_text(unit.replace("conv3/0.html", "conv3/5000.html"))
    with pytest.raises(AtlasError, match=r"5000\.html"):
        check(files_of(few, folder, info), info.base)


def test_a_page_whose_script_reads_its_fragment_takes_any(tmp_path: Path) -> None:
    pages = {"a.html": '<a href="b.html#conv1/3">x</a>', "b.html": '<div id="c"></div>'}
    with pytest.raises(AtlasError, match="no such place"):
        check(Files(pages, {}, tmp_path))
    pages["b.html"] = '<div id="c" data-state-in-fragment></div>'
    check(Files(pages, {}, tmp_path))


def test_several_processes_find_the_first_wrong_link(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "processes", lambda items: 3)
    folder = files.folders["a/"]
    for number in range(60):
        text = '<a href="../index.html"><a href="../../style.css">'
        (folder / "conv1" / f"{number:02}.html").write_text(text)
    assert check(files) == 120 + 1
    assert files.consulted == {"style.css"}
    for number in (17, 40, 58):
        (folder / "conv1" / f"{number:02}.html").write_text(f'<a href="#{number}">')
    with pytest.raises(AtlasError, match=r"conv1/17\.html links to #17"):
        check(Files(files.texts, files.folders, files.out))


steps = st.sampled_from(["..", ".", "", "a", "b.html", ".c", "%2e%2e"])


@given(link=st.lists(steps, min_size=1).map("/".join), page=st.sampled_from(["a", "b/c", "b/c/d"]))
def test_a_link_leads_where_its_steps_do(link: str, page: str) -> None:
    target = links._target(f"{link}?q#%C3%A9", page, "")
    if link.startswith("//"):
        assert target is None
        return
    beside = posixpath.join(posixpath.dirname(page), unquote(link)) if link else page
    assert target == links.Target(posixpath.normpath(beside), "é")
