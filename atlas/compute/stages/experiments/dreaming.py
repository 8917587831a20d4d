"""Chosen images, dreamed by layers from low to high."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES
from atlas.data.experiments.dreaming import DREAMING, Dream, Dreamer, Dreaming, RisenUnit
from atlas.data.experiments.outcomes import Outcome, picture_file
from atlas.data.plan import Plan
from atlas.data.rounding import significant
from atlas.drawing.frames import webp
from atlas.experiments import dreaming
from atlas.experiments.subjects import choose_subjects
from atlas.networks.layers import Layer

if TYPE_CHECKING:
    from atlas.compute.run import Run

NAME = "dreaming"
MOST_IMAGES = 3
MOST_LAYERS = 4
MOST_UNITS = 3  # that are named of each dream
QUALITY = 80


def run(run: Run) -> None:
    """Let each layer dream each image."""
    if not run.settings.pictures:
        none = "a dream shows its image, and this atlas shows no pixels of images"
        run.write(DREAMING, Outcome(None, none))
        return
    network, recipe = run.network, dreaming.USUAL
    layers = _some([one for one in network.choose(run.settings.layer_globs) if one.shape[1] > 1])
    if not layers:
        run.write(DREAMING, Outcome(None, "no layer of this atlas has positions in the image"))
        return
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    subjects = choose_subjects(
        network, run.images, usable=usable, globs=run.settings.subjects, slots=run.slots,
        count=MOST_IMAGES, cache=run.cache,
    )[:MOST_IMAGES]  # fmt: skip
    pixels = stimuli_of(run, [one.image for one in subjects])
    sizes = recipe.sizes(network.preprocessing.crop, network.preprocessing.crop)
    pieces = [(at, layer) for at in range(len(subjects)) for layer in layers]

    def dream(piece: tuple[int, Layer]) -> dict[str, np.ndarray]:
        at, layer = piece
        picture = dreaming.dreamed(network, pixels[at], layer, slots=run.slots, recipe=recipe)
        before, after = (
            dreaming.energies(network, one, layer, slots=run.slots)
            for one in (dreaming.enlarged(pixels[at], sizes[-1]), picture)
        )
        return {"picture": picture, "before": before, "after": after}

    parts = iter(shared_work(run, pieces, dream, what=NAME))
    if not run.leads:
        return
    (run.folder / picture_file(NAME, "")).mkdir(parents=True, exist_ok=True)
    dreamers = []
    for subject, own in zip(subjects, pixels, strict=True):
        dreams = tuple(
            _dream(run, f"{subject.image}-{at}", layer, next(parts))
            for at, layer in enumerate(layers)
        )
        dreamers.append(Dreamer(subject, _drawn(run, f"{subject.image}", own), dreams))
    names = tuple(layer.id for layer in layers)
    found = Dreaming(names, tuple(sizes), recipe.steps, dreaming.STEP, tuple(dreamers))
    run.write(DREAMING, Outcome(found))


def _some(layers: Sequence[Layer]) -> list[Layer]:
    """As many layers as are dreamed with, from the second on, spread evenly up to the last."""
    count = min(MOST_LAYERS, max(1, len(layers) - 1))
    return [layers[-1 - (count - 1 - at) * (len(layers) - 1) // count] for at in range(count)]


def _dream(run: Run, name: str, layer: Layer, part: dict[str, np.ndarray]) -> Dream:
    before, after = part["before"], part["after"]
    order = np.argsort(before - after, kind="stable")[:MOST_UNITS]
    return Dream(
        layer.id,
        _drawn(run, name, part["picture"]),
        (significant(before.mean()), significant(after.mean())),
        tuple(
            RisenUnit(int(unit), significant(before[unit]), significant(after[unit]))
            for unit in order
            if after[unit] > before[unit]
        ),
    )


def _drawn(run: Run, name: str, picture: np.ndarray) -> str:
    """Write a picture; returns its file's name."""
    file = f"{name}.webp"
    (run.folder / picture_file(NAME, file)).write_bytes(webp(picture, quality=QUALITY))
    return file


def _bytes(plan: Plan) -> int:
    """Dreams are full of fine detail: half a byte a pixel."""
    height, width = dreaming.USUAL.sizes(plan.side, plan.side)[-1]
    return 30_000 + (MOST_IMAGES * MOST_LAYERS * height * width // 2 if plan.pictures else 0)


STAGE = Stage(
    NAME,
    run,
    (DREAMING,),
    needs=("scan",),
    inputs=("network", "images", "slots"),
    settings=("subjects", "images_policy", "layers"),
    files=(picture_file(NAME, "*"),),
    estimate=_bytes,
)
