"""The search for forms against all forms written down one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from atlas.evidence.naming import forms, scores
from atlas.evidence.naming.forms import AND, NOT, OR, Form


def labels_of(seed: int, count: int = 5, images: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).random((images, count)) < 0.3


def search(values: np.ndarray, labels: np.ndarray) -> forms.Found:
    return forms.search(scores.standardised(values), scores.ranks(values), labels, block=2)


def plainly(form: Form, labels: np.ndarray) -> list[bool]:
    """Which images have a form, image by image."""
    result = []
    for own in labels:
        so_far = bool(own[form[0][1]])
        for joint, label in form[1:]:
            if joint == OR:
                so_far = so_far or bool(own[label])
            else:
                so_far = so_far and bool(own[label]) == (joint == AND)
        result.append(so_far)
    return result


def test_what_it_says_of_a_form_is_so() -> None:
    labels = labels_of(0)
    values = np.random.default_rng(1).normal(size=(300, 3)) + labels[:, :3] + labels[:, 3:4]
    found = search(values, labels)
    for unit in range(3):
        for place in np.flatnonzero(found.lengths[unit]):
            form = found.form(unit, int(place))
            truth = np.array(plainly(form, labels))
            assert (forms.holds(form, labels) == truth).all()
            assert truth.sum() == found.size[unit, place]
            r = np.corrcoef(truth, values[:, unit])[0, 1]
            assert found.pearson[unit, place] == pytest.approx(r, abs=1e-5)
            auc = roc_auc_score(truth, values[:, unit])
            assert found.auc[unit, place] == pytest.approx(auc, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_it_finds_the_best_of_all_forms(seed: int) -> None:
    """Where one stands out; a beam may miss others."""
    labels = labels_of(seed)
    dice = np.random.default_rng(seed)
    planted: list[Form] = [
        ((AND, 2),),
        ((AND, 0), (AND, 3)),
        ((AND, 1), (OR, 4)),
        ((AND, 4), (NOT, 0)),
        ((AND, 0), (OR, 1), (OR, 2)),
    ]
    values = np.stack([forms.holds(form, labels) for form in planted], 1)
    values = values + 0.4 * dice.normal(size=values.shape)
    every = [
        ((AND, first), *rest)
        for length in (0, 1, 2)
        for first in range(5)
        for rest in itertools.product(itertools.product(forms.JOINTS, range(5)), repeat=length)
    ]
    columns = np.stack([forms.holds(form, labels) for form in every], 1)
    usable = columns.sum(0) >= forms.FEWEST
    found = search(values, labels)
    for unit, form in enumerate(planted):
        best = scores.correlation(values[:, unit], columns[:, usable]).max()
        place = int(np.argmax(found.pearson[unit] - 0.01 * found.lengths[unit]))
        assert found.pearson[unit].max() == pytest.approx(best, abs=1e-5)
        assert found.form(unit, place) == form


def test_few_labels_and_few_images_are_no_trouble() -> None:
    labels = np.zeros((20, 1), bool)
    labels[:3] = True  # too few for a form
    found = search(np.random.default_rng(0).normal(size=(20, 2)), labels)
    assert not found.lengths.any() and (found.pearson == -1).all()


def test_an_or_is_written_in_one_way() -> None:
    labels = labels_of(5)
    one = forms.holds(((AND, 3), (OR, 1)), labels)
    found = search(one[:, None] + 0.0, labels)
    best = int(np.argmax(found.pearson[0] - 0.01 * found.lengths[0]))
    assert found.form(0, best) == ((AND, 1), (OR, 3))
