"""Paths through the layers below, against loops, and against known correlations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from atlas.data.ranking import ranks
from atlas.experiments.wants.paths import (
    layers_below,
    mean,
    rank_correlations,
    seen,
)
from tests.support.networks import loaded


def loop_ranks(values: list[float]) -> list[float]:
    """One by one: how many are less, and half of those that are equal."""
    return [
        1 + sum(other < one for other in values) + (sum(other == one for other in values) - 1) / 2
        for one in values
    ]


def test_ranks_and_correlations_are_those_of_loops() -> None:
    dice = np.random.default_rng(0)
    one, other = dice.integers(0, 6, (4, 20)).astype(float), dice.normal(size=(3, 20))
    assert all(ranks(row).tolist() == loop_ranks(row.tolist()) for row in one)
    found = rank_correlations(one, other)
    for i, row in enumerate(one.tolist()):
        for j, col in enumerate(other.tolist()):
            a, b = np.array(loop_ranks(row)), np.array(loop_ranks(col))
            assert math.isclose(found[i, j], np.corrcoef(a, b)[0, 1], abs_tol=1e-12)
    try:
        from scipy import stats
    except ImportError:
        return
    assert math.isclose(found[0, 0], stats.spearmanr(one[0], other[0]).statistic, abs_tol=1e-12)


def test_constant_rows_have_no_correlation_and_means_leave_them_out() -> None:
    natural = np.array([[1.0, 2, 3, 4], [2.0, 3, 4, 5], [0.0, 0, 0, 0]])
    found = rank_correlations(np.array([[4.0, 3, 2, 1]]), natural)[0]
    assert np.isnan(rank_correlations(natural[2:], natural)).all()
    assert math.isclose(mean(found), -1) and math.isnan(mean(np.zeros(0)))


@pytest.mark.parametrize("name", ["conv1", "conv3", "scores"])
def test_what_is_seen_is_what_the_network_computes_there(name: str) -> None:
    network = loaded("demo")
    layer = network.layers[name]
    below = layers_below(network, layer)
    assert [one.id for one in below] == list(network.layers)[: list(network.layers).index(name)]
    dice = np.random.default_rng(3)
    stimuli = dice.integers(0, 256, (5, 128, 128, 3)).astype(np.uint8)
    rows, columns = layer.shape[1:]
    positions = [(0, 0), (rows - 1, 0), (rows // 2, columns // 2), (0, columns - 1), (rows // 3, 0)]
    units = [1, 5, 2, 0, 7]
    found = seen(network, layer, stimuli, units=units, positions=positions, below=below, slots=4)
    maps = {}
    for one, value in network.activations(network.inputs(stimuli), [layer, *below]):
        maps[one.id] = value.numpy(force=True)
    for place, (unit, (row, column)) in enumerate(zip(units, positions, strict=True)):
        expected = maps[name][place, unit, row, column]
        assert np.allclose(found.after[place], expected, atol=1e-5)
        if name == "conv3":  # 5x5 around twice the position, then 13x13 of conv1's
            total = np.zeros(network.layers["conv2"].units)
            for y in range(2 * row - 2, 2 * row + 5):
                for x in range(2 * column - 2, 2 * column + 5):
                    if 0 <= y < 26 and 0 <= x < 26:
                        total += maps["conv2"][place, :, y, x]
            assert np.allclose(found.below["conv2"][place], total / 49, atol=1e-5)
        if name == "scores":
            whole = maps["conv5"][place].mean((1, 2))
            assert np.allclose(found.below["conv5"][place], whole, atol=1e-5)
            assert math.isclose(found.before[place], found.after[place])
    assert torch.is_inference_mode_enabled() is False
