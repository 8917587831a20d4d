"""Boxes in the input frame, the stimulus after resize and crop.

Positions are (row, column); boxes are half-open; their unit is a pixel of the input frame.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A half-open rectangle in pixels of the input frame."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    def as_tuple(self) -> tuple[int, int, int, int]:
        """``(top, left, bottom, right)``."""
        return self.top, self.left, self.bottom, self.right
