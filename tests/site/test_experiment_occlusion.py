"""What the page says of occlusion follows from the JSON alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from atlas.data.experiments.occlusion import OCCLUSION, Occluded, Occlusion, Scored, Square
from atlas.data.experiments.outcomes import Outcome, Subject
from atlas.site.render.experiments import occlusion

SHAPE = (4, 5)


def made(folder: Path, *, scores: bool = True, masks: bool = True) -> Occlusion:
    """A result of two images with random figures, written and read again."""
    dice = np.random.default_rng(4)

    def grid(high: float) -> tuple[tuple[float, ...], ...]:
        return tuple(map(tuple, dice.uniform(0, high, SHAPE).round(4).tolist()))

    def marks(high: int) -> tuple[tuple[int, ...], ...]:
        return tuple(map(tuple, dice.integers(0, high, SHAPE).tolist()))

    images = tuple(
        Occluded(
            Subject(image, f"dog/{image}.png", "dog", 1),
            unit=7,
            position=(1, 2),
            activation=3.0,
            whole=20.0,
            map=grid(25),
            covered=grid(1),
            scored=Scored(1, 0.8, grid(1), 1, marks(3)) if scores else None,
            object="dog" if masks else "",
            inside=marks(2) if masks else None,
        )
        for image in (3, 8)
    )
    names = {0: "cat", 1: "dog", 2: "car"}
    result = Occlusion("conv5", Square(6, 4, (16, 20), (128, 128, 128)), names, images)
    OCCLUSION.write(folder, Outcome(result))
    found = OCCLUSION.read(folder).result
    assert found == result
    return result


def test_figures_follow_from_the_json(tmp_path: Path) -> None:
    result = made(tmp_path)
    raw = json.loads(OCCLUSION.path(tmp_path).read_text())["result"]
    points, shares, bonds, turned = [], [], [], []
    for one, known in zip(raw["images"], result.images, strict=True):
        on = np.array(one["inside"], bool)
        chances, sums = np.array(one["scored"]["map"]), np.array(one["map"])
        lost, less = 0.8 - chances, 1 - sums / 20
        scores, activation = occlusion.of_probability(known), occlusion.of_activation(known)
        assert scores is not None
        assert scores.lowest == chances.min() and activation.lowest == sums.min()
        assert scores.place == np.unravel_index(chances.argmin(), SHAPE)
        points.append((lost[on].mean(), lost[~on].mean()))
        shares.append((less[on].mean(), less[~on].mean()))
        assert (scores.inside, scores.outside) == pytest.approx(points[-1])
        assert (activation.inside, activation.outside) == pytest.approx(shares[-1])
        bonds.append(np.corrcoef(less.ravel(), np.ravel(one["covered"]))[0, 1])
        assert occlusion.together(known) == pytest.approx(bonds[-1])
        turned.append(np.mean(np.array(one["scored"]["best"]) != 1))
        assert occlusion.turned(known) == pytest.approx(turned[-1])
    said = [text.replace("−", "-") for text in occlusion.findings(result)]
    on, off = np.mean(points, 0)
    assert (
        f"falls by {100 * on:.0f} percentage points" in said[0]
        and f"elsewhere by {100 * off:.0f}" in said[0]
    )
    on, off = np.mean(shares, 0)
    assert f"loses {100 * on:.0f} %" in said[1] and f"{100 * off:.0f} % with the square" in said[1]
    bond = np.mean(bonds)
    assert (
        f"a correlation of {bond:.2f}: {'as' if bond >= 0.3 else 'unlike'} in the paper" in said[2]
    )
    assert f"at {100 * turned[0]:.0f} % of the places" in said[3]


def test_what_is_not_known_is_not_said(tmp_path: Path) -> None:
    bare = made(tmp_path, scores=False, masks=False)
    about = " ".join(occlusion.about(bare))
    assert "Probabilities" not in about and "masks" not in about
    said = occlusion.findings(bare)
    assert len(said) == 1 and "correlation" in said[0]
    said = occlusion.findings(made(tmp_path, scores=False))
    assert len(said) == 2 and "probability" not in " ".join(said)
