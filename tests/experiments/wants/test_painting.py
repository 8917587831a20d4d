"""What pictures are made of: derivatives written out, and what holds the numbers back."""

from __future__ import annotations

import numpy as np
import torch

from atlas.experiments.wants.painting import Pixels, Waves, blurred
from tests.experiments.wants.test_colours import measured, smooth_pictures


def waves(size: tuple[int, int]) -> Waves:
    return Waves(measured(smooth_pictures()), size)


def test_the_gradient_of_the_waves_is_that_of_sums_over_all_pixels() -> None:
    for size in ((6, 8), (7, 5)):
        paint, (height, width) = waves(size), size
        numbers = torch.tensor(paint.start(np.random.default_rng(2)))[None].requires_grad_()
        pictures = paint.pictures(numbers)
        weight = torch.randn(pictures.shape, dtype=torch.float64)
        (found,) = torch.autograd.grad((pictures * weight).sum(), numbers)

        own = paint.colours
        value = pictures.detach()[0].numpy()
        slope = weight[0].numpy() * value * (1 - value)  # of the sigmoid
        plain = np.einsum("ij,ihw->jhw", own.mixing, slope)
        expected = np.zeros(found.shape[1:])
        rows, columns = np.arange(height)[:, None], np.arange(width)[None]
        for row in range(height):
            for column in range(width // 2 + 1):
                angle = 2 * np.pi * (row * rows / height + column * columns / width)
                alone = column == 0 or 2 * column == width  # its mirror isn't another coefficient
                for part, wave in enumerate((np.cos(angle), -np.sin(angle))):
                    share = (1 if alone else 2) / (height * width)
                    expected[:, row, column, part] = share * (plain * wave).sum((1, 2))
        expected *= own.scale(height, width)[..., None]
        assert np.allclose(found[0].numpy(), expected, atol=1e-12)


def test_waves_begin_near_the_mean_image_and_are_drawn_back_to_it() -> None:
    paint = waves((16, 16))
    numbers = torch.tensor(paint.start(np.random.default_rng(0)))[None]
    mean = 1 / (1 + np.exp(-paint.colours.mean))
    assert np.abs(paint.pictures(numbers * 0)[0].numpy() - mean[:, None, None]).max() < 1e-9
    assert paint.held(numbers, 0).norm() < numbers.norm()
    assert float(paint.pictures(100 * numbers).min()) + 1e-9 > 0


def test_pixels_stay_colours_decay_and_are_blurred_now_and_then() -> None:
    paint = Pixels(np.array([0.2, 0.5]), (8, 9))
    numbers = torch.full((1, 2, 8, 9), 3.0, dtype=torch.float64)
    assert torch.equal(paint.held(numbers, 0), paint.held(numbers, 0).clamp(max=0.8))
    one = torch.zeros((1, 2, 8, 9), dtype=torch.float64)
    one[:, :, 4, 4] = 0.1
    assert torch.allclose(paint.held(one, 0), one * 0.99)
    assert float(paint.held(one, 3)[0, 0, 4, 4]) < 0.05
    shown = paint.pictures(torch.zeros((1, 2, 8, 9), dtype=torch.float64))
    assert torch.allclose(shown[0, :, 0, 0], torch.tensor([0.2, 0.5], dtype=torch.float64))


def test_a_blur_keeps_plain_colours_and_is_a_gaussian() -> None:
    plain = torch.full((1, 3, 9, 11), 0.7, dtype=torch.float64)
    assert torch.allclose(blurred(plain, 1.0), plain)
    one = torch.zeros((1, 1, 11, 11), dtype=torch.float64)
    one[0, 0, 5, 5] = 1
    spread = blurred(one, 1.0)[0, 0]
    ratio = float(spread[5, 6] / spread[5, 5])
    assert abs(ratio - np.exp(-0.5)) < 1e-9 and abs(float(spread.sum()) - 1) < 1e-9
