"""Names of planted units: who gets one, and who doesn't and why."""

from __future__ import annotations

import numpy as np

from atlas.evidence.naming import judging
from atlas.evidence.naming.forms import AND, NOT, OR
from atlas.evidence.peaks import LayerPeaks

IMAGES = 400


def peaks(own: np.ndarray, seed: int = 9) -> LayerPeaks:
    """With a twin of noise."""
    twin = np.random.default_rng(seed).normal(size=(IMAGES, 12))
    rows = np.arange(IMAGES)
    return LayerPeaks(own.astype(np.float32), twin.astype(np.float32), rows)


def labels_of(seed: int = 0, count: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).random((IMAGES, count)) < 0.25


def noisy(values: np.ndarray, amount: float = 0.3) -> np.ndarray:
    return values + amount * np.random.default_rng(3).normal(size=values.shape)


def test_planted_units_get_their_names_and_others_none() -> None:
    labels = labels_of()
    a, b, c = labels[:, 0], labels[:, 1], labels[:, 2]
    own = noisy(np.stack([a, a & b, a | b, c & ~a, np.zeros(IMAGES)], 1))
    own = np.concatenate([own, own[:, :1], np.ones((IMAGES, 1))], 1)  # a copy, and a blind one
    judged = judging.judge(peaks(own), labels, range(7)).units
    forms = [judged[unit].form for unit in (0, 1, 2, 3, 5)]
    assert forms == [
        ((AND, 0),), ((AND, 0), (AND, 1)), ((AND, 0), (OR, 1)), ((AND, 2), (NOT, 0)), ((AND, 0),),
    ]  # fmt: skip
    assert [judged[unit].doubt for unit in (0, 1, 2, 3, 5)] == [""] * 5
    assert judged[4].doubt in ("weak", "chance")  # noise
    assert judged[6].form == () and judged[6].doubt == "weak"


def test_scores_of_a_name_fall_as_theory_says() -> None:
    """A label that a unit follows exactly: half of it is gone, or half of it is wrong."""
    labels = labels_of()
    share = labels[:, 0].mean()
    (judged,) = judging.judge(peaks(labels[:, :1] * 1.0), labels, [0]).units.values()
    assert judged.pearson.score > 0.999 and judged.auprc > 0.999 and judged.auc > 0.999
    missing = np.sqrt((1 - share) / (2 - share))
    assert abs(judged.pearson.missing - missing) < 0.05
    extra = (share - 2 * share**2) / (share * (1 - share) * 2 * share * (1 - 2 * share)) ** 0.5
    assert abs(judged.pearson.extra - extra) < 0.05
    assert judged.pearson.surely == judged.lift.surely == 1


def test_with_labels_given_out_at_random_hardly_any_unit_gets_a_name() -> None:
    dice = np.random.default_rng(1)
    own = np.exp(1.5 * dice.normal(size=(IMAGES, 40)))  # with long tails
    named = 0
    for seed in range(3):
        judged = judging.judge(peaks(own), labels_of(seed + 10), range(40)).units
        named += sum(not one.doubt for one in judged.values())
    assert named <= 0.05 * 120


def test_a_name_has_to_be_beyond_the_twins() -> None:
    labels = labels_of()
    own = noisy(labels[:, :1] * 1.0, 1.0)
    mine = peaks(own)
    (judged,) = judging.judge(mine, labels, [0]).units.values()
    assert not judged.doubt
    alike = LayerPeaks(mine.own, np.repeat(noisy(labels[:, :1] * 1.0, 0.8), 12, 1), mine.rows)
    (judged,) = judging.judge(alike, labels, [0]).units.values()
    assert judged.doubt == "twin"


def test_draws_of_the_images_tell_a_clear_best_from_rivals() -> None:
    dice = np.random.default_rng(4)
    draws = np.stack([np.bincount(dice.integers(0, 200, 200), minlength=200) for _ in range(60)])
    held = dice.random((200, 2)) < 0.4
    clear = held[:, 0] + 0.1 * dice.normal(size=200)
    lengths = np.array([1, 1])
    assert judging._wins(clear, held, lengths, draws * 1.0)[0] == 1
    between = held.sum(1) + 0.1 * dice.normal(size=200)
    assert 0.1 < judging._wins(between, held, lengths, draws * 1.0)[0] < 0.9
