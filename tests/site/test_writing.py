"""Pages are rendered only where something that decides them has changed."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.data.documents import NINE
from atlas.errors import AtlasError
from atlas.site import page_digests, writing
from atlas.site.info import SiteInfo
from atlas.site.pages import PAGES, Page
from atlas.site.render.view import AtlasView
from atlas.site.writing import write_pages


@pytest.fixture(scope="module")
def written(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "small"
    shutil.copytree(few / "small", folder)
    write_pages(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "small")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose atlases were read to be rendered."""
    folders: list[Path] = []
    read = AtlasView.read

    def recorded(folder: Path, renderer: object) -> AtlasView:
        folders.append(folder)
        return read(folder, renderer)

    monkeypatch.setattr(AtlasView, "read", staticmethod(recorded))
    return folders


def test_nothing_is_rendered_where_nothing_changed(folder: Path, renders: list[Path]) -> None:
    before = contents(folder)
    count = write_pages(folder)
    assert renders == [] and contents(folder) == before
    written = json.loads(before[".pages.json"])["files"]
    assert count == len(written) == len(set(written)) and set(written) <= set(before)


@pytest.mark.parametrize("kind", ["changed", "removed"])
@pytest.mark.parametrize("file", ["conv2/20.html", "objects.inv", "search/0.js", "conv2/20.json"])
def test_a_page_that_is_not_as_it_was_is_mended(
    folder: Path, renders: list[Path], file: str, kind: str
) -> None:
    before = contents(folder)
    if kind == "changed":
        (folder / file).write_bytes(before[file] + b" ")
    else:
        (folder / file).unlink()
    write_pages(folder)
    assert renders == [folder] and contents(folder) == before


def test_a_page_of_an_older_version_is_removed_without_rendering(
    folder: Path, renders: list[Path]
) -> None:
    before = contents(folder)
    for file in ("conv2/old.html", "search/9.js", "conv2/7.oembed.json"):
        (folder / file).write_text("old")
    write_pages(folder)
    assert renders == [] and contents(folder) == before


def test_a_changed_document_changes_the_pages(folder: Path, renders: list[Path]) -> None:
    nine = NINE.read(folder, "conv3")
    path = NINE.path(folder, "conv3")
    path.write_bytes(path.read_bytes().replace(nine.units[1].nine[0].file.encode(), b"other.png"))
    write_pages(folder)
    assert renders == [folder]
    assert "other.png" in (folder / "conv3" / f"{nine.units[1].unit}.html").read_text()


def test_a_changed_template_changes_the_pages(
    folder: Path, renders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(page_digests.TEMPLATES, templates)
    with (templates / "layer.html").open("a") as file:
        file.write("{# a remark #}")
    monkeypatch.setattr(page_digests, "TEMPLATES", templates)
    write_pages(folder)
    assert renders == [folder]


def test_what_the_site_says_of_itself_changes_the_pages(folder: Path, renders: list[Path]) -> None:
    write_pages(folder, info=SiteInfo(title="Other"))
    assert renders == [folder]
    assert "<title>conv1 · small · Other</title>" in (folder / "conv1/index.html").read_text()


def test_changed_source_changes_the_pages(
    folder: Path, renders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "render" / "atlas"  # wherever the checkout lies
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(page_digests.HOME, home, ignore=ignored)
    monkeypatch.setattr(page_digests, "HOME", home)
    write_pages(folder)
    assert renders == []
    for module in (
        "site/phrases.py",
        "site/render/units.py",
        "data/levels.py",
        "drawing/pixels.py",
    ):
        with (home / module).open("a") as file:
            file.write("# a remark\n")
        write_pages(folder)
        assert renders.pop() == folder
    with (home / "networks" / "graph.py").open("a") as file:
        file.write("# a remark\n")
    write_pages(folder)
    assert renders == []


def remarks(view: AtlasView) -> Iterator[tuple[str, str]]:
    yield "remarks/index.html", "<p>Remarks.</p>"
    yield "remarks/data.json", "{}"


def test_another_kind_of_page_is_added_and_removed_with_all_its_files(
    folder: Path, renders: list[Path]
) -> None:
    before = contents(folder)
    pages = (*PAGES, Page("remarks", remarks))
    count = write_pages(folder, pages=pages)
    assert renders == [folder]
    assert (folder / "remarks" / "data.json").read_text() == "{}"
    assert write_pages(folder, pages=pages) == count and renders == [folder]
    assert write_pages(folder) == count - 2
    assert contents(folder) == before


def test_two_kinds_of_pages_can_not_write_one_file(folder: Path) -> None:
    with pytest.raises(AtlasError, match=r"two kinds of pages write remarks/index\.html"):
        write_pages(folder, pages=(*PAGES, Page("one", remarks), Page("two", remarks)))


def test_what_was_stopped_is_rendered_again(
    folder: Path, renders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pages(folder, info=SiteInfo(title="Other"))
    wanted = contents(folder)
    write_pages(folder)
    renew, count = writing.renew, 0

    def stop(path: Path, content: str | bytes) -> None:
        nonlocal count
        count += 1
        if count == 60:
            raise KeyboardInterrupt
        renew(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(writing, "renew", stop)
        with pytest.raises(KeyboardInterrupt):
            write_pages(folder, info=SiteInfo(title="Other"))
    for info in (SiteInfo(title="Other"), SiteInfo()):
        renders.clear()
        write_pages(folder, info=info)
        assert renders == [folder]
    write_pages(folder, info=SiteInfo(title="Other"))
    assert contents(folder) == wanted


def test_several_processes_write_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(folder)
    for file in json.loads(before[".pages.json"])["files"]:
        (folder / file).unlink()
    asked: list[int] = []
    monkeypatch.setattr(writing, "processes", lambda items: asked.append(items) or 3)
    count = write_pages(folder)
    assert asked and contents(folder) == before
    assert count == len(json.loads(before[".pages.json"])["files"])
