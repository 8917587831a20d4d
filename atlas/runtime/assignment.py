"""Assigning rows to columns of a table so that the sum of costs is least, exactly. Needs no torch.

By shortest augmenting paths with dual prices (Jonker & Volgenant 1987, as Crouse 2016 has it for
tables that aren't square): rows are assigned one after another, each along the cheapest chain of
changes, found as Dijkstra finds paths.
"""

from __future__ import annotations

import numpy as np


def assigned(cost: np.ndarray) -> np.ndarray:
    """The column of each row ``[N]`` int64, all different, with the least sum of costs.

    ``cost`` is ``[N, M]`` with N at most M, all finite. Takes N * N * M steps at most. Raises
    ``ValueError`` for more rows than columns.
    """
    cost = np.asarray(cost, np.float64)
    rows, columns = cost.shape
    if rows > columns:
        raise ValueError(f"{rows} rows can't be assigned to {columns} columns")
    price_of_row, price = np.zeros(rows), np.zeros(columns)
    column_of = np.full(rows, -1, np.int64)
    row_of = np.full(columns, -1, np.int64)
    for first in range(rows):
        shortest = np.full(columns, np.inf)  # the length of the shortest path to each column
        before = np.full(columns, -1, np.int64)  # the row from which it comes
        reached = np.zeros(columns, bool)
        chain = [first]
        row, length = first, 0.0
        while True:
            through = length + cost[row] - price_of_row[row] - price
            better = ~reached & (through < shortest)
            shortest[better] = through[better]
            before[better] = row
            end = int(np.argmin(np.where(reached, np.inf, shortest)))
            length = float(shortest[end])
            reached[end] = True
            if row_of[end] < 0:
                break
            row = int(row_of[end])
            chain.append(row)
        price_of_row[first] += length
        others = np.array(chain[1:], np.int64)
        price_of_row[others] += length - shortest[column_of[others]]
        price[reached] -= length - shortest[reached]
        while True:  # take over the path, from its end
            row = int(before[end])
            row_of[end] = row
            column_of[row], end = end, int(column_of[row])
            if row == first:
                break
    return column_of
