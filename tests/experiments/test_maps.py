"""The maps of the demo network, against its own modules and the plain pixels of its images."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import atlas
from atlas.compute.engine import compute
from atlas.compute.facts import describe
from atlas.compute.ledger import read_ledger
from atlas.compute.record_files import read_record
from atlas.compute.run import Run
from atlas.compute.stages import STAGES
from atlas.compute.stages.experiments import maps
from atlas.data.experiments.maps import IMAGES_SHEET, MAPS, Maps, beside, sheet_file
from atlas.data.levels import LEVELS
from atlas.data.settings import Settings
from atlas.drawing import sheets
from atlas.experiments.features import features_of
from atlas.images.sources import DemoImages
from atlas.site.render.base import Renderer
from atlas.site.render.experiments import maps as pages
from atlas.site.render.view import AtlasView
from tests.support.networks import loaded

COUNT = 72
SETTINGS = Settings(layers=("conv1",), units=14, workers=0, limit=COUNT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("maps")
    parts = place / "atlas", place / "scratch"
    for part in parts:
        part.mkdir()
    network, images = atlas.load_network("demo"), DemoImages(COUNT)
    run = Run.begin(network, images, SETTINGS, folder=parts[0], scratch=parts[1])
    compute(run, (*STAGES, maps.STAGE))
    describe(parts[0], SETTINGS, read_ledger(*parts), slots=run.slots, date=None)
    return parts[0]


@pytest.fixture(scope="module")
def found(folder: Path) -> Maps:
    result = MAPS.read(folder).result
    assert result
    return result


def taken(network: atlas.Network, images: DemoImages, some: list[int]) -> np.ndarray:
    """What the demo's last pooling makes of images."""
    kept: list[torch.Tensor] = []
    hook = network.module.get_submodule("average").register_forward_hook(
        lambda _, __, value: kept.append(value)
    )
    with torch.no_grad():
        for index in some:
            stimulus = network.preprocessing.stimulus(images[index])
            network.module(network.inputs(stimulus[None]))
    hook.remove()
    return torch.cat(kept).flatten(1).numpy()


def test_features_are_what_the_scores_are_made_of() -> None:
    network, images = atlas.load_network("demo"), DemoImages(3)
    features = features_of(network)
    assert features.source == "conv5"
    stimuli = np.stack([network.preprocessing.stimulus(images[i]) for i in range(3)])
    for node, values in network.graph.run(network.inputs(stimuli)):
        if node is features.node:
            np.testing.assert_allclose(
                features.of(values[node]), taken(network, images, [0, 1, 2]), rtol=1e-4, atol=1e-5
            )
            return
    raise AssertionError("the node is no part of the graph")


@pytest.mark.parametrize(("name", "source"), [
    ("alexnet", "classifier.4"), ("squeezenet1_1", "features.11"), ("resnet18", "layer3.0"),
])  # fmt: skip
def test_features_of_other_networks(name: str, source: str) -> None:
    network = loaded(name, crop=(96, 96))
    features = features_of(network)
    if name == "alexnet":
        assert network.layers[features.source].module == source
    else:
        assert features.source == source


def test_every_image_and_unit_has_a_cell_of_its_own(found: Maps) -> None:
    assert len(found.images.images) == COUNT
    (units,) = found.layers
    for grid, cells in (
        (found.images.grid, [one.cell for one in found.images.images]),
        (units.grid, [one.cell for one in units.units]),
    ):
        assert len(set(cells)) == len(cells)
        last = grid[0] * grid[1] - len(cells)
        assert {n for n in range(grid[0] * grid[1])} - {r * grid[1] + c for r, c in cells} == {
            grid[0] * grid[1] - 1 - n for n in range(last)
        }


def test_the_nearest_by_the_features_is_of_the_same_class(found: Maps) -> None:
    network, images = atlas.load_network("demo"), DemoImages(COUNT)
    features = taken(network, images, list(range(COUNT)))
    alike = 0
    for one in range(COUNT):
        distances = np.linalg.norm(features - features[one], axis=1)
        distances[one] = np.inf
        alike += images.label(one) == images.label(int(distances.argmin()))
    assert found.images.kin == pytest.approx(alike / COUNT, abs=1e-4)


def test_units_beside_each_other_correlate_as_said(found: Maps, folder: Path) -> None:
    """By the levels of activation: sketches come close to their correlations."""
    (mapped,) = found.layers
    record = read_record(folder, "conv1")
    mean = record.counts @ np.arange(LEVELS) / record.images
    centred = record.sketch - mean[:, None] * record.signs
    by_unit = {one.cell: one.unit for one in mapped.units}

    def correlation(one: int, other: int) -> float:
        lengths = np.linalg.norm(centred[one]) * np.linalg.norm(centred[other])
        return float(centred[one] @ centred[other] / lengths)

    pairs = [correlation(*pair) for pair in beside(by_unit)]
    assert mapped.beside == pytest.approx(np.mean(pairs), abs=1e-4)
    units = list(by_unit.values())
    of_any = [correlation(one, other) for one in units for other in units if one != other]
    assert mapped.any == pytest.approx(np.mean(of_any), abs=1e-4)
    assert mapped.beside > mapped.any


