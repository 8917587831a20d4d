"""Images that repeat others: the same decoded pixels, and, if asked, nearly the same picture."""

from __future__ import annotations

import itertools
from collections import defaultdict

BITS = 64  # of a perceptual hash


class Seen:
    """What came before, in order of index.

    ``near`` is how many of the 64 bits of their perceptual hashes may differ between two pictures
    that count as one; None if only equal pixels do.
    """

    def __init__(self, near: int | None = None) -> None:
        self.near = near
        self._digests: dict[bytes, int] = {}
        self._hashes: dict[int, int] = {}
        self._bands: dict[tuple[int, int], list[int]] = defaultdict(list)

    def original(self, index: int, digest: bytes, look: int | None) -> int | None:
        """The earlier image that this one repeats; None if there is none, and it is kept.

        ``look`` is its perceptual hash. Of several near ones the earliest is meant.
        """
        if digest in self._digests:
            return self._digests[digest]
        if self.near is not None and look is not None:
            found = self._nearest(look)
            if found is not None:
                self._digests[digest] = found
                return found
            self._hashes[index] = look
            for band in self._bands_of(look):
                self._bands[band].append(index)
        self._digests[digest] = index
        return None

    def _nearest(self, look: int) -> int | None:
        assert self.near is not None
        # two hashes that differ in n bits agree in one of n + 1 bands
        candidates = {index for band in self._bands_of(look) for index in self._bands[band]}
        near = [i for i in candidates if (self._hashes[i] ^ look).bit_count() <= self.near]
        return min(near, default=None)

    def _bands_of(self, look: int) -> list[tuple[int, int]]:
        assert self.near is not None
        count = self.near + 1
        cuts = [BITS * band // count for band in range(count + 1)]
        return [
            (band, look >> start & ((1 << stop - start) - 1))
            for band, (start, stop) in enumerate(itertools.pairwise(cuts))
        ]
