"""Chosen images, changed by so little that the network gives another class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES
from atlas.data.experiments.fooling import (
    FOOLING,
    ChangedLayer,
    Fooled,
    Fooling,
    Walk,
    smallest,
)
from atlas.data.experiments.outcomes import Outcome, Subject, picture_file
from atlas.data.plan import Plan
from atlas.data.rounding import significant
from atlas.drawing.frames import webp
from atlas.experiments import fooling
from atlas.experiments.passes import values_of
from atlas.experiments.subjects import Classes, choose_subjects, classes_of
from atlas.networks.network import Network

if TYPE_CHECKING:
    from atlas.compute.run import Run

NAME = "fooling"
MOST = 8  # subjects
GRADIENT_STEPS = tuple(range(1, 33))  # levels of 255
RANDOM_STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
SEEDS = 5  # of random signs


def run(run: Run) -> None:
    """Change them, and look."""
    network, images = run.network, run.images
    classes = classes_of(network, images)
    if classes is None or len(classes.names) < 2:
        none = "this network gives no scores of classes"
        run.write(FOOLING, Outcome(None, none))
        return
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    subjects = run.ranks.share(_chosen(run, usable) if run.leads else ())
    pixels = stimuli_of(run, [one.image for one in subjects])

    def fool(at: int) -> dict[str, np.ndarray]:
        return _fooled(network, classes, subjects[at].image, pixels[at], slots=run.slots)

    parts = shared_work(run, range(len(subjects)), fool, what=NAME)
    if not run.leads:
        return
    spread = _spreads(run)
    fooled = tuple(
        _outcome(subject, part, network, classes, spread)
        for subject, part in zip(subjects, parts, strict=True)
    )
    mentioned = {
        number
        for one in fooled
        for walk in (one.gradient, *one.random)
        for number in (one.given, *walk.given)
    } | {one.subject.truth for one in fooled if one.subject.truth is not None}
    result = Fooling(
        GRADIENT_STEPS,
        RANDOM_STEPS,
        fooled,
        {number: classes.names[number] for number in sorted(mentioned)},
        bool(spread),
    )
    run.write(FOOLING, Outcome(result))
    if run.settings.pictures:
        _draw(run, result, pixels, parts)


def _chosen(run: Run, usable: Sequence[int]) -> tuple[Subject, ...]:
    return choose_subjects(
        run.network,
        run.images,
        usable=usable,
        globs=run.settings.subjects,
        slots=run.slots,
        cache=run.cache,
    )[:MOST]


def _fooled(
    network: Network, classes: Classes, image: int, picture: np.ndarray, *, slots: int
) -> dict[str, np.ndarray]:
    """The scores after all steps, and the maxima before and after: fooled, and at random."""

    def scores(pictures: np.ndarray) -> np.ndarray:
        values = values_of(network, pictures, [classes.node], slots=slots)
        return np.concatenate([one[classes.node].numpy(force=True) for one in values])

    own = scores(picture[None])
    given = int(own[0].argmax())
    signs = fooling.gradient_signs(network, picture, classes.node, given)
    gradient = scores(fooling.stepped(picture, signs, GRADIENT_STEPS))
    found = {"own": own, "signs": signs.astype(np.int8), "gradient": gradient}
    for seed in range(SEEDS):
        other = fooling.random_signs(picture.shape, image=image, seed=seed)
        found[f"random {seed}"] = scores(fooling.stepped(picture, other, RANDOM_STEPS))
    changed = np.flatnonzero(gradient.argmax(1) != given)
    if len(changed):
        step = [GRADIENT_STEPS[changed[0]]]
        other = fooling.random_signs(picture.shape, image=image, seed=0)
        steps = (fooling.stepped(picture, way, step) for way in (signs, other))
        pictures = np.concatenate([picture[None], *steps])
        layers = list(network.layers.values())
        maxima = fooling.maxima(network, pictures, layers, slots=slots)
        found |= {f"maxima {layer.id}": one for layer, one in zip(layers, maxima, strict=True)}
    return found


def _spreads(run: Run) -> dict[str, np.ndarray]:
    """The standard deviations of the units of each layer, where the scan counted levels."""
    if not run.settings.has_evidence:
        return {}
    chosen = run.network.choose(run.settings.layer_globs)
    return {layer.id: fooling.spreads(run.record(layer.id).counts) for layer in chosen}


def _outcome(
    subject: Subject,
    part: dict[str, np.ndarray],
    network: Network,
    classes: Classes,
    spread: dict[str, np.ndarray],
) -> Fooled:
    given = int(part["own"][0].argmax())

    def walk(scores: np.ndarray) -> Walk:
        probability = classes.probabilities(torch.from_numpy(scores))[:, given]
        return Walk(tuple(map(significant, probability)), tuple(scores.argmax(1).tolist()))

    gradient = walk(part["gradient"])
    least = smallest(GRADIENT_STEPS, gradient, given)
    changed = []
    for name, own in spread.items() if least else ():
        before, after, random = part[f"maxima {name}"]
        change = fooling.changes(before, after, own)
        by_chance = fooling.changes(before, random, own)
        changed.append(
            ChangedLayer(
                name,
                significant(np.abs(change).mean()),
                significant(np.abs(by_chance).mean()),
                fooling.most_changed(before, after, change),
            )
        )
    return Fooled(
        subject,
        given,
        walk(part["own"]).probability[0],
        least,
        gradient.given[GRADIENT_STEPS.index(least)] if least else None,
        factor=127 // (least or GRADIENT_STEPS[-1]),
        gradient=gradient,
        random=tuple(walk(part[f"random {seed}"]) for seed in range(SEEDS)),
        changed=tuple(changed),
    )


def _draw(
    run: Run, result: Fooling, pixels: np.ndarray, parts: Sequence[dict[str, np.ndarray]]
) -> None:
    """Each image, the one that fools, and their difference; without loss, so all stay real."""
    (run.folder / picture_file(NAME, "")).mkdir(parents=True, exist_ok=True)
    for one, picture, part in zip(result.subjects, pixels, parts, strict=True):
        signs = part["signs"].astype(np.int16)
        step = one.smallest or GRADIENT_STEPS[-1]
        (fooled,) = fooling.stepped(picture, signs, [step])
        apart = (fooled.astype(np.int16) - picture) * one.factor + 128
        for kind, content in (("image", picture), ("fooled", fooled), ("difference", apart)):
            file = picture_file(NAME, f"{one.subject.image}-{kind}.webp")
            content = np.clip(content, 0, 255).astype(np.uint8)
            (run.folder / file).write_bytes(webp(content, quality=50, lossless=True))


def _bytes(plan: Plan) -> int:
    return 40_000 + (5 * 4 * plan.side[0] * plan.side[1] if plan.pictures else 0)


STAGE = Stage(
    NAME,
    run,
    (FOOLING,),
    needs=("scan",),
    inputs=("network", "images", "slots"),
    settings=("subjects", "images_policy", "layers", "evidence"),
    files=(picture_file(NAME, "*"),),
    estimate=_bytes,
)
