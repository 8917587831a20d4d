"""An atlas of a large network for a host with little room."""

from dataclasses import replace
from pathlib import Path

import pytest

import atlas
from atlas.commands import cli
from atlas.commands.projecting import size_of
from atlas.compute.stages import STAGES
from atlas.data.documents import read_atlas, read_layer
from atlas.data.plan import LayerPlan, Plan
from atlas.site.files import size
from atlas.site.pages import PAGES
from tests.support.once import Shared

DOCUMENTS = (
    "layer", "nine", "reconstructions", "connections", "contributions", "together", "examples",
    "concepts",
)  # fmt: skip
SHOWN = ["--limit", "60", "--workers", "0", "--layers", "conv2,conv4"]


def build(out: Path) -> None:
    assert cli.main([*SHOWN, "--lean", "--base-url", "https://a.b/", "--out", str(out)]) == 0


@pytest.fixture(scope="module")
def lean(shared: Shared) -> Path:
    return shared("lean", build) / "demo"  # every link of it was checked


def test_a_unit_is_its_page_its_plate_and_its_data(lean: Path) -> None:
    for name in read_atlas(lean).layers:
        layer = read_layer(lean, name)
        units = [str(unit.unit) for unit in layer.top]
        files = {path.relative_to(lean / name).as_posix() for path in (lean / name).rglob("*")}
        plates = {f"{unit.unit}.webp" for unit in layer.top if unit.nine}
        assert files == {f"{unit}.html" for unit in units} | plates | {
            "index.html", "figure.png", "figure.svg", "record.npz",
            *(f"{document}.json" for document in DOCUMENTS),
        }  # fmt: skip
    assert not (lean / "images").exists()


def test_patches_come_from_the_plate_and_evidence_is_told(lean: Path) -> None:
    layer = read_layer(lean, "conv4")
    unit = next(unit for unit in layer.top if len(unit.nine) == 9)
    page = (lean / "conv4" / f"{unit.unit}.html").read_text()
    assert page.count('<use href="#plate"/>') == 18 and page.count("<image") == 1
    assert "Can you trust these pictures?" in page and "nine.json" in page


def test_it_is_as_small_as_it_is_said_to_be(lean: Path) -> None:
    network = atlas.load_network("demo")
    layers = network.choose(("conv2", "conv4"))
    units = sum(layer.units for layer in layers)
    found = size(lean)
    assert found / units < 44_000  # conv2's boxes are small, and their plates without loss
    parts = tuple(LayerPlan(layer.units, layer.field.size) for layer in layers)
    full = Plan(parts, 60, network.preprocessing.crop)
    small = size_of(replace(full, lean=True), STAGES, PAGES)
    assert 0.6 < small / found < 1.7
    assert small < 0.5 * size_of(full, STAGES, PAGES)


def test_it_can_be_verified(lean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(lean / "conv4"), "--sample", "6", "--workers", "0"]) == 0
    assert "6 of 6" in capsys.readouterr().out


def test_a_large_atlas_is_told_what_lean_makes_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*SHOWN, "--units", "4", "--budget", "1", "--out", str(tmp_path)]) == 0
    assert "--lean makes it about" in capsys.readouterr().err
