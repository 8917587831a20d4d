"""Figures of experiments in words."""

from __future__ import annotations


def percent(value: float) -> str:
    """A share in percent, without decimals."""
    return _minus(f"{100 * value:.0f}") + " %"


def decimal(value: float | None, digits: int = 2) -> str:
    """A figure with so many decimals; a dash for none."""
    return "–" if value is None else _minus(f"{value:.{digits}f}")


def _minus(text: str) -> str:
    """A number with a true minus sign, and none before nothing but zeros."""
    return text.replace("-", "−" if any(digit in text for digit in "123456789") else "")
