"""Whether names, faces and answers are what an atlas says: found anew from network and images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas.compute.facing import Shown, faced, usual_of
from atlas.compute.naming import named
from atlas.compute.peak_files import PEAKS
from atlas.compute.peaking import Peaking, pieces_of
from atlas.compute.stages.things import annotated, visible
from atlas.compute.stimuli import pixels_again
from atlas.compute.told import pixels_of, told
from atlas.data.documents import CONCEPTS, NINE
from atlas.data.faces import FACES, UnitFaces
from atlas.data.names import CONCEPT, GROUP, NAMES, THINGS, UnitName
from atlas.data.records import AtlasData
from atlas.data.telling import TELLING, UnitTelling
from atlas.evidence.faces import directions
from atlas.evidence.naming.things import told_apart
from atlas.evidence.peaks import LayerPeaks, Seen
from atlas.images.hierarchy import read_hierarchy
from atlas.images.masks import Masks
from atlas.images.sources import Images, label_of
from atlas.networks.batching import Running
from atlas.networks.network import Network

NEAR = 0.01  # by which a score may differ where activations were rounded otherwise
ANSWERS = 0.2  # four answers of twenty: another rounding may draw other images


@dataclass(frozen=True)
class Known:
    """What names were found from besides network and images."""

    masks: Masks | None = None
    hierarchy: Path | None = None


NOTHING = Known()


def differences(
    folder: Path,
    facts: AtlasData,
    chosen: Mapping[str, Sequence[int]],
    network: Network,
    images: Images,
    *,
    known: Known,
    running: Running,
) -> dict[tuple[str, int], list[str]]:
    """What differs of each unit, in words; nothing where the atlas has no such figures."""
    if not (folder / PEAKS).is_file():
        return {}
    again = _Again.of(folder, facts, list(chosen), network, images, known, running)
    return {
        (layer, unit): found
        for layer, units in chosen.items()
        for unit, found in again.of_layer(folder, layer, units)
    }


@dataclass(frozen=True)
class _Again:
    """All of it computed anew: what the images came to, what they show, their pixels."""

    seen: Seen
    peaks: Mapping[str, LayerPeaks]
    shown: Shown | None
    pixels: np.ndarray

    @staticmethod
    def of(
        folder: Path,
        facts: AtlasData,
        layers: Sequence[str],
        network: Network,
        images: Images,
        known: Known,
        running: Running,
    ) -> _Again:
        def pixels(some: Sequence[int]) -> np.ndarray:
            return pixels_again(network, images, some, cache=running.cache)

        units = sum(network.layer(name).units for name in facts.layers)
        of_layers = [network.layer(name) for name in layers]
        peaking = Peaking.of(network, of_layers, facts.images.usable, units)
        look, small = peaking.looking(pixels, running.slots), []
        parts = []
        pieces = pieces_of(peaking.images, 8 * running.slots)
        for piece in running.progress(pieces, len(pieces), "peaks"):
            parts.append(look(piece))
            small.append(pixels_of(pixels(piece)))
        seen, peaks = peaking.together(parts)
        shown = _shown(folder, seen, network, images, known)
        return _Again(seen, peaks, shown, directions(np.concatenate(small)))

    def of_layer(
        self, folder: Path, layer: str, units: Sequence[int]
    ) -> Iterator[tuple[int, list[str]]]:
        """What differs of some units of a layer."""
        all_ = [one.unit for one in NINE.read(folder, layer).units]
        differs: dict[int, list[str]] = {unit: [] for unit in units}
        peaks, shown = self.peaks[layer], self.shown
        if shown is not None and NAMES.path(folder, layer).is_file():
            overlaps = {}
            if CONCEPTS.path(folder, layer).is_file():
                overlaps = {u.unit: dict(u.concepts) for u in CONCEPTS.read(folder, layer).units}
            names = named(
                peaks.of(shown.rows), shown.labels, all_, things=shown.things, overlaps=overlaps
            )
            said = {one.unit: one for one in NAMES.read(folder, layer).units}
            for name in names.units:
                if name.unit in differs:
                    differs[name.unit] += _of_name(name, said[name.unit])
        if shown is not None and FACES.path(folder, layer).is_file():
            faces = {one.unit: one for one in FACES.read(folder, layer).units}
            for face in faced(peaks.own, all_, shown, *usual_of(shown)).units:
                if face.unit in differs:
                    differs[face.unit] += _of_faces(face, faces[face.unit])
        if TELLING.path(folder, layer).is_file():
            own = directions(self.seen.features), self.pixels
            twin = directions(self.seen.twin), self.pixels[self.seen.rows]
            answers = {one.unit: one for one in TELLING.read(folder, layer).units}
            for answer in told(peaks, all_, own, twin).units:
                if answer.unit in differs:
                    differs[answer.unit] += _of_telling(answer, answers[answer.unit])
        yield from differs.items()


def _shown(
    folder: Path, seen: Seen, network: Network, images: Images, known: Known
) -> Shown | None:
    """What the images show; None where masks or a hierarchy would be needed that aren't given."""
    things = THINGS.read(folder)
    kinds = {one.kind for one in things.things}
    if (CONCEPT in kinds and known.masks is None) or (GROUP in kinds and not known.hierarchy):
        return None
    rows = annotated(seen.images, known.masks)
    some = [int(seen.images[row]) for row in rows]
    labels = [label_of(images, image) for image in some]
    groups = read_hierarchy(known.hierarchy, filter(None, labels)) if known.hierarchy else {}
    concepts = visible(known.masks, network.preprocessing, some, 0) if known.masks else []
    found, columns = told_apart(labels, groups, concepts)
    return Shown(seen.images, directions(seen.features), rows, columns, found)


def _of_name(again: UnitName, said: UnitName) -> list[str]:
    if (again.words, again.doubt) != (said.words, said.doubt):
        return [f"it follows {again.words} ({again.doubt or 'a name'}), "
                f"not {said.words} ({said.doubt or 'a name'})"]  # fmt: skip
    pairs = {
        "the correlation with its name": (again.pearson.score, said.pearson.score),
        "the correlation with half the labels away": (again.pearson.missing, said.pearson.missing),
        "the correlation with labels added": (again.pearson.extra, said.pearson.extra),
        "AUPRC": (again.auprc, said.auprc),
        "AUC": (again.auc, said.auc),
        "p": (again.p, said.p),
    }
    return _apart(pairs, NEAR)


def _of_faces(again: UnitFaces, said: UnitFaces) -> list[str]:
    differs = _apart(
        {
            "clarity": (again.clarity, said.clarity),
            "polysemanticity": (again.apart, said.apart),
            "redundancy": (again.redundancy, said.redundancy),
        },
        NEAR,
    )
    if [face.thing for face in again.faces] != [face.thing for face in said.faces]:
        differs.append(f"it has {len(again.faces)} faces, not {len(said.faces)} as said")
    return differs


def _of_telling(again: UnitTelling, said: UnitTelling) -> list[str]:
    pairs = {
        "answers by features": (again.features, said.features),
        "answers by pixels": (again.pixels, said.pixels),
    }
    return _apart(pairs, ANSWERS + 1e-9)


def _apart(pairs: Mapping[str, tuple[float | None, float | None]], most: float) -> list[str]:
    return [
        f"{what}: {again}, not {said}"
        for what, (again, said) in pairs.items()
        if (again is None) != (said is None)
        or (again is not None and said is not None and abs(again - said) > most)
    ]
