"""What the page says of correspondence follows from the JSON alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from atlas.data.experiments.correspondence import (
    CORRESPONDENCE,
    Correspondence,
    Distances,
    Part,
    View,
)
from atlas.data.experiments.outcomes import Outcome
from atlas.site.render.experiments import correspondence

VIEWS = (View("conv1", False), View("conv5", False), View("scores", False), View("conv5", True))


def made(folder: Path) -> Correspondence:
    dice = np.random.default_rng(2)
    parts = []
    for number, concept in enumerate(("ear", "eye", "nose")):
        distances = tuple(
            Distances(
                tuple(dice.uniform(0.2, 0.3 + 0.1 * number, 6).round(4).tolist()),
                tuple(dice.uniform(0.2, 0.4, 6).round(4).tolist()),
            )
            for _ in VIEWS
        )
        parts.append(Part(concept, "dog", tuple(range(6)), 0.05, distances))
    result = Correspondence(VIEWS, (128, 128, 128), 4, 2, 4, (96, 96), tuple(parts))
    CORRESPONDENCE.write(folder, Outcome(result))
    assert CORRESPONDENCE.read(folder).result == result
    return result


def pairs_without(each: np.ndarray, left: int) -> float:
    """The mean over the pairs of 6 images without one of them, from each one's mean distance."""
    whole = each.sum() * 5 / 2  # the sum over the 15 pairs
    return float((whole - 5 * each[left]) / 10)


def test_figures_follow_from_the_json(tmp_path: Path) -> None:
    result = made(tmp_path)
    raw = json.loads(CORRESPONDENCE.path(tmp_path).read_text())["result"]
    for number in range(len(VIEWS)):
        more = less = 0
        for one, part in zip(raw["parts"], result.parts, strict=True):
            own, random = (np.array(one["distances"][number][k]) for k in ("part", "random"))
            gain = random - own
            without = [pairs_without(gain, left) for left in range(6)]
            error = np.sqrt(5 * np.var(without))
            assert correspondence.advantage(part.distances[number]) == pytest.approx(
                (gain.mean(), error)
            )
            more += gain.mean() > 2 * error
            less += gain.mean() < -2 * error
        assert correspondence.clear(result, number) == (more, less)


def test_findings_hold_the_means(tmp_path: Path) -> None:
    result = made(tmp_path)
    raw = json.loads(CORRESPONDENCE.path(tmp_path).read_text())["result"]
    said = correspondence.findings(result)
    starts = ("Wherever", "Place by place in conv5", "The paper found", "In the layer conv1",
              "In the layer scores")  # fmt: skip
    assert len(said) == len(starts)
    for text, start in zip(said, starts, strict=True):
        assert text.startswith(start)
    for text, number in ((said[0], 3), (said[1], 1), (said[3], 0), (said[4], 2)):
        own, random = (
            np.mean([np.mean(one["distances"][number][kind]) for one in raw["parts"]])
            for kind in ("part", "random")
        )
        assert f"Δ is {own:.3f} against {random:.3f}" in text
        more, _ = correspondence.clear(result, number)
        assert f"for {more or 'none'} of 3 parts" in text
    agrees = 2 * correspondence.clear(result, 1)[0] > 3
    assert ("it is not so here" in said[2]) != agrees
