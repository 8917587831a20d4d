"""Placing many things in two dimensions, so that like ones lie close; and moving them to a grid.

By t-SNE (van der Maaten & Hinton 2008) where scikit-learn is installed, which is the lightest of
the well-kept implementations; elsewhere by the two principal components.
"""

from __future__ import annotations

import functools
import importlib.util
from importlib.metadata import version

import numpy as np

from atlas.data.experiments.maps import cells, grid
from atlas.runtime.assignment import assigned

LIBRARY = "scikit-learn"
COMPONENTS = "principal components"
FEW = 8  # things, below which t-SNE has nothing to say
PERPLEXITY, STEPS, SEED = 30, 600, 0


@functools.cache
def method() -> str:
    """How places are found: it decides them, so it names the version."""
    if importlib.util.find_spec("sklearn") is None:
        return COMPONENTS
    return f"t-SNE ({LIBRARY} {version(LIBRARY)})"


def placed(features: np.ndarray) -> np.ndarray:
    """Places (right, down) from 0 to 1 ``[N, 2]`` for features ``[N, D]``, to four digits."""
    features = np.asarray(features, np.float64)
    few = len(features) < FEW or not np.ptp(features, axis=0).any()
    found = principal(features) if few or method() == COMPONENTS else _by_neighbours(features)
    low, span = found.min(0), np.ptp(found, axis=0)
    places: np.ndarray = np.round((found - low) / np.where(span > 0, span, 1), 4)
    return places


def principal(features: np.ndarray) -> np.ndarray:
    """The two principal components ``[N, 2]`` of ``[N, D]``; the largest of each is positive."""
    centred = features - features.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    two = np.zeros((2, features.shape[1]))
    two[: min(2, len(axes))] = axes[:2]
    along = centred @ two.T
    largest = along[np.abs(along).argmax(0), [0, 1]]
    signed: np.ndarray = along * np.where(largest < 0, -1, 1)
    return signed


def _by_neighbours(features: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    with threadpool_limits(1):  # sums of several threads differ from run to run
        embedding = TSNE(
            2, perplexity=perplexity, max_iter=STEPS, init="pca", random_state=SEED
        ).fit_transform(features.astype(np.float32))
    found: np.ndarray = np.asarray(embedding, np.float64)
    return found


def snapped(places: np.ndarray) -> list[tuple[int, int]]:
    """The cell (row, column) of each place ``[N, 2]``: all of a grid, moved as little as can be.

    The sum of squared distances is the least of all ways to fill the grid.
    """
    rows, columns = grid(len(places))
    all_cells = cells(len(places))
    centres = np.array(
        [((column + 0.5) / columns, (row + 0.5) / rows) for row, column in all_cells]
    )
    # the grid's cells are squares: a step across is as long as a step down
    moved = (places[:, None] - centres[None]) * np.array([columns, rows])
    return [all_cells[cell] for cell in assigned(np.square(moved).sum(-1))]


def nearest(features: np.ndarray) -> np.ndarray:
    """The nearest other of each of ``[N, D]``: ``[N]``; of equally near ones the first."""
    features = np.asarray(features, np.float64)
    squares = np.square(features).sum(1)
    distance = squares[:, None] + squares - 2 * features @ features.T
    np.fill_diagonal(distance, np.inf)
    found: np.ndarray = distance.argmin(1)
    return found
