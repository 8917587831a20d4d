"""What images show: classes by their folders, groups of classes, and concepts that have masks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from atlas.data.names import CLASS, CONCEPT, GROUP, Thing
from atlas.evidence.naming.forms import FEWEST

SAME = 0.9  # of the images that show either of two things show both: no unit tells them apart


def told_apart(
    classes: Sequence[str | None],
    groups: Mapping[str, Collection[str]],
    concepts: Sequence[Collection[str]],
) -> tuple[list[Thing], np.ndarray]:
    """The things that can be told apart, and which of N images show them, ``[N, C]`` bool.

    ``classes`` are the images' own, ``concepts`` those that are visible in each, if that is known.
    Things that too few images show, or lack, are left out.
    """
    columns: list[tuple[str, str, np.ndarray]] = []
    own = np.array([name or "" for name in classes])
    for name in sorted({name for name in classes if name}):
        columns.append((name, CLASS, own == name))
    for name, some in groups.items():
        columns.append((name, GROUP, np.isin(own, sorted(some))))
    for name in sorted({name for one in concepts for name in one}):
        columns.append((name, CONCEPT, np.array([name in one for one in concepts])))
    kept: list[tuple[str, str, np.ndarray]] = []
    also: list[list[str]] = []
    for name, kind, shown in columns:
        count = int(shown.sum())
        if min(count, len(own) - count) < FEWEST:
            continue
        for place, (other, _, known) in enumerate(kept):
            if (shown & known).sum() >= SAME * (shown | known).sum():
                also[place] += [name] if name != other and name not in also[place] else []
                break
        else:
            kept.append((name, kind, shown))
            also.append([])
    things = [
        Thing(name, kind, int(shown.sum()), tuple(more))
        for (name, kind, shown), more in zip(kept, also, strict=True)
    ]
    labels = np.stack([shown for _, _, shown in kept], 1) if kept else np.zeros((len(own), 0), bool)
    return things, labels
