"""What units want: a picture for each that is chosen, made by gradient ascent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas.compute.shared_work import shared_work
from atlas.compute.stage import Stage
from atlas.compute.stimuli import stimuli_of
from atlas.data.documents import IMAGES, NINE, SUMMARY
from atlas.data.plan import Plan
from atlas.data.rounding import significant
from atlas.data.wants import (
    ALL,
    FOURIER,
    NEGATIVE,
    NONE,
    PIXELS,
    SECOND,
    WANTS,
    LayerWants,
    Made,
    Path,
    UnitWants,
    made_file,
)
from atlas.drawing import made
from atlas.experiments.subjects import spread
from atlas.experiments.wants import ascent, paths
from atlas.experiments.wants.colours import Colours, measured
from atlas.experiments.wants.frames import Frame, frame_of
from atlas.experiments.wants.painting import Paint, Pixels, Waves
from atlas.images.stimuli import stimuli

if TYPE_CHECKING:
    from atlas.compute.run import Run
    from atlas.networks.layers import Layer

SAMPLE = 256  # images whose colours and frequencies are measured, at most
ANY = 9  # of these, whose paths are those of any image
STREAMS = {FOURIER: 0, SECOND: 1, NEGATIVE: 2, PIXELS: 3}  # of random numbers


@dataclass(frozen=True)
class Nine:
    """A unit's winners: their images, positions, and the strongest activation."""

    images: tuple[int, ...]
    positions: tuple[tuple[int, int], ...]
    strongest: float


@dataclass(frozen=True)
class Piece:
    """Units of a layer whose pictures ascend together."""

    layer: str
    units: tuple[int, ...]


Chosen = dict[str, dict[int, Nine]]  # by layer and unit


