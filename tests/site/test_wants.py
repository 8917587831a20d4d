"""What units want, on units' and layers' pages."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from atlas.commands import cli
from atlas.data.wants import PIXELS, WANTS, LayerWants, Made, UnitWants, made_file
from atlas.site.render import wants as rendering
from tests.support.once import Shared


@pytest.fixture(scope="module")
def site(shared: Shared) -> Path:
    """A small atlas of the demo with what two units of two layers want."""

    def build(folder: Path) -> None:
        words = ["--limit", "24", "--units", "2", "--layers", "conv1,conv2", "--workers", "0",
                 "--wants", "all", "--wants-more", "pixels", "--experiments", "none",
                 "--evidence", "none", "--live", "off",
                 "--name", "small", "--out", str(folder / "site")]  # fmt: skip
        assert cli.main(words) == 0

    return shared("wants", build) / "site" / "small"


def test_a_units_page_shows_what_was_made_and_says_that_it_was(site: Path) -> None:
    for layer in ("conv1", "conv2"):
        wants = WANTS.read(site, layer)
        assert len(wants.units) == 2
        for one in wants.units:
            page = (site / layer / f"{one.unit}.html").read_text()
            part = page[page.index('id="wants"') :].partition("</section>")[0]
            assert "Made, not found" in part and "how-to-read.html#wants" in part
            shown = re.findall(r'<img src="([^"]+)" width="(\d+)" height="(\d+)" alt="[^"]+"', part)
            assert len(shown) == 2
            for source, width, height in shown:
                with Image.open(site / layer / source) as image:
                    assert image.size == (int(width), int(height)) == wants.size[::-1]
            if one.natural:
                assert f"{one.made[0].reached / one.natural:.1f} × the strongest image" in part
            assert ("rank correlation" in part) == (layer == "conv2")
            assert f"seed {one.seed}" in part


def test_a_layers_page_has_all_of_them_and_the_table_of_paths(site: Path) -> None:
    for layer in ("conv1", "conv2"):
        wants = WANTS.read(site, layer)
        page = (site / layer / "index.html").read_text()
        part = page[page.index('id="wants"') :].partition("</section>")[0]
        assert re.findall(r'<a href="(\d+)\.html">', part) == [str(u.unit) for u in wants.units]
        rows = re.findall(
            r'<th scope="row">(\S+)</th><td>(\S+)</td><td>(\S+)</td><td>(\S+)</td>', part
        )
        assert rows == [
            (one.layer, *map(rendering._figure, (one.made, one.natural, one.chance)))
            for one in wants.below
        ]


def test_an_atlas_without_has_neither(few: Path) -> None:
    page = next(few.glob("*/conv2/[0-9]*.html")).read_text()
    assert 'id="wants"' not in page
    assert 'id="wants"' not in next(few.glob("*/conv2/index.html")).read_text()


def test_verify_computes_what_pictures_reach(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "small"
    shutil.copytree(site, copy)
    one, other = (unit.unit for unit in WANTS.read(copy, "conv2").units[:2])
    assert cli.main(["verify", str(copy / "conv2"), "--workers", "0"]) == 0
    files = [copy / made_file("conv2", unit, "fourier") for unit in (one, other)]
    shutil.copy(files[1], files[0])
    (copy / made_file("conv2", other, PIXELS)).unlink()
    capfd.readouterr()
    assert cli.main(["verify", str(copy / "conv2"), "--workers", "0"]) == 1
    said = "".join(capfd.readouterr())
    assert f"conv2/{one}: the fourier picture reaches" in said
    assert f"conv2/{other}: the pixels picture isn" in said


def unit(natural: float, reached: float, path: float | None = 0.5) -> UnitWants:
    return UnitWants(3, 7, natural, 0.7, 0.4, (Made("fourier", max(reached, 0), reached, path),))


def test_sentences_say_what_was_reached() -> None:
    assert "This picture excites the unit:" in rendering._lead(unit(2.0, 3.0))
    assert "less than an image does" in rendering._lead(unit(2.0, 1.0))
    assert "and this picture does" in rendering._lead(unit(0.0, 1.0))
    assert "nor does this picture" in rendering._lead(unit(0.0, -1.0))
    assert rendering._path(unit(2.0, 3.0, 0.5)).startswith("It takes another path")
    assert rendering._path(unit(2.0, 3.0, 0.6)).startswith("It takes about the path")
    assert rendering._path(unit(2.0, 3.0, None)) == ""
    negative = Made("negative", 0.0, -4.5, None)
    assert rendering._said(unit(2.0, 3.0), negative) == "−4.50 before the rectification"
    assert unit(2.0, 3.0).share == 1.5 and unit(0.0, 3.0).share is None
    layer = LayerWants((1, 1), (0, 0, 7, 7), (9, 9), 64, ("fourier",),
                       (unit(2.0, 3.0), unit(2.0, 1.0), unit(0.0, 1.0)), ())  # fmt: skip
    said = rendering._layer_lead(layer)
    assert "1 of 2 excite their unit at least" in said and "Of 1 that no image excites, 1" in said
