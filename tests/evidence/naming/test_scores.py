"""Scores of names against scikit-learn and SciPy, on drawn values and on the demo's units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

import atlas
from atlas.compute.peaking import OWN, Peaking
from atlas.evidence.naming import scores
from atlas.images.sources import DemoImages


def drawn(seed: int, images: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Values of three units with many ties, one with long tails, and four labels."""
    dice = np.random.default_rng(seed)
    values = np.stack(
        [dice.integers(0, 4, images), np.exp(2 * dice.normal(size=images)),
         np.maximum(dice.normal(size=images), 0)], 1
    ).astype(np.float32)  # fmt: skip
    labels = dice.random((images, 4)) < (0.5, 0.1, 0.3, 0.8)
    labels[0], labels[1] = True, False
    return values, labels


@pytest.fixture(scope="module")
def demo() -> tuple[np.ndarray, np.ndarray]:
    """The peaks of real units in 48 pictures, and their classes."""
    network, images = atlas.load_network("demo"), DemoImages(48)
    layers = [network.layer("conv3"), network.layer("scores")]
    peaking = Peaking.of(network, layers, range(48), 1)
    look = peaking.looking(
        lambda some: np.stack([network.preprocessing.stimulus(images[n]) for n in some]), 16
    )
    found = look(range(48))
    names = sorted({images.label(n) for n in range(48)})
    labels = np.array([[images.label(n) == name for name in names] for n in range(48)])
    return np.concatenate(
        [found[f"{OWN} conv3"][:, ::28], found[f"{OWN} scores"][:, ::8]], 1
    ), labels[:, ::6]


def compare(values: np.ndarray, labels: np.ndarray) -> None:
    scaled, ranked = scores.standardised(values), scores.ranks(values)
    sizes, images = labels.sum(0), len(labels)
    for unit, column in enumerate(values.T):
        assert ranked[:, unit].tolist() == rankdata(column).tolist()
        r = scores.pearson(scaled[:, unit] @ labels, sizes, images)
        a = scores.auc(ranked[:, unit] @ labels, sizes, images)
        p = scores.auprc(column, labels)
        for label in range(labels.shape[1]):
            truth = labels[:, label]
            assert a[label] == pytest.approx(roc_auc_score(truth, column), abs=1e-5)
            assert p[label] == pytest.approx(average_precision_score(truth, column), abs=1e-9)
            if column.std() > 0:
                expected = pearsonr(column.astype(np.float64), truth).statistic
                assert r[label] == pytest.approx(expected, abs=1e-5)
                own = scores.correlation(column, labels)[label]
                assert own == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_others(seed: int) -> None:
    compare(*drawn(seed))


def test_they_are_on_real_units(demo: tuple[np.ndarray, np.ndarray]) -> None:
    compare(*demo)


def test_a_constant_unit_goes_with_nothing() -> None:
    labels = drawn(0)[1]
    values = np.full((90, 1), 0.1, np.float32)
    assert not scores.standardised(values).any()
    ranked = scores.ranks(values)[:, 0]
    assert scores.auc(ranked @ labels, labels.sum(0), 90) == pytest.approx(0.5)
    area = scores.auprc(values[:, 0], labels)
    assert not scores.lift(area, labels).round(9).any()


@given(seed=st.integers(0, 99), share=st.floats(0.05, 0.95))
def test_spoilt_labels_lose_half_or_are_twice_as_many(seed: int, share: float) -> None:
    label = np.random.default_rng(seed).random(80) < share
    missing = scores.spoilt(label, scores.MISSING, 5, seed)
    extra = scores.spoilt(label, scores.EXTRA, 5, seed)
    assert not missing[~label].any() and extra[label].all()
    assert (extra.sum(0) == min(2 * label.sum(), 80)).all()
    assert abs(missing.sum() - 2.5 * label.sum()) < 6 * np.sqrt(5 * label.sum() / 4 + 1)


def test_common_labels_raise_the_plain_area_and_not_the_lift() -> None:
    """Why the check is on what lies beyond chance."""
    dice = np.random.default_rng(0)
    label = dice.random(4_000) < 0.4
    values = label + dice.normal(size=4_000) * 1.5
    extra = scores.spoilt(label, scores.EXTRA, 3, 0)
    own, spoilt = (scores.auprc(values, one) for one in (label[:, None], extra))
    assert spoilt.min() > own[0]
    assert scores.lift(spoilt, extra).max() < scores.lift(own, label[:, None])[0] - 0.02
