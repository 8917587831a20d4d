"""The measures of evidence against references that nobody here wrote, and known answers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from atlas.evidence import measures

EVERYWHERE = torch.ones(1, 40, 33)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_ssim_is_scikit_images(blend: float) -> None:
    one = noise(1, 40, 33)
    other = (1 - blend) * one + blend * noise(1, 40, 33, seed=1)
    found = measures.ssim(one, other, EVERYWHERE)
    wanted = structural_similarity(one[0].numpy(), other[0].numpy(), data_range=2.0)
    assert found.item() == pytest.approx(wanted, abs=1e-5)


def test_ssim_looks_only_where_it_is_told() -> None:
    one, other = noise(1, 40, 33), noise(1, 40, 33, seed=1)
    where = torch.zeros(1, 40, 33)
    where[:, 5:25, 10:30] = 1
    cut = one[:, 5:25, 10:30], other[:, 5:25, 10:30]
    alone = measures.ssim(*cut, torch.ones(1, 20, 20))
    assert measures.ssim(one, other, where).item() == pytest.approx(alone.item(), abs=1e-5)
    assert measures.ssim(one[:, :3, :2], one[:, :3, :2], where[:, :3, :2] + 1).item() == 1


def test_ssim_compares_nothing_with_nothing_nowhere() -> None:
    """Pictures in a corner of an empty frame are no more alike for the frame."""
    pair = [torch.zeros(1, 40, 33), torch.zeros(1, 40, 33)]
    pair[0][:, :12, :12], pair[1][:, :12, :12] = noise(1, 12, 12), noise(1, 12, 12, seed=1)
    assert abs(measures.ssim(pair[0], pair[1], EVERYWHERE).item()) < 0.3
    assert measures.ssim(pair[0], pair[0], EVERYWHERE).item() == pytest.approx(1)


@given(st.integers(1, 9), st.integers(0, 2**31))
def test_rank_correlation_is_scipys(steps: int, seed: int) -> None:
    """With ties, and with values that don't count."""
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, steps + 1, (2, 3, 50)).astype(np.float32)
    where = rng.random((3, 50)) < 0.7
    where[:, :2] = True
    found = measures.rank_correlation(*(torch.from_numpy(a) for a in (one, other, where)))
    for row in range(3):
        pair = one[row][where[row]], other[row][where[row]]
        constant = any(len(set(values)) == 1 for values in pair)
        wanted = 0.0 if constant else spearmanr(*pair).statistic
        assert found[row].item() == pytest.approx(wanted, abs=1e-5)


def test_the_share_of_a_picture_that_is_its_own() -> None:
    one, across = noise(3, 8, 8), noise(3, 8, 8, seed=1)
    across -= (across * one).sum() / (one * one).sum() * one  # nothing in common
    both = torch.stack([one, one, one]), torch.stack([-2 * one, across, one + across])
    same, none, half = measures.own_share(*both).tolist()
    assert same == pytest.approx(0, abs=1e-6) and none == pytest.approx(1, abs=1e-6)
    common = (one * one).sum() / ((one * one).sum() + (across * across).sum())
    assert half == pytest.approx(1 - common.item(), abs=1e-5)
    assert measures.own_share(one[None], torch.zeros_like(one)[None]).item() == 1


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**31))
def test_marks_are_the_strongest_fifth_and_move_as_they_are(
    height: int, width: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    energy = measures.cells(torch.from_numpy(rng.random((1, height, width))))
    assert max(energy.shape) <= measures.GRID
    top, left = rng.integers(energy.shape[1]), rng.integers(energy.shape[2])
    where = torch.zeros_like(energy, dtype=torch.bool)
    where[:, top:, left:] = True
    energy[:, top:, left : left + 1] = 0
    marks = measures.marked(energy, where)
    filled = int((energy[where] > 0).sum())
    assert marks.sum() == min(filled, max(1, int(where.sum()) // 5))
    assert not (marks & ~where).any()
    if marks.any() and (~marks & where).any():
        assert energy[marks].min() >= energy[where & ~marks].max()
    moved = measures.moved(marks, where, torch.from_numpy(rng.random(1)))
    assert moved.sum() == marks.sum() and not (moved & ~where).any()
    if marks.sum() == 1 < where.sum():
        assert (moved & marks).sum() == 0
    pixels = measures.enlarged(marks, height, width)
    assert pixels.shape == (1, height, width)
    assert (measures.cells(pixels.double()) > 0).equal(marks)


def test_what_is_compared_fits_a_display() -> None:
    picture = measures.picture(noise(2, 3, 200, 130))
    assert max(picture.shape[1:]) <= measures.PICTURE
    assert picture.abs().amax((1, 2)).tolist() == [1, 1]
    assert measures.picture(torch.zeros(1, 3, 5, 5)).abs().max() == 0
