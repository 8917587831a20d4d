"""Images that repeat others: the same decoded pixels, and, if asked, nearly the same picture."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from atlas.runtime.checkpoint import Checkpoint

BITS = 64  # of a perceptual hash


@dataclass(frozen=True)
class ImageIdentity:
    """What tells whether an image repeats another.

    ``digest`` is that of its decoded pixels; ``hash`` its perceptual hash of 64 bits, if one was
    asked for; ``recoloured`` whether a grey image is shown to a network of colours, or the reverse.
    """

    image: int
    digest: bytes
    hash: int | None = None
    recoloured: bool = False


class DuplicateIndex:
    """All images so far, in a checkpoint's file, where they take none of the process's memory.

    ``near`` is how many of the 64 bits of their perceptual hashes may differ between two pictures
    that count as one; None if only equal pixels do.
    """

    def __init__(self, near: int | None = None, checkpoint: Checkpoint | None = None) -> None:
        self.near = near
        self._database = (checkpoint or Checkpoint()).database
        self._database.executescript(
            """
            CREATE TABLE IF NOT EXISTS seen
                (image INTEGER PRIMARY KEY, digest BLOB, hash BLOB, recoloured INT, original INT);
            CREATE INDEX IF NOT EXISTS by_digest ON seen (digest);
            CREATE TABLE IF NOT EXISTS bands (band INT, part BLOB, image INT);
            CREATE INDEX IF NOT EXISTS by_band ON bands (band, part);
            """
        )

    def include(self, looks: Iterable[ImageIdentity]) -> set[int]:
        """Add images in order of their indices; returns those that repeat an earlier one.

        Of several near ones the earliest is meant.
        """
        repeats = set()
        for look in looks:
            original = self._original(look)
            value = None if look.hash is None else look.hash.to_bytes(8, "big")
            row = (look.image, look.digest, value, look.recoloured, original)
            self._database.execute("INSERT INTO seen VALUES (?, ?, ?, ?, ?)", row)
            if original is not None:
                repeats.add(look.image)
            elif self.near is not None and look.hash is not None:
                bands = [(*band, look.image) for band in self._bands_of(look.hash)]
                self._database.executemany("INSERT INTO bands VALUES (?, ?, ?)", bands)
        return repeats

    @property
    def repeats(self) -> dict[int, int]:
        """Each image that repeats an earlier one, and that one."""
        query = "SELECT image, original FROM seen WHERE original IS NOT NULL ORDER BY image"
        return dict(self._database.execute(query).fetchall())

    @property
    def recoloured(self) -> int:
        """How many of the others were recoloured."""
        query = "SELECT count(*) FROM seen WHERE recoloured AND original IS NULL"
        return int(self._database.execute(query).fetchone()[0])

    @property
    def digest(self) -> str:
        """A SHA-256 over the digests of all images, in order."""
        digest = hashlib.sha256()
        for (one,) in self._database.execute("SELECT digest FROM seen ORDER BY image"):
            digest.update(one)
        return digest.hexdigest()

    def _original(self, look: ImageIdentity) -> int | None:
        query = "SELECT coalesce(original, image) FROM seen WHERE digest = ? ORDER BY image LIMIT 1"
        row = self._database.execute(query, [look.digest]).fetchone()
        if row is not None:
            return int(row[0])
        if self.near is None or look.hash is None:
            return None
        # two hashes that differ in n bits agree in one of n + 1 bands
        query = "SELECT image, hash FROM bands JOIN seen USING (image) WHERE band = ? AND part = ?"
        near = [
            image
            for band in self._bands_of(look.hash)
            for image, other in self._database.execute(query, band)
            if (int.from_bytes(other, "big") ^ look.hash).bit_count() <= self.near
        ]
        return min(near, default=None)

    def _bands_of(self, look: int) -> list[tuple[int, bytes]]:
        assert self.near is not None
        count = self.near + 1
        cuts = [BITS * band // count for band in range(count + 1)]
        return [
            (band, (look >> start & ((1 << stop - start) - 1)).to_bytes(8, "big"))
            for band, (start, stop) in enumerate(itertools.pairwise(cuts))
        ]
