"""Maps as paths: every cell has its colour, and none has two."""

from __future__ import annotations

import re

import numpy as np

from atlas.site.render.heat_maps import HeatMap, border_path, class_map, heat_map

SIZE, CELL = (10, 14), 4  # the last row and column of cells are cut


def drawn(of: HeatMap) -> np.ndarray:
    """The kind of colour of each pixel; of none "", of two "?"."""
    kinds = np.full(SIZE, "", object)
    for region in of.regions:
        runs = re.findall(r"M(\d+) (\d+)H(\d+)V(\d+)H\1z", region.path)
        assert "".join(f"M{a} {b}H{c}V{d}H{a}z" for a, b, c, d in runs) == region.path
        for left, top, right, bottom in (map(int, run) for run in runs):
            part = kinds[top:bottom, left:right]
            part[:] = np.where(part == "", region.kind, "?")
    return kinds


def test_a_heat_map_has_the_level_of_each_figure() -> None:
    figures = np.random.default_rng(0).uniform(-0.2, 1.2, (3, 4))
    found = heat_map(
        "", figures.tolist(), size=SIZE, cell=CELL, ends=(0, 1), write=lambda value: f"{value:g}"
    )
    assert (found.low, found.high) == ("0", "1")
    shown = drawn(found)
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            level = min(9, max(0, int(np.floor(figures[row // CELL, column // CELL] * 10))))
            assert shown[row, column] == f"h{level}"


def test_a_flat_map_is_drawn() -> None:
    found = heat_map("", [[0.0] * 4] * 3, size=SIZE, cell=CELL, ends=(0, 0), write=str)
    assert set(drawn(found).flat) == {"h0"}


def test_a_map_of_classes_names_the_commonest_first() -> None:
    grid = [[5, 5, 5, 9], [5, 2, 2, 1], [0, 3, 4, 6]]
    found = class_map("", grid, size=SIZE, cell=CELL, name=lambda one: f"c{one}")
    assert [entry.text for entry in found.legend] == [
        "c5, 33 %", "c2, 17 %", "c0, 8 %", "c1, 8 %", "c3, 8 %", "c4, 8 %", "c6, 8 %",
        "1 other, 8 %",
    ]  # fmt: skip
    shown = drawn(found)
    assert shown[0, 0] == "k0" and shown[5, 5] == "k1" and shown[0, 13] == "k7"
    assert "" not in shown and "?" not in shown


def test_a_border_lies_between_cells_that_differ() -> None:
    chosen = [[False, True, True, False], [False, True, False, False], [False] * 4]
    path = border_path(chosen, size=SIZE, cell=CELL)
    pieces = set(re.findall(r"M\d+ \d+[HV]\d+", path))
    assert "".join(sorted(pieces)) == "".join(sorted(re.findall(r"M[^M]+", path)))
    wanted = set()
    for row in range(3):
        for column in range(4):
            if row and chosen[row][column] != chosen[row - 1][column]:
                wanted.add(f"M{4 * column} {4 * row}H{min(14, 4 * column + 4)}")
            if column and chosen[row][column] != chosen[row][column - 1]:
                wanted.add(f"M{4 * column} {4 * row}V{min(10, 4 * row + 4)}")
    assert pieces == wanted