def test_an_image_stands_in_its_cell(found: Maps, folder: Path) -> None:
    network, images = atlas.load_network("demo"), DemoImages(COUNT)
    with Image.open(folder / IMAGES_SHEET) as file:
        sheet = np.asarray(file.convert("RGB")).astype(float)
    tile = found.images.tile
    assert sheet.shape == (found.images.grid[0] * tile, found.images.grid[1] * tile, 3)
    stimuli = [network.preprocessing.stimulus(images[i]).astype(float) for i in range(COUNT)]
    small = np.array(
        [one.reshape(tile, 128 // tile, tile, 128 // tile, 3).mean((1, 3)) for one in stimuli]
    )
    for one in found.images.images:
        row, column = one.cell
        drawn = sheet[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
        assert np.abs(drawn - small).mean((1, 2, 3)).argmin() == one.image
    assert (folder / sheet_file("conv1")).is_file()


def test_images_are_spread_over_classes() -> None:
    labels = ["a"] * 10 + ["b"] * 2 + ["c"] * 5
    assert maps.chosen(labels, 6) == [0, 1, 10, 11, 12, 13]
    assert maps.chosen(labels, 9) == [0, 1, 2, 3, 10, 11, 12, 13, 14]
    assert maps.chosen([None] * 4, 9) == [0, 1, 2, 3]


def test_a_sheet_keeps_within_its_limit() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (9, 32, 32, 3), np.uint8)
    cells = [divmod(n, 3) for n in range(9)]
    fine = sheets.sheet(list(noise), cells, grid=(3, 3), limit=10**6)
    tight = sheets.sheet(list(noise), cells, grid=(3, 3), limit=len(fine) * 2 // 3)
    assert len(tight) <= len(fine) * 2 // 3
    framed = sheets.framed(noise[0], 4)
    with Image.open(io.BytesIO(sheets.sheet([framed], [(0, 0)], grid=(1, 1), limit=1))) as one:
        assert one.size == (40, 40)
        assert one.convert("RGBA").getpixel((0, 0))[3] == 0


def test_what_the_page_says_follows_from_the_figures(found: Maps) -> None:
    same = pages.same_class(found.images)
    assert same
    at = {one.cell: one.label for one in found.images.images}
    pairs = [
        at[cell] == at[other]
        for cell in at
        for other in ((cell[0], cell[1] + 1), (cell[0] + 1, cell[1]))
        if other in at
    ]
    labels = list(at.values())
    chance = np.mean([
        labels[one] == labels[other]
        for one in range(COUNT) for other in range(COUNT) if one != other
    ])  # fmt: skip
    assert same == pytest.approx((np.mean(pairs), chance))
    said = " ".join(pages.findings(found))
    assert f"in {100 * np.mean(pairs):.0f} % of the pairs, any two in {100 * chance:.0f} %" in said
    assert f"for {100 * (found.images.kin or 0):.0f} % of the images" in said
    assert f"correlate at {found.layers[0].beside:.2f}" in said


def test_the_pages_link_what_has_a_page(found: Maps, folder: Path) -> None:
    texts = dict(pages.files(AtlasView.read(folder, Renderer())))
    assert list(texts) == ["experiments/maps.html", "experiments/maps/conv1.html"]
    main, units = texts.values()
    assert main.count("<rect") == COUNT and 'href="maps/images.webp"' in main
    assert units.count("<rect") == len(found.layers[0].units)
    unit = found.layers[0].units[0].unit
    assert f'href="../../conv1/{unit}.html"' in units


def test_without_pixels_of_images_cells_have_colours(tmp_path: Path) -> None:
    settings = Settings(
        layers=("conv1",), units=2, workers=0, limit=24, evidence="none", images_policy="pointers"
    )
    parts = tmp_path / "atlas", tmp_path / "scratch"
    for part in parts:
        part.mkdir()
    run = Run.begin(
        atlas.load_network("demo"), DemoImages(24), settings, folder=parts[0], scratch=parts[1]
    )
    compute(run, (*STAGES, maps.STAGE))
    describe(parts[0], settings, read_ledger(*parts), slots=run.slots, date=None)
    assert not (parts[0] / IMAGES_SHEET).exists()
    texts = dict(pages.files(AtlasView.read(parts[0], Renderer())))
    assert list(texts) == ["experiments/maps.html"]  # units are mapped by statistics
    assert "<image" not in texts["experiments/maps.html"]
    assert texts["experiments/maps.html"].count(' class="k') == 24
    # one image of each class: nothing can be said of neighbours
    assert "24 images lie on the map." in texts["experiments/maps.html"]
    assert "statistics of all images" in texts["experiments/maps.html"]
