"""A small atlas with close-ups, with the paper's crops, and with whatever suits each layer."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import atlas
from atlas.compute import verify as verifying
from atlas.compute.engine import compute
from atlas.compute.run import Run
from atlas.compute.stages import STAGES
from atlas.data import addresses
from atlas.data.documents import CLOSE_UPS, RECONSTRUCTIONS, encoded, read_layer
from atlas.data.extras import NAMES as EXTRAS
from atlas.data.geometry import Box
from atlas.data.records import LayerData, Unit, Winner
from atlas.data.settings import Settings
from atlas.drawing import pixels
from atlas.images.sources import DemoImages
from tests.support.computing import computed
from tests.support.once import Shared

LAYERS = ("conv2", "conv4", "scores")
SIZES = {"conv2": 27, "conv4": 67, "scores": 128}  # nominal sides, of an input of 128
IMAGES = DemoImages(24)
FRAME = (128, 128)
SHOWN = ("images", "sharp", "trials", "strips")
SPARE = tuple(name for name in EXTRAS if name not in SHOWN)


def settings(tiles: str) -> Settings:
    return Settings(layers=LAYERS, units=3, tiles=tiles, without=SPARE, live="off", workers=0)


@pytest.fixture(scope="module", params=["auto", "nominal", "close"])
def built(request: pytest.FixtureRequest, shared: Shared) -> tuple[str, Path]:
    tiles: str = request.param

    def build(folder: Path) -> None:
        facts = computed(atlas.load_network("demo"), IMAGES, folder, settings(tiles))
        (folder / "atlas" / "atlas.json").write_bytes(encoded(facts))

    return tiles, shared(f"tiles-{tiles}", build) / "atlas"


def winners(layer: LayerData) -> list[tuple[Unit, int, Winner]]:
    return [(unit, rank, one) for unit in layer.top for rank, one in enumerate(unit.nine)]


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two tiles' colours, in 12 by 12 parts."""
    small = [
        np.asarray(tile.resize((12, 12), Image.Resampling.BOX), float) for tile in (one, other)
    ]
    return float(np.abs(small[0] - small[1]).mean())


def test_the_layers_that_have_close_ups(built: tuple[str, Path]) -> None:
    tiles, folder = built
    wanted = {"auto": {"scores"}, "nominal": set(), "close": {"conv4", "scores"}}[tiles]
    for name in LAYERS:
        layer = read_layer(folder, name)
        assert layer.receptive_field.size == (SIZES[name], SIZES[name])
        assert layer.close_up == (SIZES[name] if name in wanted else None)
        assert CLOSE_UPS.path(folder, name).is_file() == (name in wanted)
        found = [one.close_box for _, _, one in winners(layer)]
        assert any(found) == (name in wanted)


