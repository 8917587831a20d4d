from collections import Counter

import numpy as np
import pytest

from atlas.site.phrases import chance_of, percentile, share, weight_share


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
    assert [percentile(x) for x in (99.9, 50.0, 0.0)] == ["99.9 %", "50 %", "least"]
