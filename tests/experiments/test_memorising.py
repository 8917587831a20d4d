"""A network beside another: planted ones, whose likeness is known, and the page's figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs
from torch import nn

import atlas
from atlas.compute.engine import compute
from atlas.compute.facts import describe
from atlas.compute.ledger import read_ledger
from atlas.compute.run import Run
from atlas.compute.stage import Stage
from atlas.compute.stages import STAGES
from atlas.compute.stages.experiments import memorising
from atlas.data.documents import NINE
from atlas.data.experiments.memorising import (
    MEMORISING,
    LayerLikeness,
    Likeness,
    Memorising,
    plate_file,
)
from atlas.data.experiments.outcomes import Outcome
from atlas.data.settings import Settings
from atlas.demo.files import WEIGHTS
from atlas.experiments import likeness
from atlas.images.sources import DemoImages
from atlas.site.render.base import Renderer
from atlas.site.render.experiments import memorising as pages
from atlas.site.render.view import AtlasView
from tests.support.networks import loaded

COUNT = 32
LAYERS = ("conv1", "conv2")
SETTINGS = Settings(layers=LAYERS, workers=0, limit=COUNT, evidence="none", units=6)
TRAINING = {
    "accuracy on the training images, by the labels given": 0.995,
    "accuracy on 2400 pictures of the test seed": 0.04,
    "training images": 2400,
    "epochs": 60,
    "command": "python -m atlas.demo.train --permuted",
}
ORDER = np.random.default_rng(0).permutation(48)


def permuted() -> atlas.Network:
    """The demo network with the units of its first layer in another order, and what reads them."""
    network = atlas.load_network("demo")
    order = torch.from_numpy(ORDER)
    one, two = (network.module.get_submodule(name) for name in LAYERS)
    assert isinstance(one, nn.Conv2d) and isinstance(two, nn.Conv2d) and one.bias is not None
    with torch.no_grad():
        one.weight.copy_(one.weight[order])
        one.bias.copy_(one.bias[order])
        two.weight.copy_(two.weight[:, order])
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("memorising")
    parts = place / "atlas", place / "scratch"
    for part in parts:
        part.mkdir()
    run = Run.begin(
        atlas.load_network("demo"), DemoImages(COUNT), SETTINGS, folder=parts[0], scratch=parts[1]
    )

    def beside(run: Run) -> None:
        result = memorising.compare(run, permuted(), TRAINING)
        assert result
        run.write(MEMORISING, Outcome(result))

    stage: Stage = replace(memorising.STAGE, run=beside)
    compute(run, (*STAGES, stage))
    describe(parts[0], SETTINGS, read_ledger(*parts), slots=run.slots, date=None)
    return parts[0]


@pytest.fixture(scope="module")
def found(folder: Path) -> Memorising:
    result = MEMORISING.read(folder).result
    assert result
    return result


def test_a_network_with_permuted_units_matches_exactly(found: Memorising) -> None:
    one, two = found.layers
    where = {int(unit): place for place, unit in enumerate(ORDER)}
    alive = [pair for pair in one.pairs if pair.correlation]
    assert len(alive) > 40
    for pair in alive:
        assert (pair.other, pair.correlation) == (where[pair.unit], pytest.approx(1))
    assert one.heart.cka == pytest.approx(1) and two.heart.cka == pytest.approx(1)
    assert all(pair.unit == pair.other for pair in two.pairs if pair.correlation)


def test_other_images_and_random_weights_are_less_alike(found: Memorising) -> None:
    for layer in found.layers:
        for less in (layer.shuffled, layer.untrained):
            assert less.matched < layer.heart.matched - 0.1
            assert 0 <= less.cka < layer.heart.cka


def test_figures_are_those_of_the_maps_by_hand(found: Memorising) -> None:
    """With an untrained network, from the modules' own outputs, observation by observation."""
    network, images = atlas.load_network("demo"), DemoImages(COUNT)
    random = atlas.load_network("demo", "none")
    kept: dict[int, list[np.ndarray]] = {0: [], 1: []}
    for index in range(COUNT):
        stimulus = network.inputs(network.preprocessing.stimulus(images[index])[None])
        for number, one in enumerate((network, random)):
            with torch.no_grad():
                maps = torch.relu(one.module.get_submodule("conv1")(stimulus))[0].numpy()
            side = maps.shape[1]
            places = [(2 * i + 1) * side // 16 for i in range(8)]
            kept[number].extend(maps[:, row, column] for row in places for column in places)
    x, y = np.array(kept[0], np.float64), np.array(kept[1], np.float64)
    varies = np.ix_(np.ptp(x, axis=0) > 0, np.ptp(y, axis=0) > 0)
    correlation = np.zeros((48, 48))
    correlation[varies] = np.corrcoef(x.T, y.T)[:48, 48:][varies] if varies[0].size else 0
    mean = np.mean([r for _, _, r in likeness.matched(np.nan_to_num(correlation))])
    assert found.layers[0].untrained.matched == pytest.approx(mean, abs=1e-3)
    x, y = x - x.mean(0), y - y.mean(0)
    gram = np.linalg.norm(x.T @ y) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)
    assert found.layers[0].untrained.cka == pytest.approx(gram, abs=1e-3)


