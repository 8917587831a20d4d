"""Figures of experiments in words."""

from __future__ import annotations

from atlas.site.phrases import minus


def decimal(value: float | None, digits: int = 2) -> str:
    """A figure with so many decimals; a dash for none."""
    return "–" if value is None else minus(f"{value:.{digits}f}")
