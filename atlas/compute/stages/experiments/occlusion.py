"""A grey square slid over some images."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES
from atlas.data.experiments.occlusion import (
    MOST,
    OCCLUSION,
    Grid,
    Marks,
    Occluded,
    Occlusion,
    Scored,
    Square,
    reconstruction_picture,
    stimulus_picture,
)
from atlas.data.experiments.outcomes import FOLDER, Outcome, Subject, picture_file
from atlas.data.geometry import Box
from atlas.data.plan import Plan
from atlas.data.rounding import significant
from atlas.data.whole_files import write_whole
from atlas.drawing import pixels
from atlas.experiments.hiding import object_of
from atlas.experiments.occlusion import (
    covered,
    energy_covered,
    layer_for,
    lies_inside,
    places_of,
    responses,
    square_for,
)
from atlas.experiments.subjects import choose_subjects, classes_of, spread
from atlas.networks.layers import Layer
from atlas.reconstruction.deconvnet import reconstruct

if TYPE_CHECKING:
    from atlas.compute.run import Run

NAME = "occlusion"
COUNT = 3  # images, as in the paper's figure
TOGETHER = 8  # batches that are one piece of work
PER_PIXEL = 0.35  # bytes of a picture, of which there are two for each image


def run(run: Run) -> None:
    """Slide it over them."""
    network, images, settings = run.network, run.images, run.settings
    layer = layer_for(network.choose(settings.layer_globs))
    if layer is None:
        run.write(OCCLUSION, Outcome(None, "no layer has maps with more than one place"))
        return
    subjects = choose_subjects(
        network,
        images,
        usable=run.ranks.share(run.read(IMAGES).usable if run.leads else []),
        globs=settings.subjects,
        slots=run.slots,
        count=COUNT,
        cache=run.cache,
    )
    subjects = tuple(spread(subjects, MOST))
    classes, square = classes_of(network, images), square_for(network.preprocessing)
    places = places_of(square)
    step = TOGETHER * run.slots - 1  # and the image itself
    pieces = [(one, first) for one in subjects for first in range(0, len(places), step)]

    def slide(piece: tuple[Subject, int]) -> dict[str, np.ndarray]:
        subject, first = piece
        stimulus = stimuli_of(run, [subject.image])[0]
        pictures = covered(stimulus, square, places[first : first + step])
        found = responses(
            network, stimulus, pictures, layer=layer, classes=classes, slots=run.slots
        )
        arrays = {
            "unit": np.array(found.unit),
            "position": np.array(found.position),
            "activation": np.array(found.activation),
            "sums": found.sums,
        }
        if found.probabilities is not None:
            best = found.probabilities.argmax(1)
            watched = int(best[0]) if subject.truth is None else subject.truth
            arrays |= {"best": best, "probability": found.probabilities[:, watched]}
        return arrays

    parts = shared_work(run, pieces, slide, what=NAME)
    if not run.leads:
        return
    occluded = []
    for subject in subjects:
        own = [part for (one, _), part in zip(pieces, parts, strict=True) if one is subject]
        occluded.append(_occluded(run, subject, own, layer=layer, square=square))
    spoken = {
        each
        for one in occluded
        if one.scored
        for each in (one.scored.watched, one.scored.named, *np.unique(one.scored.best).tolist())
    }
    names = {each: classes.names[each] for each in sorted(spoken)} if classes else {}
    run.write(OCCLUSION, Outcome(Occlusion(layer.id, square, names, tuple(occluded))))


def _occluded(
    run: Run, subject: Subject, parts: list[dict[str, np.ndarray]], *, layer: Layer, square: Square
) -> Occluded:
    """What became of one image, with its pictures drawn."""
    network, settings, first = run.network, run.settings, parts[0]
    unit, position = int(first["unit"]), (int(first["position"][0]), int(first["position"][1]))
    stimulus = stimuli_of(run, [subject.image])[0]
    projected = reconstruct(network, stimulus, layer.id, unit, position, settings.rule)
    signal = projected.float().numpy(force=True)
    whole = Box(0, 0, *square.frame)
    drawn = pixels.reconstruction(
        signal, std=network.preprocessing.std, box=whole, size=square.frame
    )
    _draw(run, reconstruction_picture(subject.image), drawn)
    if settings.pictures:
        _draw(run, stimulus_picture(subject.image), stimulus)
    masked = None
    if run.masks is not None and subject.image in run.masks.indices():
        masked = object_of(run.masks, subject.image, subject.label, network.preprocessing)
    scored = None
    if "best" in first:
        best = _grid(parts, "best", square)
        scored = Scored(
            int(first["best"][0]) if subject.truth is None else subject.truth,
            significant(first["probability"][0], 4),
            _figures(_grid(parts, "probability", square)),
            int(first["best"][0]),
            _marks(best),
        )
    return Occluded(
        subject,
        unit,
        position,
        significant(first["activation"], 4),
        significant(first["sums"][0], 4),
        _figures(_grid(parts, "sums", square)),
        _figures(energy_covered(signal, square)),
        scored,
        masked[0] if masked else "",
        _marks(lies_inside(masked[1], square)) if masked else None,
    )


def _draw(run: Run, file: str, picture: np.ndarray) -> None:
    """Keep a picture ``[H, W, C]`` uint8 beside the document."""
    content = io.BytesIO()
    levels = picture if picture.shape[2] == 3 else np.repeat(picture, 3, 2)
    Image.fromarray(np.ascontiguousarray(levels)).save(content, "WEBP", quality=80, method=4)
    path = run.folder / picture_file(NAME, file)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content.getvalue())


def _grid(parts: list[dict[str, np.ndarray]], name: str, square: Square) -> np.ndarray:
    """The figures at all places of the square; each part starts with that of the image itself."""
    return np.concatenate([part[name][1:] for part in parts]).reshape(square.places)


def _figures(grid: np.ndarray) -> Grid:
    return tuple(tuple(significant(value, 4) for value in row) for row in grid)


def _marks(grid: np.ndarray) -> Marks:
    return tuple(tuple(int(value) for value in row) for row in grid)


def _estimate(plan: Plan) -> int:
    pictures = round(2 * plan.side[0] * plan.side[1] * PER_PIXEL)
    return COUNT * (pictures + 15_000)  # and its figures


STAGE = Stage(
    NAME,
    run,
    (OCCLUSION,),
    needs=("scan",),
    inputs=("network", "images", "masks", "slots"),
    settings=("layers", "subjects", "rule", "images_policy"),
    files=(f"{FOLDER}/{NAME}/*.webp",),
    estimate=_estimate,
)
