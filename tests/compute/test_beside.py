"""Other rules beside the first: which, what they draw, how they fare, whoever computes it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

import atlas
from atlas.compute import verify_rules
from atlas.compute.beside import rules_of
from atlas.compute.stages import close_ups, layers, nine, reconstructions, rules, scan
from atlas.data.addresses import rule_file
from atlas.data.beside import RULES_BESIDE
from atlas.data.documents import NINE, RECONSTRUCTIONS
from atlas.data.geometry import Box
from atlas.data.settings import Settings
from atlas.drawing import pixels
from atlas.networks.batching import Running
from tests.support.experiments import Photographs, as_ranks, contents, experimented, tiny

BEFORE = [module.STAGE for module in (scan, layers, nine, close_ups, reconstructions)]
AFTER = [*BEFORE, rules.STAGE]
OTHERS = ("guided", "lrp", "smooth")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beside")
    settings = Settings(workers=0, rule="deconvnet,guided", other_rules=("lrp", "smooth"))
    assert "rules" in experimented(folder, AFTER, settings=settings)
    return folder / "atlas"


def test_guided_comes_by_itself_where_no_image_enters_by_deconvnet() -> None:
    graph, found = tiny().graph, tiny().layers
    by_itself = {name: rules_of(graph, layer, "deconvnet", ()) for name, layer in found.items()}
    assert by_itself == {"conv1": (), "conv2": ("guided",), "fc1": ("guided",)}
    assert rules_of(graph, found["conv2"], "gradient", ()) == ()
    assert rules_of(graph, found["conv1"], "deconvnet", ("lrp",)) == ("lrp",)
    demo = atlas.load_network("demo")  # with max poolings
    assert {rules_of(demo.graph, one, "deconvnet", ()) for one in demo.layers.values()} == {()}


def test_it_fares_as_if_it_were_the_first(built: Path, tmp_path: Path) -> None:
    experimented(tmp_path, BEFORE, settings=Settings(workers=0, rule="guided"))
    for name in tiny().layers:
        first = RECONSTRUCTIONS.read(tmp_path / "atlas", name).units
        found = RULES_BESIDE.read(built, name)
        assert found.rules == OTHERS and found.asked
        for one in first:
            own = found.of(one.unit)
            assert own is not None and (one.evidence is None) == (not own.evidence)
            for measure, figures in (one.evidence or {}).items():
                wanted = [np.nan if figure is None else figure for figure in figures]
                again = own.evidence["guided"][measure]
                given = [np.nan if figure is None else figure for figure in again]
                np.testing.assert_allclose(given, wanted, atol=2e-3, err_msg=measure)


@pytest.mark.parametrize("rule", OTHERS)
def test_a_sheet_shows_the_nine_by_the_rule(built: Path, rule: str) -> None:
    network, photographs = tiny(), Photographs()
    unit = next(one for one in NINE.read(built, "conv1").units if len(one.nine) == 9)
    with Image.open(built / rule_file("conv1", unit.unit, rule)) as picture:
        sheet = np.asarray(picture.convert("RGB"))
    side = sheet.shape[0] // 3
    for rank, winner in enumerate(unit.nine):
        down = atlas.reconstruct(
            network, photographs.pixels[winner.image], "conv1", unit.unit, winner.position, rule
        )
        wanted = pixels.reconstruction(
            down.numpy(), std=network.preprocessing.std, box=Box(*winner.box), size=(side, side)
        )
        row, column = divmod(rank, 3)
        part = sheet[row * side : (row + 1) * side, column * side : (column + 1) * side]
        assert np.abs(part.astype(int) - wanted).max() <= 1  # boxes so small have no loss


def test_no_sheet_holds_the_image_where_it_may_not_be_shown(tmp_path: Path) -> None:
    settings = Settings(workers=0, other_rules=("gradient", "smooth"), images_policy="pointers")
    experimented(tmp_path, AFTER, settings=settings)
    drawn = {path.parent.name for path in (tmp_path / "atlas").glob("*/rules/*/*.webp")}
    assert drawn == {"gradient"}
    assert "smooth" in RULES_BESIDE.read(tmp_path / "atlas", "conv2").units[0].evidence


def test_two_ranks_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    settings = Settings(workers=0, other_rules=OTHERS)
    as_ranks(2, lambda ranks: experimented(tmp_path, AFTER, settings=settings, ranks=ranks))
    there, here = contents(tmp_path / "atlas"), contents(built)
    names = [name for name in here if "rules" in name]
    assert len(names) > 30 and all(there[name] == here[name] for name in names)


def test_verifying_finds_them_again_and_what_was_changed(built: Path) -> None:
    facts: Any = SimpleNamespace(
        settings={"evidence": "all"}, pictures=True, keeps=lambda part: part == "rules"
    )
    chosen = {"conv2": [unit.unit for unit in RULES_BESIDE.read(built, "conv2").units]}

    def differences() -> dict[tuple[str, int], list[str]]:
        found = verify_rules.differences(
            built, facts, chosen, tiny(), Photographs(), running=Running(16)
        )
        return {key: differs for key, differs in found.items() if differs}

    assert differences() == {}
    path = RULES_BESIDE.path(built, "conv2")
    before = path.read_bytes()
    said = msgspec.json.decode(before)
    one = next(unit for unit in said["units"] if unit["evidence"])
    one["evidence"]["lrp"]["kept"][0] += 1.0
    path.write_bytes(msgspec.json.encode(said))
    try:
        ((unit, (differs,)),) = differences().items()
    finally:
        path.write_bytes(before)
    assert unit == ("conv2", one["unit"]) and differs.startswith("kept by lrp: ")
    sheet = built / rule_file("conv2", one["unit"], "guided")
    picture = sheet.read_bytes()
    sheet.write_bytes((built / rule_file("conv2", one["unit"], "smooth")).read_bytes())
    try:
        ((unit, unlike),) = differences().items()
        sheet.unlink()
        ((_, gone),) = differences().items()
    finally:
        sheet.write_bytes(picture)
    assert unit == ("conv2", one["unit"]) and len(unlike) >= 5
    assert all(said.startswith("the reconstruction of no. ") for said in unlike)
    assert gone == ["there is no sheet by guided"]