def run(run: Run) -> None:
    """Choose units, make their pictures, and look at them as at the nine."""
    chosen: Chosen
    chosen, sample = run.ranks.share((_chosen(run), _sample(run)) if run.leads else ({}, []))
    kinds = (FOURIER, *(kind for kind in STREAMS if kind in run.settings.wants_more))
    slots = ascent.SLOTS if run.network.device.type == "cpu" else run.slots
    pieces = [
        Piece(layer, units)
        for layer, nines in chosen.items()
        for units in ascent.batches(list(nines), slots)
    ]
    _decode(run, chosen, sample)
    colours = measured(stimuli_of(run, sample)) if pieces else None
    frames = {layer: frame_of(run.network, run.network.layer(layer)) for layer in chosen}

    def make(piece: Piece) -> Mapping[str, np.ndarray]:
        assert colours is not None
        frame, some = frames[piece.layer], sample[:: max(1, len(sample) // ANY)][:ANY]
        return _made(run, piece, chosen[piece.layer], colours, frame, some, kinds, slots)

    parts = shared_work(run, pieces, make, what="making what units want")
    if not run.leads:
        return
    for layer, nines in chosen.items():
        own = [
            (piece, part) for piece, part in zip(pieces, parts, strict=True) if piece.layer == layer
        ]
        run.write(WANTS, _outcome(run, layer, nines, own, frames[layer], kinds), layer)


def _chosen(run: Run) -> Chosen:
    """The units that are chosen, with their nine."""
    if run.settings.wants == NONE:
        return {}
    summaries = {one.layer: one for one in run.read(SUMMARY).layers}
    chosen: Chosen = {}
    for layer in run.network.choose(run.settings.layer_globs):
        every = run.settings.wants == ALL
        wanted = set(summaries[layer.id].representative)
        nines = {
            one.unit: Nine(
                tuple(winner.image for winner in one.nine),
                tuple(winner.position for winner in one.nine),
                one.nine[0].value if one.nine else 0.0,
            )
            for one in run.read(NINE, layer.id).units
            if every or one.unit in wanted
        }
        if nines:
            chosen[layer.id] = nines
    return chosen


def _sample(run: Run) -> list[int]:
    """Images spread evenly over all."""
    return spread(run.read(IMAGES).usable, SAMPLE)


def _decode(run: Run, chosen: Chosen, sample: Sequence[int]) -> None:
    """Decode the stimuli that will be looked at, ahead, each rank its share."""
    images = {
        image for nines in chosen.values() for nine in nines.values() for image in nine.images
    }
    wanted = sorted(images | set(sample)) if chosen else []
    own = wanted[run.ranks.rank :: run.ranks.count]
    source = stimuli(
        run.images,
        run.network.preprocessing,
        own,
        workers=run.settings.workers,
        cache=run.cache,
        again=True,
    )
    for _ in source:
        pass


def _made(
    run: Run,
    piece: Piece,
    nines: Mapping[int, Nine],
    colours: Colours,
    frame: Frame,
    some: Sequence[int],
    kinds: Sequence[str],
    slots: int,
) -> dict[str, np.ndarray]:
    """The pictures of some units as files, and what the network makes of them and of the nine.

    Of each kind ``KIND PLACE`` is a file, ``KIND before`` and ``KIND after`` are values ``[N]``,
    ``KIND LAYER`` rank correlations ``[N]`` in a layer below; ``nine LAYER`` those of the nine, and
    ``any LAYER`` of the nine with ``some`` images, looked at in the middle.
    """
    network, layer = run.network, run.network.layer(piece.layer)
    below = paths.layers_below(network, layer)
    seen_nine = [_seen_nine(run, piece.layer, unit, nines[unit], below) for unit in piece.units]
    found: dict[str, np.ndarray] = {
        f"nine {one.id}": np.array([_pairs(nine[one.id]) for nine in seen_nine]) for one in below
    }
    middle = Nine(tuple(some), (frame.position,) * len(some), 0.0)
    seen_any = _seen_nine(run, piece.layer, piece.units[0], middle, below)
    found |= {
        f"any {one.id}": np.array([_between(seen_any[one.id], nine[one.id]) for nine in seen_nine])
        for one in below
    }
    mode, mean = network.preprocessing.mode, network.preprocessing.mean
    painted: dict[str, np.ndarray] = {}
    for kind in kinds:
        paint: Paint = Waves(colours, frame.size)
        if kind == PIXELS:
            paint = Pixels(np.array(mean), frame.size)
        painted[kind] = ascent.ascended(
            network,
            layer,
            piece.units,
            paint,
            frame=frame,
            slots=slots,
            sign=-1 if kind == NEGATIVE else 1,
            stream=STREAMS[kind],
            unlike=painted[FOURIER] if kind == SECOND else None,
        )
        files = [made.encoded(picture) for picture in frame.cut(painted[kind])]
        stored = [made.decoded(file, mode) for file in files]
        box = frame.box.as_tuple()
        seen = paths.seen(
            network,
            layer,
            np.stack([made.placed(one, box, network.preprocessing.crop, mean) for one in stored]),
            units=piece.units,
            positions=[frame.position] * len(stored),
            below=below,
            slots=run.slots,
        )
        found |= {f"{kind} before": seen.before, f"{kind} after": seen.after}
        for place, file in enumerate(files):
            found[f"{kind} {place}"] = np.frombuffer(file, np.uint8)
        for one in below:
            own = zip(seen.below[one.id], seen_nine, strict=True)
            found[f"{kind} {one.id}"] = np.array([_between(v[None], n[one.id]) for v, n in own])
    return found


def _seen_nine(
    run: Run, name: str, unit: int, nine: Nine, below: Sequence[Layer]
) -> dict[str, np.ndarray]:
    """The mean activations ``[9, U]`` of the layers below in what a unit sees of its nine."""
    if not nine.images or not below:
        return {one.id: np.zeros((0, one.units)) for one in below}
    return paths.seen(
        run.network,
        run.network.layer(name),
        stimuli_of(run, nine.images),
        units=[unit] * len(nine.images),
        positions=nine.positions,
        below=below,
        slots=run.slots,
    ).below


def _pairs(nine: np.ndarray) -> float:
    return paths.mean(paths.rank_correlations(nine, nine)[np.triu_indices(len(nine), 1)])


def _between(some: np.ndarray, nine: np.ndarray) -> float:
    return paths.mean(paths.rank_correlations(some, nine).ravel())


def _outcome(
    run: Run,
    name: str,
    nines: Mapping[int, Nine],
    parts: Sequence[tuple[Piece, dict[str, np.ndarray]]],
    frame: Frame,
    kinds: Sequence[str],
) -> LayerWants:
    """What a layer's document says; the pictures are written on the way."""
    below = [one.id for one in paths.layers_below(run.network, run.network.layer(name))]
    (run.folder / name / "wants").mkdir(parents=True, exist_ok=True)
    units = []
    for piece, part in parts:
        for place, unit in enumerate(piece.units):
            of_kinds = []
            for kind in kinds:
                file = run.folder / made_file(name, unit, kind)
                file.write_bytes(part[f"{kind} {place}"].tobytes())
                through = np.array([part[f"{kind} {one}"][place] for one in below])
                of_kinds.append(
                    Made(
                        kind,
                        significant(part[f"{kind} after"][place]),
                        significant(part[f"{kind} before"][place]),
                        _known(paths.mean(through)),
                    )
                )
            natural = np.array([part[f"nine {one}"][place] for one in below])
            chance = np.array([part[f"any {one}"][place] for one in below])
            units.append(
                UnitWants(
                    unit,
                    ascent.seed_of(name, unit),
                    nines[unit].strongest,
                    _known(paths.mean(natural)),
                    _known(paths.mean(chance)),
                    tuple(of_kinds),
                )
            )

    def through_all(what: str) -> float | None:
        every = [part[what] for _, part in parts]
        return _known(paths.mean(np.concatenate(every)))

    return LayerWants(
        frame.position,
        frame.box.as_tuple(),
        frame.size,
        ascent.STEPS,
        tuple(kinds),
        tuple(sorted(units, key=lambda one: one.unit)),
        tuple(
            Path(one, *(through_all(f"{what} {one}") for what in (FOURIER, "nine", "any")))
            for one in below
        ),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _bytes(plan: Plan) -> int:
    """About a fifth of a byte for each pixel, at most."""
    each = plan.units if plan.wants == ALL else sum(min(6, one.units) for one in plan.layers)
    return each * (400 + plan.side[0] * plan.side[1] // 5)


STAGE = Stage(
    "wants",
    run,
    (WANTS,),
    needs=("scan", "nine", "summary"),
    inputs=("network", "images", "slots"),
    settings=("layers", "wants", "wants_more"),
    files=("*/wants/*.webp",),
    estimate=_bytes,
)
