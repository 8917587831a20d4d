"""Colours and frequencies of images, against pictures whose own are known."""

from __future__ import annotations

import numpy as np

from atlas.experiments.wants.colours import Colours, frequencies, logits, measured


def smooth_pictures(count: int = 40, side: int = 32, colours: int = 3) -> np.ndarray:
    """Pictures with correlated colours and less of the higher frequencies."""
    dice = np.random.default_rng(5)
    waves = np.fft.rfft2(dice.normal(size=(count, colours, side, side)))
    waves /= 0.05 + frequencies(side, side)
    plain = np.fft.irfft2(waves, s=(side, side)).transpose(0, 2, 3, 1)
    mixed = plain @ (np.eye(colours) + 0.5)
    return np.clip(128 + 40 * mixed / mixed.std(), 0, 255).astype(np.uint8)


def test_decorrelated_colours_have_the_identity_as_their_covariance() -> None:
    for colours in (3, 1):
        pictures = smooth_pictures(colours=colours)
        own = measured(pictures)
        flat = own.decorrelated(pictures).reshape(-1, colours)
        assert np.allclose(flat.mean(0), 0, atol=1e-9)
        assert np.allclose(np.cov(flat.T, bias=True).reshape(colours, colours), np.eye(colours))


def test_logits_are_undone_by_the_sigmoid_to_half_a_level() -> None:
    levels = np.arange(256, dtype=np.uint8)
    shown = 255 / (1 + np.exp(-logits(levels)))
    assert np.abs(shown - levels).max() <= 0.5


def test_noise_scaled_by_the_amplitudes_has_the_frequencies_of_the_images() -> None:
    pictures = smooth_pictures(200)
    own = measured(pictures)
    dice = np.random.default_rng(1)
    scale = own.scale(32, 32)
    waves = dice.normal(size=(200, 2, *scale.shape)) / np.sqrt(2)
    made = np.fft.irfft2((waves[:, 0] + 1j * waves[:, 1]) * scale, s=(32, 32))
    plain = own.decorrelated(pictures).transpose(0, 3, 1, 2)
    distance = frequencies(32, 32)
    for low, high in ((0.05, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.45)):
        ring = (distance > low) & (distance <= high)

        def power(some: np.ndarray, ring: np.ndarray = ring) -> float:
            return float(np.square(np.abs(np.fft.rfft2(some)))[..., ring].mean())

        assert 0.6 < power(made) / power(plain) < 1.6


def test_the_scale_grows_with_the_picture_so_that_pixels_keep_their_spread() -> None:
    own = Colours(np.zeros(1), np.eye(1), np.ones((1, 48)))
    assert np.allclose(own.scale(8, 8), 8) and np.allclose(own.scale(16, 4), 8)
    white = measured(np.random.default_rng(0).integers(0, 256, (60, 32, 32, 1)).astype(np.uint8))
    assert np.allclose(white.amplitude, 1, atol=0.1)


def test_pictures_of_one_colour_have_colours_too() -> None:
    own = measured(np.full((3, 16, 16, 3), 200, np.uint8))
    assert np.isfinite(own.decorrelated(np.zeros((1, 4, 4, 3), np.uint8))).all()
    assert np.isfinite(own.scale(9, 7)).all()