def test_close_ups_lie_where_the_energy_of_reconstructions_lies(built: tuple[str, Path]) -> None:
    """Against whole reconstructions, by the definition in docs/methods.md."""
    _, folder = built
    network = atlas.load_network("demo")
    for name in LAYERS:
        layer = read_layer(folder, name)
        if not layer.close_up:
            continue
        for unit in (one for one in layer.top if one.nine):
            sides, middles = [], []
            for one in unit.nine:
                stimulus = network.preprocessing.stimulus(IMAGES[one.image])
                whole = atlas.reconstruct(network, stimulus, name, unit.unit, one.position)
                energy = (whole.double() ** 2).sum(0).numpy()
                ends = []
                for axis in (1, 0):
                    before = np.cumsum(energy.sum(axis)) / energy.sum()
                    ends.append((int((before <= 0.03).sum()), int((before < 0.97).sum()) + 1))
                sides.append(max(end - start for start, end in ends))
                middles.append([(start + end) / 2 for start, end in ends])
            some = [sides[0], sides[len(sides) // 2], sides[-1]]
            side = min(max(33, int(np.ceil(1.5 * np.median(some)))), SIZES[name])
            boxes = [one.close_box for one in unit.nine]
            if side == SIZES[name]:
                assert set(boxes) == {None}
                continue
            for box, middle in zip(boxes, middles, strict=True):
                assert box is not None
                starts = [min(max(int(np.floor(m - side / 2)), 0), 128 - side) for m in middle]
                assert box == (starts[0], starts[1], starts[0] + side, starts[1] + side)


def test_plates_show_the_boxes_that_the_data_say(built: tuple[str, Path]) -> None:
    tiles, folder = built
    network = atlas.load_network("demo")
    for name in LAYERS:
        layer = read_layer(folder, name)
        tile = layer.plate.tile
        for unit, rank, one in winners(layer):
            assert tiles != "nominal" or one.shown == one.box
            stimulus = network.preprocessing.stimulus(IMAGES[one.image])
            patch = Image.fromarray(pixels.patch(stimulus, Box(*one.shown), tile))
            path = folder / addresses.plate_file(name, unit.unit)
            with Image.open(path) as plate:
                top, left = layer.plate.place(rank, patch=True)
                own = plate.convert("RGB").crop((left, top, left + tile[1], top + tile[0]))
            assert difference(own, patch) < 6  # compression leaves coarse colours alone
            if one.close_box:
                whole = Image.fromarray(pixels.patch(stimulus, Box(*one.box), tile))
                assert difference(own, patch) < difference(own, whole)
            with Image.open(folder / addresses.tried_file(name, unit.unit)) as tried:
                height, width = pixels.small_plate_of(layer.shown).size
                assert tried.size == (width, height)


def test_samples_beyond_the_nine_are_as_large(built: tuple[str, Path]) -> None:
    _, folder = built
    for name in LAYERS:
        for unit in read_layer(folder, name).top:
            sides = {one.shown[2] - one.shown[0] for one in unit.nine}
            for sample in unit.spectrum:
                if sample.winner and unit.nine:
                    top, left, bottom, right = sample.winner.shown
                    assert {bottom - top, right - left} == sides
                    if sample.winner.close_box:
                        assert 0 <= top < bottom <= 128 and 0 <= left < right <= 128


def test_close_ups_are_verified(built: tuple[str, Path], tmp_path: Path) -> None:
    tiles, folder = built
    network = atlas.load_network("demo")
    copy = Path(shutil.copytree(folder, tmp_path / "atlas"))
    chosen = {"scores": [unit.unit for unit in read_layer(copy, "scores").top if unit.nine]}
    verdicts = list(verifying.verify(copy, chosen, network, IMAGES))
    assert [one.differs for one in verdicts] == [()] * len(verdicts) and verdicts
    if tiles == "nominal":
        return
    path = RECONSTRUCTIONS.path(copy, "scores")
    said = json.loads(path.read_text())
    row = next(row for row, unit in enumerate(said["units"]) if unit["close_ups"])
    top, left, bottom, right = said["units"][row]["close_ups"][0]
    away = 9 if left < 40 else -9
    said["units"][row]["close_ups"][0] = [top, left + away, bottom, right + away]
    path.write_text(json.dumps(said))
    verdicts = list(verifying.verify(copy, chosen, network, IMAGES))
    wrong = next(one for one in verdicts if one.differs)
    assert wrong.unit == said["units"][row]["unit"] and "the close-up of no. 1" in wrong.differs


@pytest.mark.slow
def test_other_tiles_take_no_other_scan(tmp_path: Path) -> None:
    network = atlas.load_network("demo")
    ran = []
    for tiles in ("close", "nominal", "close"):
        parts = {"folder": tmp_path / "atlas", "scratch": tmp_path / "scratch"}
        run = Run.begin(network, IMAGES, settings(tiles), **parts)
        for part in (run.folder, run.scratch):
            part.mkdir(exist_ok=True)
        ran.append(compute(run, STAGES, report=lambda _: None))
        assert CLOSE_UPS.path(run.folder, "scores").is_file() == (tiles == "close")
    assert "scan" in ran[0] and not {"scan", "nine", "concepts"} & {*ran[1], *ran[2]}
    assert {"layers", "close_ups", "reconstructions"} <= {*ran[1]} & {*ran[2]}
