import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atlas.reconstruction.effective import SHARE, box_of, marginals

energies = arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20)),
                  elements=st.floats(-100, 100))  # fmt: skip


@given(energies)
def test_the_box_holds_its_share_of_the_energy(gradient: np.ndarray) -> None:
    _, height, width = gradient.shape
    rows, columns = marginals(gradient, (5, 7), (5, 7, 5 + height, 7 + width))
    box = box_of(rows, columns)
    energy = np.square(gradient).sum(0)
    if energy.sum() == 0:
        assert box is None
    elif energy.sum() > 1e-200:
        top, left, bottom, right = box
        assert energy[top:bottom, left:right].sum() >= SHARE * energy.sum() * (1 - 1e-9)


def test_the_box_is_about_as_small_as_it_can_be() -> None:
    at = np.arange(-50, 51)
    gradient = np.exp(-(at[:, None] ** 2) / 50 - at[None, :] ** 2 / 200)[None]
    top, left, bottom, right = box_of(*marginals(gradient, (0, 0), (0, 0, 101, 101)))
    # energy is a normal distribution with deviations of 5/sqrt(2) and 10/sqrt(2)... squared: 5, 10
    assert bottom - top == 2 * round(2.241 * 5 / np.sqrt(2)) + 1
    assert right - left == 2 * round(2.241 * 10 / np.sqrt(2)) + 1


def test_a_window_is_placed_within_the_box() -> None:
    gradient = np.zeros((1, 4, 4))
    gradient[0, 1, 2] = 3.0
    rows, columns = marginals(gradient, (10, 20), (8, 19, 18, 29))
    assert rows.argmax() == 3 and columns.argmax() == 3
    assert box_of(rows, columns) == (3, 3, 4, 4)
    # a whole frame, of which the box is a part
    frame = np.zeros((1, 30, 30))
    frame[0, 11, 22] = 1.0
    assert box_of(*marginals(frame, (0, 0), (8, 19, 18, 29))) == (3, 3, 4, 4)
