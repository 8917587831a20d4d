"""What a scan notes down by the way for the stage that follows: the peaks it takes anyway.

They lie in the scan's scratch folder, which is cleared where anything that decides a scan changes,
and hold each image's peaks of all layers and its features, or none of the image. What isn't there,
as after a build that only went on, is computed again; it is the same, to the last bit.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas.evidence import peaks
from atlas.experiments.features import Features, features_of
from atlas.networks.layers import Layer
from atlas.networks.network import Network
from atlas.runtime.full_disk import is_full
from atlas.scanning.noting import Noting

FILE = "peaks.bin"
SUM = 8  # bytes of the digest of an image's numbers
FEATURES = "features"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class NotedPeaks:
    """Peaks of ``layers`` in some images, in a file at ``path``.

    ``places`` are the images' places in it by index, ``slots`` how many the network is run on at
    once, and ``features`` where the features are, so many ``numbers``.
    """

    path: Path
    layers: Sequence[Layer]
    features: Features
    numbers: int
    places: Mapping[int, int]
    slots: int

    @staticmethod
    def of(
        folder: Path, network: Network, layers: Sequence[Layer], *, images: int, slots: int
    ) -> NotedPeaks:
        """Those of a scan of so many images; its scratch folder is ``folder``."""
        some = peaks.looked_at(range(images), sum(layer.units for layer in layers))
        features = features_of(network)
        shape = features.layer.shape if features.layer else network.graph.shapes[features.node]
        places = {image: place for place, image in enumerate(some)}
        return NotedPeaks(folder / FILE, layers, features, shape[0], places, slots)

    @property
    def noting(self) -> Noting:
        """For the scan: what it evaluates besides, and where that goes."""
        return Noting(self.features.node, self.features.of, self.put)

    def put(
        self, images: np.ndarray, features: np.ndarray, values: Mapping[str, np.ndarray]
    ) -> None:
        """Note what some images come to: features ``[N, D]``, and peaks ``[N, U]`` by layer."""
        rows = np.concatenate([features, *(values[layer.id] for layer in self.layers)], 1)
        rows = rows.astype(np.float32)
        try:
            with open(os.open(self.path, os.O_RDWR | os.O_CREAT), "r+b", buffering=0) as file:
                for image, row in zip(images.tolist(), rows, strict=True):
                    if image in self.places:
                        content = row.tobytes()
                        file.seek(self.places[image] * (len(content) + SUM))
                        file.write(content + self._sum(image, content))
        except OSError as error:
            if not is_full(error):
                raise

    def get(self, image: int) -> Arrays | None:
        """An image's features ``[D]`` and its peaks ``[U]`` by layer; None if they aren't there."""
        widths = [self.numbers, *(layer.units for layer in self.layers)]
        size = 4 * sum(widths)
        if image not in self.places:
            return None
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(self.places[image] * (size + SUM))
                content = file.read(size + SUM)
        except FileNotFoundError:
            return None
        if len(content) < size + SUM or content[size:] != self._sum(image, content[:size]):
            return None
        parts = np.split(np.frombuffer(content, np.float32, size // 4), np.cumsum(widths)[:-1])
        return dict(zip([FEATURES, *(layer.id for layer in self.layers)], parts, strict=True))

    def _sum(self, image: int, content: bytes) -> bytes:
        return hashlib.blake2b(
            f"{self.slots} {image} ".encode() + content, digest_size=SUM
        ).digest()
