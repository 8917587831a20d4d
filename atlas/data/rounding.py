"""Figures as documents keep them: with as many digits as say something."""

from __future__ import annotations

from typing import SupportsFloat


def significant(value: SupportsFloat, digits: int = 6) -> float:
    """A number with so many significant digits; seven tell float32 numbers apart."""
    return float(f"{float(value):.{digits}g}")


def rounded(value: SupportsFloat, decimals: int = 4) -> float:
    """A share or a correlation with so many decimals."""
    return round(float(value), decimals)
