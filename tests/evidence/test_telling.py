"""The machine's answers, question by question, and on units with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from atlas.evidence import telling
from atlas.evidence.faces import directions

IMAGES = 200


def test_questions_are_held_out_and_from_both_ends() -> None:
    values = np.random.default_rng(0).normal(size=IMAGES)
    tasks = telling.tasks_of(values, 5)
    assert tasks
    order = np.argsort(-values)
    assert tasks.most.tolist() == order[:9].tolist()
    assert sorted(tasks.least) == sorted(order[-9:])
    assert set(tasks.strong) <= set(order[9:40]) and len(set(tasks.strong)) == telling.TASKS
    assert set(tasks.weak) <= set(order[-40:-9]) and len(set(tasks.weak)) == telling.TASKS


def test_margins_are_differences_of_mean_likeness() -> None:
    dice = np.random.default_rng(1)
    unit, values = directions(dice.normal(size=(IMAGES, 6))), dice.normal(size=IMAGES)
    tasks = telling.tasks_of(values, 0)
    assert tasks

    def likeness(image: int, shown: np.ndarray) -> float:
        return float(np.mean([unit[image] @ unit[other] for other in shown]))

    for margin, strong, weak in zip(
        telling.margins(tasks, unit), tasks.strong, tasks.weak, strict=True
    ):
        by_hand = [likeness(q, tasks.most) - likeness(q, tasks.least) for q in (strong, weak)]
        assert margin == pytest.approx(by_hand[0] - by_hand[1])


def test_what_features_hold_is_told_and_noise_is_guessed() -> None:
    dice = np.random.default_rng(2)
    features = dice.normal(size=(IMAGES, 6))
    own = np.stack([features[:, 0], *dice.normal(size=(30, IMAGES))], 1)
    shares = telling.shares(own, [directions(features), directions(dice.random((IMAGES, 9)))])
    assert shares[0, 0] > 0.9
    assert abs(shares[1:].mean() - 0.5) < 0.1


def test_units_that_can_not_be_asked_about() -> None:
    assert telling.tasks_of(np.arange(100.0), 0) is None  # too few images
    blind = np.zeros((IMAGES, 1))
    assert np.isnan(telling.shares(blind, [np.eye(IMAGES)])).all()
    rare = np.zeros(IMAGES)
    rare[:30] = 1  # fewer than a fifth
    assert telling.tasks_of(rare, 0) is None
