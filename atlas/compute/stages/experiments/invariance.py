"""Chosen images, moved, enlarged and turned: how features and scores change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES
from atlas.data.experiments.invariance import (
    INVARIANCE,
    ROTATION,
    SCALE,
    TRANSLATION,
    Curve,
    Features,
    Invariance,
    Transformation,
    Untransformed,
)
from atlas.data.experiments.outcomes import Outcome, Subject, picture_file
from atlas.data.plan import Plan
from atlas.data.rounding import significant
from atlas.drawing.frames import sheet, small
from atlas.experiments import invariance
from atlas.experiments.features import Place, first_and_last
from atlas.experiments.subjects import COUNT, Classes, choose_subjects, classes_of, spread
from atlas.networks.network import Network

if TYPE_CHECKING:
    from atlas.compute.run import Run

NAME = "invariance"
MOST = 8  # subjects: as many as lines on a chart can be told apart
OTHERS = 16  # images that each subject is compared with, so that distances have a measure
TRIED = 96  # images among which one is sought that changes little when turned
FRAMES = 7  # of a filmstrip


@dataclass(frozen=True)
class _Piece:
    """A subject, and a transformation of it; None for the comparison with other images."""

    subject: int
    name: str | None


def run(run: Run) -> None:
    """Transform them, and measure."""
    network, images = run.network, run.images
    places = first_and_last(network)
    if places is None:
        none = "this network has only one layer of features"
        run.write(INVARIANCE, Outcome(None, none))
        return
    usable = run.ranks.share(run.read(IMAGES).usable if run.leads else [])
    classes = classes_of(network, images)
    subjects, symmetric = run.ranks.share(_chosen(run, usable) if run.leads else ((), None))
    pixels = stimuli_of(run, [one.image for one in subjects])
    others = spread(usable, OTHERS)
    names = (TRANSLATION, SCALE, ROTATION)
    pieces = [_Piece(at, name) for at in range(len(subjects)) for name in (None, *names)]

    def measure(piece: _Piece) -> dict[str, np.ndarray]:
        own = pixels[piece.subject : piece.subject + 1]
        if piece.name is None:
            apart = [index for index in others if index != subjects[piece.subject].image]
            more = stimuli_of(run, apart) if apart else own[:0]
        else:
            moves = list(invariance.moves(piece.name, own.shape[1]).values())
            more = invariance.moved(np.repeat(own, len(moves), axis=0), moves)
        pictures = np.concatenate([own, more])
        node = classes.node if classes else None
        return invariance.from_the_first(network, pictures, places, node, slots=run.slots)

    parts = shared_work(run, pieces, measure, what=NAME)
    if not run.leads:
        return
    found = {(one.subject, one.name): part for one, part in zip(pieces, parts, strict=True)}
    compared = [found[at, None] for at in range(len(subjects))]
    starts = [
        _start(subject, part, classes) for subject, part in zip(subjects, compared, strict=True)
    ]
    transformations = []
    for name in names:
        curves = tuple(_curve(found[at, name], start, classes) for at, start in enumerate(starts))
        amounts = tuple(invariance.moves(name, pixels.shape[1]))
        shown = tuple(_frames(len(amounts)))
        transformations.append(Transformation(name, amounts, shown, curves))
    result = Invariance(
        side=(pixels.shape[1], pixels.shape[2]),
        subjects=subjects,
        untransformed=tuple(starts),
        symmetric=symmetric,
        others=len(others),
        first=_features(network, places[0], [part["first"] for part in compared]),
        last=_features(network, places[1], [part["last"] for part in compared]),
        transformations=tuple(transformations),
        classes=_mentioned(starts, transformations, classes),
    )
    run.write(INVARIANCE, Outcome(result))
    if run.settings.pictures:
        _draw(run, result, pixels)


def _chosen(run: Run, usable: Sequence[int]) -> tuple[tuple[Subject, ...], int | None]:
    """The subjects, and the place of the one that changes least when turned, if it was sought."""
    network, images, slots = run.network, run.images, run.slots
    globs = run.settings.subjects
    subjects = choose_subjects(
        network, images, usable=usable, globs=globs, slots=slots, cache=run.cache
    )[:MOST]
    taken = {one.image for one in subjects}
    tried = [index for index in spread(usable, TRIED) if index not in taken]
    if globs or len(subjects) < COUNT or not tried:
        return subjects, None
    alike = invariance.symmetry(np.stack([small(one, 48) for one in stimuli_of(run, tried)]))
    best = tried[int(np.argmax(alike))]
    more = choose_subjects(
        network, images, usable=[best], slots=slots, count=1, cache=run.cache
    )  # the image itself, as there is no other
    return (*subjects, *more), len(subjects)


def _frames(amounts: int) -> list[int]:
    """Which of so many amounts are shown: the first, the last, and evenly between; all of few."""
    count = min(FRAMES, amounts)
    return [place * (amounts - 1) // max(1, count - 1) for place in range(count)]


def _start(subject: Subject, part: dict[str, np.ndarray], classes: Classes | None) -> Untransformed:
    if classes is None:
        return Untransformed(None, None, None)
    scores = torch.from_numpy(part["scores"][:1])
    given = int(scores[0].argmax())
    followed = given if subject.truth is None else subject.truth
    return Untransformed(followed, significant(classes.probabilities(scores)[0, followed]), given)


def _curve(part: dict[str, np.ndarray], start: Untransformed, classes: Classes | None) -> Curve:
    first, last = (tuple(map(significant, part[name][1:])) for name in ("first", "last"))
    if classes is None:
        return Curve(first, last, (), ())
    scores = torch.from_numpy(part["scores"][1:])
    probability = classes.probabilities(scores)[:, start.followed]
    return Curve(
        first, last, tuple(map(significant, probability)), tuple(scores.argmax(1).tolist())
    )


def _features(network: Network, place: Place, apart: Sequence[np.ndarray]) -> Features:
    """``apart`` are distances of subjects from other images, after each a 0 from itself."""
    every = np.concatenate([one[1:] for one in apart])
    another = significant(every.mean()) if every.size else 0.0
    return Features(place.layer, place.numbers(network), place.read, another)


def _mentioned(
    starts: Sequence[Untransformed],
    transformations: Sequence[Transformation],
    classes: Classes | None,
) -> dict[int, str]:
    if classes is None:
        return {}
    own = {number for one in starts for number in (one.followed, one.given) if number is not None}
    given = {number for one in transformations for curve in one.curves for number in curve.given}
    return {number: classes.names[number] for number in sorted(own | given)}


def _draw(run: Run, result: Invariance, pixels: np.ndarray) -> None:
    """A small picture of each subject, and a filmstrip of each transformation."""
    (run.folder / picture_file(NAME, "")).mkdir(parents=True, exist_ok=True)
    for subject, picture in zip(result.subjects, pixels, strict=True):
        file = run.folder / picture_file(NAME, f"{subject.image}.webp")
        file.write_bytes(sheet([[picture]]))
    for one in result.transformations:
        by_amount = invariance.moves(one.name, pixels.shape[1])
        moves = [by_amount[one.amounts[place]] for place in one.shown]
        rows = [invariance.moved(np.repeat(picture[None], len(moves), axis=0), moves)
                for picture in pixels]  # fmt: skip
        (run.folder / picture_file(NAME, f"{one.name}.webp")).write_bytes(sheet(rows))


def _bytes(plan: Plan) -> int:
    return 200_000 if plan.pictures else 40_000


STAGE = Stage(
    NAME,
    run,
    (INVARIANCE,),
    needs=("scan",),
    inputs=("network", "images", "slots"),
    settings=("subjects", "images_policy"),
    files=(f"{picture_file(NAME, '*')}",),
    estimate=_bytes,
)
