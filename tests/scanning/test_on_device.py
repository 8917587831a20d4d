"""The tally of a device against the record that loops make on the CPU."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.scanning import topk
from atlas.scanning.on_device import Part, Tally
from atlas.scanning.topk import Maxima, TopNine

# ties, zeros of both signs, the smallest and the largest numbers there are
VALUES = np.array([0, -0.0, -1, 1, 1, 2, 1.5, 1e-45, 1e-30, 3e38, 0.1], np.float32)
PARTS = {"one": Part(3, 5), "other": Part(2, 1)}


@settings(max_examples=30)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(0, 2**31), st.booleans())
def test_it_is_the_record_that_loops_make(rounds: list[int], seed: int, statistics: bool) -> None:
    dice = np.random.default_rng(seed)
    images = dice.permutation(1000)[: sum(rounds)]  # in any order
    tally = Tally(PARTS, torch.device("cpu"), statistics=statistics)
    expected = {name: topk.empty(part.units, statistics) for name, part in PARTS.items()}
    found = {name: topk.empty(part.units, statistics) for name, part in PARTS.items()}
    for number, count in enumerate(rounds):
        image, images = images[:count], images[count:]
        value = dice.choice(VALUES, (count, 5)).astype(np.float32)
        place = dice.integers(0, 25, (count, 5))
        tally.include(torch.tensor(value), torch.tensor(place), image)
        for name, own in (("one", slice(0, 3)), ("other", slice(3, 5))):
            maxima = Maxima(value[:, own], place[:, own], image, PARTS[name].width)
            expected[name] = topk.include(expected[name], maxima)
        if number % 2 or number == len(rounds) - 1:  # a checkpoint
            found = {name: topk.merge(found[name], more) for name, more in tally.taken().items()}
    for name in PARTS:
        same(found[name], expected[name])


def same(one: TopNine, other: TopNine) -> None:
    for part in fields(TopNine):
        np.testing.assert_array_equal(getattr(one, part.name), getattr(other, part.name), part.name)


@pytest.mark.parametrize("count", [0, 1])
def test_what_was_taken_is_not_taken_again(count: int) -> None:
    tally = Tally(PARTS, torch.device("cpu"), statistics=True)
    if count:
        tally.include(torch.ones(1, 5), torch.zeros(1, 5, dtype=torch.long), np.array([7]))
    assert tally.taken()["one"].images == count
    assert tally.taken()["one"].fired.tolist() == [0, 0, 0]
