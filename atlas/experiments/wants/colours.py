"""The colours and frequencies that images are made of, measured on an atlas's own.

Gradient ascent on pixels makes noise, because it treats as independent what never is: the colours
of a pixel, and neighbouring pixels. Olah et al. (2017, "Feature visualization", Distill) ascend in
the Fourier coefficients of decorrelated colours. Both are measured here, in one space: the logits
of pixel values, since a picture is the sigmoid of what ascends and so never leaves black to white.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RINGS = (
    48  # of frequencies from 0 to 0.5 cycles per pixel along an axis, at which amplitudes are known
)


@dataclass(frozen=True)
class Colours:
    """What images of C colours are made of.

    ``mean`` ``[C]`` are the mean logits; ``mixing`` ``[C, C]`` makes logits of decorrelated colours
    of variance 1, each a column; ``amplitude`` ``[C, RINGS]`` is the root of the mean power of each
    decorrelated colour at frequencies a ring wide, for a picture of one pixel: that of P pixels
    has ``sqrt(P)`` times as much.
    """

    mean: np.ndarray
    mixing: np.ndarray
    amplitude: np.ndarray

    def decorrelated(self, pictures: np.ndarray) -> np.ndarray:
        """The decorrelated colours of pictures ``[N, H, W, C]`` uint8: ``[N, H, W, C]`` float64."""
        return (logits(pictures) - self.mean) @ np.linalg.inv(self.mixing).T

    def scale(self, height: int, width: int) -> np.ndarray:
        """What ``irfft2`` needs for white noise to become like images: ``[C, H, W // 2 + 1]``.

        Of coefficients of mean power 1 it makes pictures with the amplitudes measured. Frequencies
        between rings are taken linearly; the constant part counts as the lowest frequency.
        """
        distance = np.maximum(frequencies(height, width), 1 / max(height, width))
        centres = (np.arange(RINGS) + 0.5) / (2 * RINGS)
        size = np.sqrt(height * width)
        return np.stack([np.interp(distance, centres, one) for one in self.amplitude]) * size


def logits(pictures: np.ndarray) -> np.ndarray:
    """The logits of pixel values, uint8, float64: a level counts as the middle of its 256th."""
    share = (pictures.astype(np.float64) + 0.5) / 256
    return np.log(share / (1 - share))


def frequencies(height: int, width: int) -> np.ndarray:
    """The distance of each coefficient of ``rfft2`` from zero, in cycles per pixel."""
    return np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])


def measured(pictures: np.ndarray) -> Colours:
    """The colours and frequencies of pictures ``[N, H, W, C]`` uint8.

    ``mixing`` is the symmetric root of the covariance, so decorrelated colours stay as near to the
    network's own as can be. A Hann window keeps a picture's edges out of its frequencies.
    """
    value = logits(pictures)
    flat = value.reshape(-1, value.shape[-1])
    mean = flat.mean(0)
    covariance = np.atleast_2d(np.cov(flat.T, bias=True))
    variance, axes = np.linalg.eigh(covariance)
    root = (axes * np.sqrt(np.maximum(variance, 1e-6 * max(variance.max(), 1e-6)))) @ axes.T
    plain = (value - mean) @ np.linalg.inv(root).T
    return Colours(mean, root, _amplitudes(plain))


def _amplitudes(plain: np.ndarray) -> np.ndarray:
    """The root mean power of pictures ``[N, H, W, C]`` in each ring: ``[C, RINGS]``."""
    _, height, width, colours = plain.shape
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    window /= np.sqrt(np.square(window).mean() * height * width)
    power = np.zeros((colours, height, width // 2 + 1))
    for picture in plain:  # one at a time: all transforms together would fill the memory
        power += np.square(np.abs(np.fft.rfft2(picture.transpose(2, 0, 1) * window)))
    power /= len(plain)
    distance = frequencies(height, width)
    centres = (np.arange(RINGS) + 0.5) / (2 * RINGS)
    ring = np.minimum((distance * 2 * RINGS).astype(int), RINGS - 1)
    found = np.zeros((colours, RINGS))
    known = np.zeros(RINGS, bool)
    for number in range(RINGS):
        inside = (ring == number) & (distance > 0)
        known[number] = inside.any()
        if known[number]:
            found[:, number] = power[:, inside].mean(1)
    for row in found:
        row[:] = np.interp(centres, centres[known], row[known])
    return np.sqrt(found)
