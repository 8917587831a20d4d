"""An analysis and its page from outside the package: one stage and one function."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from atlas.commands.build import build
from atlas.commands.cli import COMMANDS
from atlas.commands.parser import given, parsed
from atlas.compute.stage import Stage
from atlas.compute.stages import stages_of
from atlas.data.documents import NINE, Document
from atlas.data.settings import Settings
from atlas.site.pages import PAGES, Page
from tests.support.sites import FEW

if TYPE_CHECKING:
    from atlas.compute.run import Run
    from atlas.site.render.view import AtlasView

FAVOURITES = Document("favourites", dict[str, int])


def count(run: Run) -> None:
    """How often each image is among a layer's nine."""
    if not run.leads:
        return
    for layer in run.network.choose(run.settings.layer_globs):
        images = [w.image for unit in run.read(NINE, layer.id).units for w in unit.nine]
        counts = {str(image): images.count(image) for image in sorted(set(images))}
        run.write(FAVOURITES, counts, layer.id)


STAGE = Stage("favourites", count, (FAVOURITES,), ("nine",), ("network",), ("layers",))


def favourites(view: AtlasView) -> Iterator[tuple[str, str]]:
    """A page that lists every layer's favourite image."""
    rows = []
    for name in view.layers:
        counts = view.document(FAVOURITES, name)
        best = max(counts, key=lambda image: (counts[image], -int(image)))
        rows.append(f'<li><a href="{name}/index.html">{name}</a>: image {best}, quokka</li>')
    text = f"<!doctype html><title>Favourites</title><main><ul>{''.join(rows)}</ul></main>"
    yield "favourites.html", text


PAGE = Page("favourites", favourites, title="Favourite images", address="favourites.html")


def test_a_stage_and_a_page_from_outside_join_a_finished_atlas(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site"
    shutil.copytree(few, out)
    settings = Settings(**given(parsed(COMMANDS, FEW)), out=out)
    before = {path: path.read_bytes() for path in (out / "small").rglob("*.webp")}

    ran = build(settings, stages=(*stages_of(settings), STAGE), pages=(*PAGES, PAGE))
    assert ran == ["favourites"]  # and nothing else
    assert {path: path.read_bytes() for path in (out / "small").rglob("*.webp")} == before

    folder = out / "small"
    said = json.loads((folder / "conv2" / "favourites.json").read_text())
    assert said.pop("schema") == 1 and sum(said.values()) > 9
    # linked from the atlas's page, listed among the addresses, found by the search, counted
    assert '<a href="favourites.html">Favourite images</a>' in (folder / "index.html").read_text()
    assert "favourites.html" in (folder / "addresses.txt").read_text().splitlines()
    index = (out / "search.js").read_text()
    assert "Favourite images" in index and "small/favourites.html" in index and "quokka" in index
    printed = capsys.readouterr().out
    pages = int(re.search(r"([\d,]+) pages", printed)[1].replace(",", ""))  # type: ignore[index]
    capsys.readouterr()
    assert build(settings, stages=(*stages_of(settings), STAGE), pages=(*PAGES, PAGE)) == []
    assert f"{pages:,} pages" in capsys.readouterr().out

    # without the stage and the page: its data go, its address says so, all else is as it was
    assert build(settings) == []
    assert not (folder / "conv2" / "favourites.json").exists()
    assert f"{pages - 1:,} pages" in capsys.readouterr().out
    assert "favourites" in html.unescape((folder / "favourites.html").read_text())
    assert "quokka" not in (out / "search.js").read_text()


def test_a_page_from_outside_is_checked_like_any_other(few: Path, tmp_path: Path) -> None:
    from atlas.errors import AtlasError

    out = tmp_path / "site"
    shutil.copytree(few, out)
    settings = Settings(**given(parsed(COMMANDS, FEW)), out=out)
    home = (out / "index.html").read_bytes()

    def broken(view: AtlasView) -> Iterator[tuple[str, str]]:
        yield "broken.html", '<main><a href="nowhere.html">x</a></main>'

    page = replace(PAGE, files=broken, address="broken.html")
    with pytest.raises(AtlasError, match=r"broken.html links to nowhere.html"):
        build(settings, stages=stages_of(settings), pages=(*PAGES, page))
    assert not (out / "small" / "broken.html").exists()
    assert (out / "index.html").read_bytes() == home