def test_equal_networks_are_right_equally_often(found: Memorising) -> None:
    assert found.accuracies.network == found.accuracies.heart > 0.7
    assert found.accuracies.learnt == 0.995 and found.classes == 24


def test_plates_of_a_matched_unit_are_those_of_the_atlas(folder: Path, found: Memorising) -> None:
    """The permuted network's plate of a unit is the atlas's own of its match."""
    shown = found.layers[0].shown
    own = {one.unit for one in NINE.read(folder, "conv1").units}
    assert shown and {pair.unit for pair in shown} <= own
    for pair in shown:
        there = (folder / plate_file("conv1", pair.other)).read_bytes()
        assert there == (folder / f"conv1/{pair.unit}.webp").read_bytes()


def replace_learnt(result: Memorising, learnt: float) -> Memorising:
    return structs.replace(result, accuracies=structs.replace(result.accuracies, learnt=learnt))


def test_what_the_page_says_follows_from_the_figures(folder: Path, found: Memorising) -> None:
    first = found.layers[0]
    alike = sum(pair.correlation >= 0.5 for pair in first.pairs)
    said = " ".join(pages.findings(found))
    assert f"{first.heart.matched:.2f} on average" in said
    assert f"{alike} of {len(first.pairs)} have a match above 0.5" in said
    assert "gives 99.5 % of its training pictures" in said and "guessing finds 4.2 %" in said
    assert "less than" not in said
    short = replace_learnt(found, 0.6)
    assert "60 % of its training pictures the label that it was taught, less than" in " ".join(
        pages.findings(short)
    )
    assert np.mean([pair.correlation for pair in first.pairs]) == pytest.approx(
        first.heart.matched, abs=1e-3
    )
    view = AtlasView.read(folder, Renderer())
    ((address, text),) = pages.files(view)
    assert address == "experiments/memorising.html"
    for pair in first.shown:
        assert f"memorising/conv1-{pair.other}.webp" in text
        assert f"../conv1/{pair.unit}.html" in text


def test_that_cka_puts_it_farther_than_random_weights_is_said_where_it_does(
    found: Memorising,
) -> None:
    def said(*layers: tuple[str, float, float]) -> str:
        some = tuple(
            LayerLikeness(name, Likeness(0.1, heart), Likeness(0, 0), Likeness(0.1, random), ())
            for name, heart, random in layers
        )
        return " ".join(pages.findings(structs.replace(found, layers=some)))

    assert "CKA" not in said(("conv1", 0.8, 0.7), ("conv5", 0.4, 0.4))
    one = said(("conv1", 0.8, 0.7), ("conv3", 0.5, 0.6), ("conv5", 0.4, 0.4))
    assert "in 1 of 3 layers: 0.50 against 0.60 in conv3. " in one
    every = said(("conv1", 0.6, 0.7), ("conv3", 0.5, 0.6), ("scores", 0.05, 0.13))
    assert "in all 3 layers: 0.60 against 0.70 in conv1; 0.05 against 0.13 in scores. " in every


def test_only_the_demo_has_a_counterpart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "only the demo network" in memorising.why_not(loaded("alexnet", crop=(96, 96)))
    monkeypatch.setattr(memorising, "BY_HEART_WEIGHTS", tmp_path / "none.safetensors")
    assert "aren't there" in memorising.why_not(atlas.load_network("demo"))
    monkeypatch.setattr(memorising, "BY_HEART_WEIGHTS", WEIGHTS)
    monkeypatch.setattr(memorising, "RECORD", WEIGHTS.with_suffix(".json"))
    assert memorising.why_not(atlas.load_network("demo")) == ""
