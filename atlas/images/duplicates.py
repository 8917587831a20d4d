"""Images that repeat others: the same decoded pixels or, if asked for, nearly the same picture.

And those that can't be read, which are like nothing.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from atlas.runtime.checkpoint import Checkpoint

BITS = 64  # of a perceptual hash
DIGEST = 16  # bytes of the digest of an image's pixels
TABLES = {
    "seen": ("image INTEGER PRIMARY KEY", "digest BLOB", "hash BLOB", "recoloured INT",
             "original INT"),
    "bands": ("band INT", "part BLOB", "image INT"),
    "unread": ("image INTEGER PRIMARY KEY", "reason TEXT"),
}  # fmt: skip


@dataclass(frozen=True)
class ImageIdentity:
    """What decides whether an image repeats another.

    ``image`` is its index and ``digest`` that of its decoded pixels. ``hash`` is its perceptual
    hash of 64 bits, None if none was asked for. ``recoloured`` is True for a grey image that is
    shown to a network of colours, and for a colour image that is shown to a grey one.
    """

    image: int
    digest: bytes
    hash: int | None = None
    recoloured: bool = False


class DuplicateIndex:
    """The identities of all images so far, kept in a checkpoint's file and not in memory.

    Two images whose perceptual hashes differ in at most ``near`` of their 64 bits count as one;
    with None only images with equal pixels do.
    """

    def __init__(self, near: int | None = None, checkpoint: Checkpoint | None = None) -> None:
        self.near = near
        checkpoint = checkpoint or Checkpoint()
        for name, columns in TABLES.items():
            checkpoint.add_table(name, columns)
        self._database = checkpoint.database
        for index in ("by_digest ON seen (digest)", "by_band ON bands (band, part)"):
            self._database.execute(f"CREATE INDEX IF NOT EXISTS {index}")
        self._database.commit()

    def include(self, identities: Iterable[ImageIdentity]) -> set[int]:
        """Add images in the order of their indices, and return those that repeat an earlier one.

        An image that is near to several earlier ones repeats the first of them.
        """
        repeats = set()
        for identity in identities:
            original = self._original(identity)
            value = None if identity.hash is None else identity.hash.to_bytes(8, "big")
            row = (identity.image, identity.digest, value, identity.recoloured, original)
            self._database.execute("INSERT INTO seen VALUES (?, ?, ?, ?, ?)", row)
            if original is not None:
                repeats.add(identity.image)
            elif self.near is not None and identity.hash is not None:
                bands = [(*band, identity.image) for band in self._bands(identity.hash)]
                self._database.executemany("INSERT INTO bands VALUES (?, ?, ?)", bands)
        return repeats

    def leave_out(self, reasons: Mapping[int, str]) -> None:
        """Note images that can't be read, each with the reason."""
        self._database.executemany("INSERT INTO unread VALUES (?, ?)", reasons.items())

    @property
    def is_empty(self) -> bool:
        """Whether no image was added."""
        return not self._database.execute("SELECT EXISTS (SELECT 1 FROM seen)").fetchone()[0]

    @property
    def unread(self) -> dict[int, str]:
        """The images that can't be read, in order, each with the reason."""
        query = "SELECT image, reason FROM unread ORDER BY image"
        return dict(self._database.execute(query).fetchall())

    @property
    def repeats(self) -> dict[int, int]:
        """For each image that repeats an earlier one, the index of that one."""
        query = "SELECT image, original FROM seen WHERE original IS NOT NULL ORDER BY image"
        return dict(self._database.execute(query).fetchall())

    @property
    def recoloured(self) -> int:
        """The number of recoloured images among those that repeat no other."""
        query = "SELECT count(*) FROM seen WHERE recoloured AND original IS NULL"
        return int(self._database.execute(query).fetchone()[0])

    @property
    def digest(self) -> str:
        """A SHA-256 over the digests of all images, in the order of their indices.

        Zeros stand in the place of an image that can't be read.
        """
        query = (
            "SELECT image, digest FROM seen "
            "UNION ALL SELECT image, zeroblob(?) FROM unread ORDER BY image"
        )
        digest = hashlib.sha256()
        for _, one in self._database.execute(query, [DIGEST]):
            digest.update(one)
        return digest.hexdigest()

    def _original(self, identity: ImageIdentity) -> int | None:
        """The first image that this one repeats; None if it repeats none."""
        query = "SELECT coalesce(original, image) FROM seen WHERE digest = ? ORDER BY image LIMIT 1"
        row = self._database.execute(query, [identity.digest]).fetchone()
        if row is not None:
            return int(row[0])
        if self.near is None or identity.hash is None:
            return None
        # two hashes that differ in n bits agree in one of n + 1 bands
        query = "SELECT image, hash FROM bands JOIN seen USING (image) WHERE band = ? AND part = ?"
        near = [
            image
            for band in self._bands(identity.hash)
            for image, other in self._database.execute(query, band)
            if (int.from_bytes(other, "big") ^ identity.hash).bit_count() <= self.near
        ]
        return min(near, default=None)

    def _bands(self, hash_: int) -> list[tuple[int, bytes]]:
        """A perceptual hash cut into one more band than bits may differ: (number, bits) each."""
        assert self.near is not None
        count = self.near + 1
        cuts = [BITS * band // count for band in range(count + 1)]
        return [
            (band, (hash_ >> start & ((1 << stop - start) - 1)).to_bytes(8, "big"))
            for band, (start, stop) in enumerate(itertools.pairwise(cuts))
        ]
