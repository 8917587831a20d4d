"""The deconvnet written out step by step in NumPy and float64, tap by tap: an oracle for tests.

It knows nothing of the package. Arrays are [C, H, W], filters [out, in, rows, columns].
"""

from __future__ import annotations

import itertools

import numpy as np


def taps(kernel: int) -> itertools.product:
    return itertools.product(range(kernel), range(kernel))


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, padding: int):
    kernel = weight.shape[2]
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    rows = (x.shape[1] - kernel) // stride + 1
    columns = (x.shape[2] - kernel) // stride + 1
    out = np.zeros((weight.shape[0], rows, columns)) + bias[:, None, None]
    for i, j in taps(kernel):
        seen = x[:, i : i + stride * rows : stride, j : j + stride * columns : stride]
        out += np.einsum("oc,chw->ohw", weight[:, :, i, j], seen[:, :rows, :columns])
    return out


def transposed(y: np.ndarray, weight: np.ndarray, stride: int, padding: int, shape: tuple):
    _, rows, columns = y.shape
    below = np.zeros((shape[0], shape[1] + 2 * padding, shape[2] + 2 * padding))
    for i, j in taps(weight.shape[2]):
        part = np.einsum("oc,ohw->chw", weight[:, :, i, j], y)
        below[:, i : i + stride * rows : stride, j : j + stride * columns : stride][
            :, :rows, :columns
        ] += part
    return below[:, padding : padding + shape[1], padding : padding + shape[2]]


def pool(x: np.ndarray, kernel: int, stride: int, ceil: bool):
    """Maxima and, for each, the flat index of its place in the input: the switches."""
    channels, height, width = x.shape
    count = [(n - kernel) / stride + 1 for n in (height, width)]
    rows, columns = (int(np.ceil(c) if ceil else np.floor(c)) for c in count)
    out, switches = np.zeros((channels, rows, columns)), np.zeros((channels, rows, columns), int)
    for r, c in itertools.product(range(rows), range(columns)):
        window = x[:, r * stride : r * stride + kernel, c * stride : c * stride + kernel]
        flat = window.reshape(channels, -1)
        place = flat.argmax(1)
        out[:, r, c] = flat.max(1)
        wide = window.shape[2]
        switches[:, r, c] = (r * stride + place // wide) * width + c * stride + place % wide
    return out, switches


def unpool(y: np.ndarray, switches: np.ndarray, shape: tuple):
    below = np.zeros((shape[0], shape[1] * shape[2]))
    for channel in range(shape[0]):
        for value, place in zip(y[channel].flat, switches[channel].flat, strict=True):
            below[channel, place] += value
    return below.reshape(shape)


def rectify(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)
