"""How alike two sets of units are that looked at the same things.

Units of different networks have no order in common. They are matched one to one so that their
correlations add up to the most (Li, Yosinski, Clune, Lipson & Hopcroft 2016, "Convergent
learning"); and whole sets are compared by linear CKA, which needs no matching and doesn't change
when units are mixed by a rotation (Kornblith, Norouzi, Lee & Hinton 2019).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from atlas.runtime.assignment import assigned

PLACES = 8  # of a map along each axis, at most


@dataclass(frozen=True)
class Moments:
    """Sums over observations of U units x and V units y, in float64: all that both measures need.

    ``count`` is how many observations there are; ``x`` ``[U]`` and ``y`` ``[V]`` are sums, ``xx``
    ``[U, U]``, ``yy`` ``[V, V]`` and ``xy`` ``[U, V]`` sums of products.
    """

    count: np.ndarray
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    yy: np.ndarray
    xy: np.ndarray

    def named(self, name: str) -> dict[str, np.ndarray]:
        """Its arrays, with names that begin with ``name``."""
        return {f"{name} {key}": value for key, value in vars(self).items()}

    def centred(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Covariances of x, of y, and of x with y, times ``count``."""
        count = max(1, int(self.count))
        return (
            self.xx - np.outer(self.x, self.x) / count,
            self.yy - np.outer(self.y, self.y) / count,
            self.xy - np.outer(self.x, self.y) / count,
        )


def moments(x: np.ndarray, y: np.ndarray) -> Moments:
    """Those of observations ``[M, U]`` and ``[M, V]``."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    return Moments(np.array(len(x)), x.sum(0), y.sum(0), x.T @ x, y.T @ y, x.T @ y)


def total(parts: Iterable[Mapping[str, np.ndarray]], name: str) -> Moments:
    """The sum of moments that were ``named`` so."""
    keys = Moments.__dataclass_fields__
    summed: dict[str, np.ndarray] = {}
    for part in parts:
        for key in keys:
            summed[key] = summed.get(key, 0) + part[f"{name} {key}"]
    return Moments(**summed)


def observed(maps: np.ndarray) -> np.ndarray:
    """Activations ``[N, P, U]`` at places spread evenly over maps ``[N, U, H, W]``.

    There are ``PLACES`` along each axis, or all where there are fewer.
    """
    rows, columns = (_spread(side) for side in maps.shape[2:])
    some = maps[:, :, rows][..., columns]
    return some.reshape(*some.shape[:2], -1).transpose(0, 2, 1)


def _spread(side: int) -> np.ndarray:
    count = min(PLACES, side)
    return (2 * np.arange(count) + 1) * side // (2 * count)


def correlations(of: Moments) -> np.ndarray:
    """The correlation of each x with each y: ``[U, V]``; 0 where one of them is constant."""
    xx, yy, xy = of.centred()
    scale = np.outer(_spreads(xx, of.xx), _spreads(yy, of.yy))
    found: np.ndarray = np.where(scale > 0, xy / np.where(scale > 0, scale, 1), 0)
    return np.clip(found, -1, 1)


def _spreads(covariance: np.ndarray, raw: np.ndarray) -> np.ndarray:
    variance, whole = np.diag(covariance), np.diag(raw)
    return np.sqrt(np.where(variance > 1e-12 * whole, variance, 0))


def cka(of: Moments) -> float:
    """Linear CKA of x and y: 1 where one is the other rotated and scaled, 0 where nothing agrees.

    It is the squared norm of the covariance of x with y, by the norms of the covariances of each.
    """
    xx, yy, xy = of.centred()
    scale = np.linalg.norm(xx) * np.linalg.norm(yy)
    return float(np.square(xy).sum() / scale) if scale > 0 else 0.0


def matched(correlation: np.ndarray) -> list[tuple[int, int, float]]:
    """Units x and y, one to one, with their correlation, so that these add up to the most.

    ``correlation`` is ``[U, V]``; the smaller set is matched whole. In the order of x.
    """
    if len(correlation) <= correlation.shape[1]:
        pairs = list(enumerate(assigned(-correlation).tolist()))
    else:
        pairs = [(x, y) for y, x in enumerate(assigned(-correlation.T).tolist())]
    return [(x, y, float(correlation[x, y])) for x, y in sorted(pairs)]
