"""The stage that takes winners apart, against the demo network's own modules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import atlas
from atlas.compute.stages import contributions
from atlas.data.documents import CONTRIBUTIONS, read_layer
from atlas.data.records import Unit
from atlas.data.settings import Settings
from atlas.images.sources import DemoImages
from tests.support.computing import computed

SETTINGS = Settings(layers=("conv1", "conv2", "scores"), units=3, workers=0, evidence="none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("contributions")
    computed(atlas.load_network("demo"), DemoImages(40), place, SETTINGS)
    return place / "atlas"


def below(unit: Unit, name: str) -> np.ndarray:
    """The mean contribution of each channel to a unit of conv2: its window times its filter."""
    network, images = atlas.load_network("demo"), DemoImages(40)
    modules = dict(network.module.named_modules())
    convolution = modules[network.layers[name].module]
    total = np.zeros(convolution.weight.shape[1])
    for winner in unit.nine:
        stimulus = network.preprocessing.stimulus(images[winner.image])
        read: list[torch.Tensor] = []
        hook = convolution.register_forward_pre_hook(
            lambda _, args, read=read: read.append(args[0])  # type: ignore[misc]
        )
        with torch.no_grad():
            network.module(network.inputs(stimulus[None]))
        hook.remove()
        kernel, padding = convolution.kernel_size, convolution.padding
        windows = F.unfold(read[0].double(), kernel, 1, padding, convolution.stride)[0]
        across = network.layers[name].shape[2]
        window = windows[:, winner.position[0] * across + winner.position[1]]
        each = window * convolution.weight[unit.unit].detach().double().flatten()
        total += each.view(len(total), -1).sum(1).numpy()
    return total / len(unit.nine)


def test_means_are_over_the_nine_and_the_strongest_are_named(folder: Path) -> None:
    units = read_layer(folder, "conv2").top
    assert len(units) == 3
    for unit in units:
        if not unit.nine:
            assert unit.sums is None
            continue
        assert unit.sums
        expected = below(unit, "conv2")
        order = np.argsort(-np.abs(expected))[: contributions.STRONGEST]
        least = int(expected.argmin())  # what takes away most is named in any case
        if expected[least] < 0 and least not in order:
            order = np.append(order, least)
        assert [(name, number) for name, number, *_ in unit.sums.feeders] == [
            ("conv1", int(number)) for number in order
        ]
        found = [amount for _, _, amount, _ in unit.sums.feeders]
        np.testing.assert_allclose(found, expected[order], rtol=1e-4)
        assert unit.sums.others == pytest.approx(expected.sum() - sum(found), rel=1e-3, abs=1e-4)


def test_parts_add_up_and_are_the_activation_where_it_is_rectified(folder: Path) -> None:
    for name in SETTINGS.layers:
        for unit in read_layer(folder, name).top:
            if unit.sums:
                sums = unit.sums
                parts = sum(amount for _, _, amount, _ in sums.feeders) + sums.others
                assert parts + sums.rest + sums.bias == pytest.approx(sums.whole, rel=1e-5)
                mean = sum(winner.value for winner in unit.nine) / len(unit.nine)
                assert sums.whole == pytest.approx(mean, rel=1e-4)


@pytest.mark.slow
def test_neither_the_order_of_images_nor_what_is_shown_beside_counts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reverse = contributions.slot_by_slot
    monkeypatch.setattr(contributions, "slot_by_slot", lambda *a: reverse(*a)[::-1])
    monkeypatch.setattr("atlas.networks.contributions.NUMBERS", 1)
    computed(atlas.load_network("demo"), DemoImages(40), tmp_path, SETTINGS)
    for name in SETTINGS.layers:
        other = CONTRIBUTIONS.path(tmp_path / "atlas", name)
        assert other.read_bytes() == CONTRIBUTIONS.path(folder, name).read_bytes()
