from collections import Counter

import numpy as np
import pytest

from atlas.data.records import Unit, Winner
from atlas.site.phrases import (
    Label,
    activations,
    best_label,
    chance_of,
    percentile,
    share,
    weight_share,
)


@pytest.mark.parametrize(
    ("sizes", "drawn", "agreeing"), [((10, 10, 10), 9, 5), ((50, 3, 1), 4, 4), ((4,) * 24, 9, 3)]
)
def test_the_chance_of_agreeing_is_that_of_drawing(
    sizes: tuple[int, ...], drawn: int, agreeing: int
) -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    hits = sum(
        Counter(random.choice(labels, drawn, replace=False)).most_common(1)[0][1] >= agreeing
        for _ in range(4000)
    )
    chance = chance_of(sizes, drawn, agreeing)
    assert abs(hits / 4000 - chance) < 4 * np.sqrt(chance * (1 - chance) / 4000) + 1e-3


def test_chances_that_are_known() -> None:
    assert chance_of((5, 5), 1, 1) == 1
    assert chance_of((5, 5), 2, 2) == pytest.approx(20 / 45)
    assert chance_of((9, 1), 9, 9) == pytest.approx(1 / 10)
    assert chance_of((100,) * 24, 9, 9) < 1e-10


def test_shares_are_never_rounded_to_none_or_all() -> None:
    assert [share(n, 1000) for n in (0, 1, 500, 999, 1000)] == [
        "0 %", "under 1 %", "50 %", "over 99 %", "100 %",
    ]  # fmt: skip
    assert [weight_share(x) for x in (0.123, -0.02, None)] == ["+12.3 %", "−2.0 %", "passed on"]
    assert [percentile(x) for x in (99.9, 50.0, 0.0)] == ["99.9 %", "50 %", "weakest"]


def test_values_below_each_other_have_as_many_decimals_as_the_largest_needs() -> None:
    assert activations([41.32, 37.03, 0.5]) == ("41.3", "37.0", "0.5")
    assert activations([1234.5, 99.96]) == ("1,234", "100")
    assert activations([0.0321, 0.03]) == ("0.0321", "0.0300")
    assert activations([]) == ()


def unit_of(labels: list[str | None], concepts: tuple[tuple[str, float], ...] = ()) -> Unit:
    box = (0, 0, 1, 1)
    nine = tuple(
        Winner(i, f"{i}.png", name, 1.0, (0, 0), box, box) for i, name in enumerate(labels)
    )
    return Unit(0, len(nine), nine, concepts=concepts)


def test_a_unit_is_best_called_by_the_class_of_most_of_its_nine_or_else_by_its_concept() -> None:
    eye = (("eye", 0.123), ("dog", 0.1))
    assert best_label(unit_of(["face"] * 5 + ["dog"] * 4, eye)) == Label("face", "5 of 9")
    assert best_label(unit_of(["face"] * 4 + ["dog"] * 5)) == Label("dog", "5 of 9")
    assert best_label(unit_of(["face"] * 4 + ["dog"] * 3 + ["cat"] * 2, eye)) == Label(
        "eye", "IoU 0.12"
    )
    assert best_label(unit_of(["8"] * 9)) == Label("class 8", "9 of 9")  # "8 9 of 9" says nothing
    assert best_label(unit_of(["face"])) is None and best_label(unit_of([None] * 9)) is None
