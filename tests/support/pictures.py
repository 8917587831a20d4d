"""What the demo world draws, kept: many tests and builds look at the same pictures."""

from __future__ import annotations

import functools

import pytest

from atlas.demo import world

MOST = 512


def draw_once(patch: pytest.MonkeyPatch) -> None:
    """Draw each picture, and each picture's masks, once in a process."""
    for draw in (world.draw, world.masks):
        patch.setattr(world, draw.__name__, functools.lru_cache(maxsize=MOST)(draw))
